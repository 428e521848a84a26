"""VRNNs whose parameters all matter, and the integrals over their paths of codes in numpy.

The codes of a step lie on a grid of Gauss-Hermite nodes placed by the prior, or by q; each node leads to a
state of its own, so that T steps of n nodes have n^T paths.
"""

from __future__ import annotations

import numpy as np
import torch

from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.composite import Sequence
from simulacra.core.spaces.plain import Binary, Real
from simulacra.models.variational.sequences.vrnn import VRNN

STEPS = {"binary": Binary((2,)), "real": Real((2,)), "classes": Categorical((), 3)}
STYLES = Categorical((), 3)
NODES = 40


def shaken(kind: str = "binary", T: int = 2, styled: bool = False, size: float = 0.4, **options) -> VRNN:
    """A model whose parameters all matter; its q is far from the posterior."""
    options = {"latent": 1, "state": 3, "hidden": (5,), "activation": "tanh", **options}
    model = VRNN(Sequence((T,), of=STEPS[kind]), STYLES if styled else None, **options)
    torch.manual_seed(7)
    with torch.no_grad():
        for p in model.parameters():
            p.normal_(0, size)
        # deviations near 1, so that few nodes integrate what a wide code would tear apart
        last = [model.net.to_prior[2], model.net.to_posterior[2]]
        for layer in last + [model.net.to_x[2]] * (kind == "real"):
            half = len(layer.bias) // 2
            layer.weight[half:] *= 0.2
            layer.bias[half:] *= 0.2
        # q covers the posterior, so that weights have a small variance
        last[1].weight[: model.latent] *= 0.25
        last[1].bias[model.latent :] += 0.5
    return model.eval()


def rows(kind: str, n: int = 4, T: int = 2) -> torch.Tensor:
    random = np.random.default_rng(3)
    if kind == "real":
        return torch.from_numpy(random.normal(size=(n, T, 2)))
    shape = (n, T, 2) if kind == "binary" else (n, T)
    return torch.from_numpy(random.integers(0, 2 if kind == "binary" else 3, size=shape))


class Network:
    """The equations of `nets.latent_recurrence` in numpy, for one row and M paths."""

    def __init__(self, model: VRNN, kind: str, style: int | None = None):
        self.w = {name: p.detach().numpy() for name, p in model.net.named_parameters()}
        self.kind = kind
        self.u = np.zeros(0) if style is None else np.eye(3)[style]

    def mlp(self, name: str, x: np.ndarray) -> np.ndarray:
        hidden = np.tanh(x @ self.w[f"{name}.0.weight"].T + self.w[f"{name}.0.bias"])
        last = f"{name}.2"
        if f"{last}.weight" not in self.w:
            return hidden
        return hidden @ self.w[f"{last}.weight"].T + self.w[f"{last}.bias"]

    def beside(self, *parts: np.ndarray) -> np.ndarray:
        M = max(len(p) for p in parts)
        given = np.tile(self.u, (M, 1))
        return np.concatenate([*(np.broadcast_to(p, (M, p.shape[1])) for p in parts), given], 1)

    def phi_x(self, x: np.ndarray) -> np.ndarray:
        f = np.eye(3)[int(x)] if self.kind == "classes" else x
        return self.mlp("phi_x.0", f[None].astype(float))

    def phi_z(self, z: np.ndarray) -> np.ndarray:
        return self.mlp("phi_z.0", z[:, None])

    def prior(self, h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return tuple(self.mlp("to_prior", self.beside(h)).T)

    def posterior(self, x: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return tuple(self.mlp("to_posterior", self.beside(h, self.phi_x(x))).T)

    def log_x(self, x: np.ndarray, z: np.ndarray, h: np.ndarray) -> np.ndarray:
        y = self.mlp("to_x", self.beside(h, self.phi_z(z)))
        if self.kind == "binary":
            return (x * y - np.logaddexp(0, y)).sum(1)
        if self.kind == "classes":
            return y[:, int(x)] - np.logaddexp.reduce(y, 1)
        loc, log_scale = y[:, :2], y[:, 2:]
        return (-0.5 * ((x - loc) / np.exp(log_scale)) ** 2 - log_scale - 0.5 * np.log(2 * np.pi)).sum(1)

    def next(self, x: np.ndarray, z: np.ndarray, h: np.ndarray) -> np.ndarray:
        inputs, S = self.beside(self.phi_z(z), self.phi_x(x)), h.shape[1]
        a = inputs @ self.w["cell.weight_ih"].T + self.w["cell.bias_ih"]
        b = h @ self.w["cell.weight_hh"].T + self.w["cell.bias_hh"]
        sg = lambda t: 1 / (1 + np.exp(-t))
        r, v = sg(a[:, :S] + b[:, :S]), sg(a[:, S : 2 * S] + b[:, S : 2 * S])
        return (1 - v) * np.tanh(a[:, 2 * S :] + r * b[:, 2 * S :]) + v * h


def nodes(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and log-weights of a mean under N(0, 1)."""
    z, w = np.polynomial.hermite_e.hermegauss(n)
    return z, np.log(w / w.sum())


def log_p(net: Network, x: np.ndarray, state: int, n: int = NODES) -> float:
    """log p(x) of one row by quadrature over all paths of codes under the prior."""
    e, log_e = nodes(n)
    h, total = np.zeros((1, state)), np.zeros(1)
    for x_t in x:
        mu, log_sigma = net.prior(h)
        z = (mu[:, None] + np.exp(log_sigma)[:, None] * e).ravel()
        h, total = h.repeat(n, 0), (total[:, None] + log_e).ravel()
        total = total + net.log_x(x_t, z, h)
        h = net.next(x_t, z, h)
    return float(np.logaddexp.reduce(total))


def elbo(net: Network, x: np.ndarray, state: int, n: int = NODES) -> tuple[float, float]:
    """The bound (5) of one row and its KL, by quadrature over all paths under q."""
    e, log_e = nodes(n)
    h, p, bound, rate = np.zeros((1, state)), np.ones(1), 0.0, 0.0
    for x_t in x:
        (m, s), (m0, s0) = net.posterior(x_t, h), net.prior(h)
        kl = s0 - s + (np.exp(2 * s) + (m - m0) ** 2) / (2 * np.exp(2 * s0)) - 0.5
        z = (m[:, None] + np.exp(s)[:, None] * e).ravel()
        rate += p @ kl
        h, p = h.repeat(n, 0), (p[:, None] * np.exp(log_e)).ravel()
        bound += p @ net.log_x(x_t, z, h)
        h = net.next(x_t, z, h)
    return float(bound - rate), float(rate)
