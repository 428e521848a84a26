"""Rows of numbers on normal scores, grades and classes, enumerated; Tabular's equations with loops.

Nothing here but weights comes from the library.
"""

from __future__ import annotations

import itertools

import numpy as np
import torch
from scipy.special import log_softmax, logsumexp
from scipy.stats import norm

from simulacra.core.spaces.classes import Categorical, Ordinal
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.numeric import Scores
from simulacra.core.spaces.plain import Binary, Space

TWO = Table(a=Scores(edges=(-0.4, 0.6)), b=Categorical((), 3))
THREE = Table(s=Binary(), a=Scores(edges=(-0.9, 0.1, 0.8)), b=Ordinal((), 3))
SPACES = {"two": TWO, "three": THREE}


def ends_of(column: Scores) -> np.ndarray:
    return np.array([-np.inf, *column.edges, np.inf])


def size(column: Space) -> int:
    """How many values a column has."""
    if isinstance(column, Scores):
        return len(column.edges) + 1
    return 2 if isinstance(column, Binary) else column.classes


def values(column: Space) -> np.ndarray:
    """A number for each value: for a cell one near its lower end, which is not its expectation."""
    if not isinstance(column, Scores):
        return np.arange(size(column), dtype=float)
    ends = ends_of(column)
    return np.array([ends[1] - 2.0, *(ends[1:-1] + 0.01)]) if len(ends) > 2 else np.zeros(1)


def features(column: Space) -> np.ndarray:
    """What networks see of each value, (values, features)."""
    n = size(column)
    if isinstance(column, Scores):
        ends = ends_of(column)
        f = (-np.diff(norm.pdf(ends)) / np.diff(norm.cdf(ends)))[:, None]
        # the shares of eight parts of the scores that lie below it
        q = np.array([-2.5, *norm.ppf(np.arange(1, 8) / 8), 2.5])
        return np.hstack([f, np.clip((f - q[:-1]) / np.diff(q), 0, 1)])
    if isinstance(column, Categorical) and not isinstance(column, Ordinal):
        return np.eye(n)
    return np.tril(np.ones((n, n)))[:, 1:]


def codes(space: Table) -> np.ndarray:
    """All rows as numbers of values, (rows, columns)."""
    sizes = [size(column) for _, column in space.fields]
    return np.array(list(itertools.product(*map(range, sizes))))


def rows(space: Table) -> torch.Tensor:
    """The same rows in the units of the space."""
    found = [values(column)[c] for (_, column), c in zip(space.fields, codes(space).T, strict=True)]
    return torch.tensor(np.stack(found, 1))


def codes_of(space: Table, x: torch.Tensor) -> np.ndarray:
    """The numbers of the values of drawn rows."""
    found = []
    for (_, column), value in zip(space.fields, x.double().numpy().T, strict=True):
        scores = isinstance(column, Scores)
        found.append(np.searchsorted(column.edges, value, side="right") if scores else value.astype(int))
    return np.stack(found, 1)


def numbered(space: Table, c: np.ndarray) -> np.ndarray:
    """One number for each row of codes: its place in `codes`."""
    return np.ravel_multi_index(c.T, [size(column) for _, column in space.fields])


def log_masses(column: Space, p: np.ndarray, mixtures: int) -> np.ndarray:
    """Equation (2) of `tabular`: log P of every value."""
    if not isinstance(column, Scores):
        return log_softmax(p[: size(column)])
    m, log_s, logits = (p[i * mixtures : (i + 1) * mixtures] for i in range(3))
    if mixtures == 1:
        logits = np.zeros(1)
    s = np.exp(np.clip(log_s, -5, 3))
    u = (ends_of(column)[:, None] - m) / s
    return np.log(np.diff(norm.cdf(u), axis=0) @ np.exp(log_softmax(logits)))


@torch.no_grad()
def log_p(model, o: int = 0) -> np.ndarray:
    """log p of all rows in order o, equation (1): every network by loops over what it may see."""
    columns, c = [column for _, column in model.space.fields], codes(model.space)
    shown, order = [features(column) for column in columns], model.orderings[o].tolist()
    weights = [w.double().numpy() for w in model.nets[o].weights]
    biases = [b.double().numpy() for b in model.nets[o].biases]
    lines = model.nets[o].regression.double().numpy()
    total = np.zeros(len(c))
    for r, row in enumerate(c):
        for t, j in enumerate(order):
            seen = [f[v] * (i in order[:t]) for i, (f, v) in enumerate(zip(shown, row, strict=True))]
            h = np.concatenate(seen)
            line = lines[j] @ h * (np.arange(max(model.heads.outputs)) < model.heads.mixtures)
            line = line if isinstance(columns[j], Scores) else 0 * line
            for layer, (W, b) in enumerate(zip(weights, biases, strict=True)):
                h = W[j] @ (h if layer == 0 else np.maximum(h, 0)) + b[j]
            total[r] += log_masses(columns[j], h + line, model.heads.mixtures)[row[j]]
    return total


def log_p_ensemble(model) -> np.ndarray:
    """Equation (3)."""
    each = np.stack([log_p(model, o) for o in range(len(model.nets))])
    return logsumexp(each, axis=0) - np.log(len(each))


def log_marginal(space: Table, log_joint: np.ndarray, known: tuple[bool, ...]) -> np.ndarray:
    """log p of the known columns of every row: the sum over the values of the others."""
    box = log_joint.reshape([size(column) for _, column in space.fields])
    gone = tuple(j for j, k in enumerate(known) if not k)
    summed = logsumexp(box, axis=gone, keepdims=True) if gone else box
    return np.broadcast_to(summed, box.shape).ravel()


class Rows:
    """A source of training rows."""

    def __init__(self, x: torch.Tensor, known: torch.Tensor | None = None):
        self.x, self.known = x, known

    def __len__(self) -> int:
        return len(self.x)

    def batch(self, index: torch.Tensor, rng):
        from simulacra.core.batch import Batch

        known = None if self.known is None else self.known[index]
        return Batch(self.x[index], known=known, rows=rng.rows)
