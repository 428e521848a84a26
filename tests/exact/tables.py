"""Tables with fields of several kinds: their laws by scipy, grids over their values, exact evidence.

Nothing here but the numbers of a decoder comes from the library.
"""

from __future__ import annotations

import numpy as np
import scipy
import torch
from oracles import normal_grid
from scipy.special import expit, log_softmax, logsumexp

from simulacra.core.spaces.classes import Categorical, Ordinal
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Binary, Count, Positive, Real, Space

MIXED = {
    "ordinal and positive": Table(a=Ordinal((), 3), b=Positive()),
    "categorical and real": Table(a=Categorical((), 3), b=Real()),
    "count and binary": Table(a=Count(), b=Binary()),
    "three": Table(a=Real(), b=Ordinal((), 4), c=Binary()),
}


def numbers(field: Space) -> int:
    """How many numbers the law of one entry has."""
    if isinstance(field, Categorical):
        return field.classes
    return field.classes - 1 if isinstance(field, Ordinal) else 1 if isinstance(field, Binary) else 2


def class_masses(field: Space, p: np.ndarray) -> np.ndarray:
    """Masses of the values 0..K-1 of a field of classes, shape (grid, K)."""
    if isinstance(field, Binary):
        return np.stack([expit(-p[:, 0]), expit(p[:, 0])], 1)
    if isinstance(field, Categorical):
        return np.exp(log_softmax(p, axis=1))
    gaps = np.logaddexp(0, p)
    gaps[:, 0] = p[:, 0]
    below = np.pad(expit(np.cumsum(gaps, 1)), ((0, 0), (1, 0)))
    return np.diff(np.pad(below, ((0, 0), (0, 1)), constant_values=1.0), axis=1)


def law(field: Space, p: np.ndarray):
    """scipy's law of a field that is no class, its parameters as columns for broadcasting."""
    a, b = p[:, :1], np.exp(p[:, 1:])
    if isinstance(field, Real):
        return scipy.stats.norm(a, b)
    return (
        scipy.stats.lognorm(b, scale=np.exp(a))
        if isinstance(field, Positive)
        else scipy.stats.nbinom(b, b / (b + np.exp(a)))
    )


def field_log_p(field: Space, p: np.ndarray, x: np.ndarray) -> np.ndarray:
    """log p of the values x (B,) under each row of numbers p (grid, P), shape (grid, B)."""
    if isinstance(field, (Binary, Categorical, Ordinal)):
        return np.log(class_masses(field, p))[:, x.astype(int)]
    return law(field, p).logpmf(x) if isinstance(field, Count) else law(field, p).logpdf(x)


def values(field: Space, n: int = 1201) -> tuple[np.ndarray, np.ndarray]:
    """All values of a field, or a grid over them, and the logarithms of their weights."""
    if isinstance(field, (Categorical, Ordinal)):
        return np.arange(field.classes, dtype=float), np.zeros(field.classes)
    if isinstance(field, (Binary, Count)):
        x = np.arange(2.0 if isinstance(field, Binary) else n)
        return x, np.zeros(len(x))
    u = np.linspace(-10, 10, n) if isinstance(field, Real) else np.linspace(-40, 40, n)
    x, slope = (np.sinh(u), np.cosh(u)) if isinstance(field, Real) else (np.exp(u), np.exp(u))
    return x, np.log(slope * (u[1] - u[0]))


@torch.no_grad()
def codes_and_numbers(model) -> tuple[np.ndarray, list[np.ndarray]]:
    """Log-weights of a grid of codes, and the numbers of each field's law there, (grid, P) each."""
    z, log_w = normal_grid()
    p = model.decoder(torch.tensor(z).unsqueeze(1)).numpy().reshape(len(z), -1)
    ends = np.cumsum([numbers(field) for _, field in model.space.fields])
    return log_w, np.split(p, ends[:-1], axis=1)


def log_joint(model, x: np.ndarray, known: np.ndarray) -> np.ndarray:
    """log p(x_known, z) at the grid of codes, shape (grid, B): the sum over the known fields."""
    log_w, parts = codes_and_numbers(model)
    total = log_w[:, None] + np.zeros(len(x))
    for j, (_, field) in enumerate(model.space.fields):
        safe = np.where(known[:, j], x[:, j], 1.0)
        total += np.where(known[:, j], field_log_p(field, parts[j], safe), 0.0)
    return total


def log_evidence_of(model, x: np.ndarray, known: np.ndarray | None = None) -> np.ndarray:
    """log p(x_known) by quadrature over the code, shape (B,)."""
    return logsumexp(log_joint(model, x, np.ones(x.shape, bool) if known is None else known), axis=0)


def small_table_model(build, name: str, seed: int = 4, gain: float = 1.5, **options):
    """A model of 1-D code whose posterior is not its prior, and whose q is wider than both.

    The last makes importance weights bounded, so that their standard errors mean what they say.
    """
    torch.manual_seed(seed)
    model = build(MIXED[name], latent=1, hidden=(5,), activation="tanh", **options)
    with torch.no_grad():
        for p in model.decoder.parameters():
            p.mul_(gain)
        model.encoder.body[-1].bias[1] = 0.3
        model.encoder.body[-1].weight.mul_(0.5)
    return model


def table_rows(name: str, n: int = 5, seed: int = 8) -> torch.Tensor:
    """n rows of the fields of `name`, shape (n, d)."""
    rng = np.random.default_rng(seed)
    columns = []
    for _, field in MIXED[name].fields:
        column = rng.normal(size=n)
        if field.discrete:
            top = {Binary: 2, Count: 6}.get(type(field)) or field.classes
            column = rng.integers(0, top, n).astype(float)
        columns.append(np.exp(column) if isinstance(field, Positive) else column)
    return torch.tensor(np.stack(columns, 1))
