"""Deep Boltzmann machines of few units, and all their states from the equations: numpy alone computes."""

from __future__ import annotations

import numpy as np
import torch
from machines import numbers, randomise
from oracles import states
from scipy.special import expit, logsumexp, softmax


def randomised(model, scale: float = 1.0, offsets: bool = True):
    """The model with random parameters, and random offsets where these are asked for."""
    randomise(model, scale)
    for i in range(len(model.names)):
        if offsets:
            model.offset(i).copy_(torch.rand_like(model.offset(i)))
    return model


def parts(model) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
    """W_1.., b_0.., and offsets o_0.. of the layers."""
    t = numbers(model)
    n = len(model.names)
    offsets = [t[f"offset_{name}"] for name in model.names]
    return [t[f"W.{i}"] for i in range(n - 1)], [t[f"b.{i}"] for i in range(n)], offsets


def score(model, x: list[np.ndarray], label: int | None = None) -> np.ndarray:
    """-E of equation (1) for values or means x_0.. of the layers, shape (B, units) each."""
    w, b, o = parts(model)
    away = [value - offset for value, offset in zip(x, o)]
    total = sum(a @ bias for a, bias in zip(away, b))
    total = total + sum(np.einsum("ni,ij,nj->n", a, m, z) for a, m, z in zip(away, w, away[1:]))
    if label is not None:
        t = numbers(model)
        total = total + t["d"][label] + away[-1] @ t["U"][:, label]
    return total


def everything(model, label: int | None = None) -> tuple[list[np.ndarray], np.ndarray]:
    """All joint states, layer by layer, and -E of each."""
    sizes = [len(b) for b in parts(model)[1]]
    whole = states(sum(sizes))
    x = np.split(whole, np.cumsum(sizes)[:-1], axis=1)
    return x, score(model, x, label)


def log_p_visible(model, label: int | None = None) -> np.ndarray:
    """log p(v) of all v, in the order of `states`."""
    x, s = everything(model, label)
    # v stands in front: its states are the slow ones
    return logsumexp(s.reshape(2 ** x[0].shape[1], -1), axis=1) - logsumexp(s)


def posterior(model, v: np.ndarray, label: int | None = None) -> tuple[list[np.ndarray], np.ndarray]:
    """All states of the hidden layers, and their log-probabilities given one v."""
    sizes = [len(b) for b in parts(model)[1]][1:]
    h = states(sum(sizes))
    layers = np.split(h, np.cumsum(sizes)[:-1], axis=1)
    s = score(model, [np.tile(v, (len(h), 1)), *layers], label)
    return layers, s - logsumexp(s)


def binary_entropy(p: np.ndarray) -> np.ndarray:
    """H of independent units in nats, shape (B,)."""
    q = np.clip(p, 1e-300, 1 - 1e-16)
    return -(q * np.log(q) + (1 - q) * np.log(1 - q)).sum(1)


class MeanField:
    """The updates of equation (3) in loops over the layers and the label, apart from the model."""

    def __init__(self, model):
        self.w, self.b, self.o = parts(model)
        t = numbers(model)
        self.U, self.d = t.get("U"), t.get("d")

    def field(self, mu: list[np.ndarray], i: int, y: np.ndarray | None) -> np.ndarray:
        """The field on layer i."""
        f = np.tile(self.b[i], (len(mu[0]), 1))
        if i:
            f = f + (mu[i - 1] - self.o[i - 1]) @ self.w[i - 1]
        if i + 1 < len(mu):
            f = f + (mu[i + 1] - self.o[i + 1]) @ self.w[i].T
        elif y is not None:
            f = f + y @ self.U.T
        return f

    def run(self, v, v_known, y=None, y_known=None, steps: int = 5) -> tuple[list[np.ndarray], np.ndarray]:
        """The means of all layers and of the label after `steps`."""
        top = len(self.b) - 1
        mu = [np.where(v_known, v, expit(self.b[0]))]
        for i in range(1, top + 1):
            up = (mu[i - 1] - self.o[i - 1]) @ self.w[i - 1]
            mu.append(expit(self.b[i] + (up if i == top else 2 * up)))
        if y is not None:
            known, truth = y_known, y
            y = np.where(known, truth, softmax(self.d))
        for _ in range(steps):
            for parity in (1, 0):
                new = list(mu), y
                for i in range(parity, top + 1, 2):
                    mean = expit(self.field(mu, i, y))
                    new[0][i] = np.where(v_known, v, mean) if i == 0 else mean
                if y is not None and (top + 1) % 2 == parity:
                    new = new[0], np.where(known, truth, softmax(self.of_label(mu), axis=1))
                mu, y = new
        return mu, y

    def of_label(self, mu: list[np.ndarray]) -> np.ndarray:
        """The field on the label."""
        return self.d + (mu[-1] - self.o[-1]) @ self.U
