"""Boltzmann machines of few units, and all their states from the equations: numpy alone computes."""

from __future__ import annotations

import numpy as np
import torch
from oracles import states
from scipy.special import logsumexp
from torch import Tensor, nn

from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary
from simulacra.models.boltzmann import RBM
from simulacra.models.boltzmann.machine.energy_model import Machine
from simulacra.models.boltzmann.machine.units import Bernoulli, Units


def randomise(model: nn.Module, scale: float = 1.0) -> None:
    """Every parameter normal with deviation `scale`."""
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(scale * torch.randn_like(p))


def random_rbm(d: int, m: int, scale: float = 1.0, **options) -> RBM:
    """An RBM over d binary units with random weights and biases."""
    model = RBM(Binary((d,)), hidden=m, **options)
    randomise(model, scale)
    return model


def offset(model: RBM) -> RBM:
    """Offsets of both layers in (0, 1)."""
    model.mu.copy_(torch.rand_like(model.mu))
    model.lam.copy_(torch.rand_like(model.lam))
    return model


def numbers(model: nn.Module) -> dict[str, np.ndarray]:
    """Parameters and buffers by name."""
    return {name: t.detach().numpy() for name, t in model.state_dict().items()}


def joint(model: RBM, u: np.ndarray | None = None, beta: float = 1.0) -> tuple[np.ndarray, ...]:
    """All v, all h and -E_beta(v, h) of each pair, with offsets, for a condition u (k,) or none.

    -E = b'(v - mu) + c'(h - lam) + (v - mu)'W(h - lam), on the path to free units of field `base`.
    """
    t = numbers(model)
    b, c = (t["b"], t["c"]) if u is None else (t["b"] + t["A"] @ u, t["c"] + t["B"] @ u)
    v, h = states(len(b)), states(len(c))
    x, y = v - t["mu"], h - t["lam"]
    score = (x @ b)[:, None] + (y @ c)[None] + x @ t["W"] @ y.T
    return v, h, beta * score + (1 - beta) * (v @ t["base"])[:, None]


def log_law(score: np.ndarray) -> np.ndarray:
    """log p(v) of all v from -E(v, h) of all pairs."""
    return logsumexp(score, axis=1) - logsumexp(score)


class Triangle(Machine):
    """Three blocks: -E = a'v + b'g + c'h + sum T_ijk v_i g_j h_k + v'Ug, with h summed out."""

    def __init__(self, d: int = 2, m: int = 1, n: int = 1):
        layers = {"v": Bernoulli(), "g": Bernoulli(), "h": Bernoulli()}
        shapes = {"v": (d,), "g": (m,), "h": (n,)}
        super().__init__(Binary((d,)), layers, shapes, (("h",), ("v",), ("g",)), burn_in=20)
        self.a, self.b, self.c = (nn.Parameter(torch.randn(size)) for size in (d, m, n))
        self.U, self.T = nn.Parameter(torch.randn(d, m)), nn.Parameter(1.5 * torch.randn(d, m, n))

    def energy(self, layers: dict[str, Tensor], c: Tensor | None = None) -> Tensor:
        """E of the equation above, shape (B,)."""
        v, g, h = layers["v"], layers["g"], layers["h"]
        third = torch.einsum("bi,bj,bk,ijk->b", v, g, h, self.T)
        return -(v @ self.a + g @ self.b + h @ self.c + third + ((v @ self.U) * g).sum(1))


def triangle_scores(model: Triangle, beta: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """All (v, g), and -E_beta of each of them with each h, shape (2^(d + m), 2^n)."""
    t = numbers(model)
    d = len(t["a"])
    x, h = states(d + len(t["b"])), states(len(t["c"]))
    v, g = x[:, :d], x[:, d:]
    alone = v @ t["a"] + g @ t["b"] + np.einsum("ni,nj,ij->n", v, g, t["U"])
    score = alone[:, None] + h @ t["c"] + np.einsum("ni,nj,mk,ijk->nm", v, g, h, t["T"])
    return x, beta * score + (1 - beta) * (v @ t["base"])[:, None]


class Prescribed(Units):
    """Bernoulli units whose draws the test chooses, and the log-probability of what it chose.

    Row r takes for its draws, in their order, the bits of its number: rows 0..2^bits - 1 are all paths.
    """

    def __init__(self, paths: Paths):
        self.paths = paths

    mean, log_partition, log_measure = Bernoulli.mean, Bernoulli.log_partition, Bernoulli.log_measure
    log_states, states = Bernoulli.log_states, Bernoulli.states

    def draw(self, field: Tensor, rng, name: str, rows=None) -> Tensor:
        """The next bits of each row."""
        bits = self.paths.take(field.shape[1])
        p = torch.sigmoid(field)
        self.paths.log_p = self.paths.log_p + torch.where(bits == 1, p, 1 - p).log().sum(1)
        return bits


class Paths:
    """All ways in which a machine of Bernoulli units can draw `bits` bits.

    `log_p` is the log-probability of each way, after the machine has drawn.
    """

    def __init__(self, model: Machine, bits: int, starts: int = 1):
        self.bits = torch.tensor(np.tile(states(bits), (starts, 1)))
        self.log_p = torch.zeros(len(self.bits))
        self.taken = 0
        self.rows = range(len(self.bits))
        for name in model.units:
            model.units[name] = Prescribed(self)

    def take(self, n: int) -> Tensor:
        """The next n bits of each row, shape (rows, n)."""
        self.taken += n
        assert self.taken <= self.bits.shape[1], "more draws than the test counts"
        return self.bits[:, self.taken - n : self.taken]


def transitions(model: Machine, bits: int, beta: float = 1.0) -> Tensor:
    """The matrix of one sweep of the machine over all states of its chain, by all of its paths."""
    x = torch.tensor(states(sum(model.shapes[name][0] for name in model.rest)))
    paths = Paths(model, bits, starts=len(x))
    begun = x.repeat_interleave(2**bits, dim=0)
    after = model.packed(model.sweep(model.unpacked(begun), Rng(0), paths.rows, beta=beta))
    assert paths.taken == bits
    code = 2 ** torch.arange(x.shape[1] - 1, -1, -1.0)
    matrix = torch.zeros(len(x), len(x))
    place = (begun @ code).long(), (after.detach() @ code).long()
    return matrix.index_put(place, paths.log_p.detach().exp(), accumulate=True)


def block_kernel(p: np.ndarray, x: np.ndarray, block: list[int]) -> np.ndarray:
    """The matrix that draws the entries `block` given the others, of the law p (n,) of states x."""
    held = [i for i in range(x.shape[1]) if i not in block]
    same = (x[:, None, held] == x[None, :, held]).all(-1)
    return same * p / (same * p).sum(1, keepdims=True)
