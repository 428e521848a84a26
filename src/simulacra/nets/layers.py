"""Shared layers: activations by name, and dropout with keyed random numbers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import Tensor, nn
from torch.nn import functional as F

from simulacra.core.random.keyed import current_rng

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "softplus": nn.Softplus,
    "silu": nn.SiLU,
    "leaky-relu": nn.LeakyReLU,
    "leaky-relu-0.2": partial(nn.LeakyReLU, 0.2),  # the slope of Radford et al. 2015
}


def activation(name: str) -> nn.Module:
    """Returns a new activation module by its name in `ACTIVATIONS`.

    Raises:
        ValueError: if the name is unknown.
    """
    if name not in ACTIVATIONS:
        raise ValueError(f"activation {name!r} is unknown; possible are {', '.join(ACTIVATIONS)}.")
    return ACTIVATIONS[name]()


class Dropout(nn.Module):
    """Dropout with random numbers keyed by the training step, so that a resumed run repeats them.

    In a hand-written loop without `core.random.keyed.ambient` it falls back to torch's generator.

    Args:
        p: probability of dropping an entry, in [0, 1).

    Raises:
        ValueError: if `p` is out of range.
    """

    def __init__(self, p: float):
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"dropout is {p}, but it must lie in [0, 1).")
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Returns x with dropped entries, scaled by 1 / (1 - p)."""
        if not self.training or self.p == 0:
            return x
        rng = current_rng()
        if rng is None:
            return F.dropout(x, self.p)
        assert isinstance(rng.rows, range)
        keep = rng.uniform(rng.anonymous(), *x.shape[1:], rows=_rows(rng.rows, len(x)), dtype=x.dtype)
        return x * (keep >= self.p) / (1 - self.p)


def _rows(rows: range, n: int) -> range:
    """Returns row numbers for n inputs: those of the batch, or n / rows of their own for each."""
    if n == len(rows):
        return rows
    each = n // max(1, len(rows))
    return range(rows.start * each, rows.start * each + n)
