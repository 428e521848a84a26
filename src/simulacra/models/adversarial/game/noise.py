"""The noise z of a generator: draws from its prior, whole or within bounds.

    z = Phi^-1(Phi(-a) + u (Phi(a) - Phi(-a))),   u uniform on [0, 1)                     (1)

Reference: Brock, Donahue and Simonyan 2019, the truncation trick.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from simulacra.core.capabilities.sampling import Sampling
from simulacra.core.numerics.precision import to_float64
from simulacra.core.random.keyed import Rng


@dataclass(frozen=True)
class Truncation(Sampling):
    """Options of drawing from a generator.

    Args:
        truncation: largest absolute value of an entry of the noise z, which is drawn from the normal prior
            within it: nearer to the likeliest samples, with less variety; None: the whole prior.

    Raises:
        ValueError: if it is not above 0.
    """

    truncation: float | None = None

    def __post_init__(self) -> None:
        if self.truncation is not None and not 0 < self.truncation < float("inf"):
            raise ValueError(
                f"truncation is {self.truncation}, but a bound of the noise is a number above 0, such as 0.7."
            )


def drawn_noise(rng: Rng, name: str, size: int, prior: str, dtype: torch.dtype) -> Tensor:
    """Draws z from a prior, shape (B, size).

    Args:
        rng: source of random numbers.
        name: name of the draw.
        size: entries of z; 0: no noise.
        prior: `normal`, `uniform` in [-1, 1], or `sphere`: normal, scaled to the length sqrt(size).
        dtype: floating-point type.

    Example:
        >>> drawn_noise(Rng(0, rows=range(3)), "z", 0, "normal", torch.float32).shape
        torch.Size([3, 0])
    """
    if prior == "uniform":
        return 2 * rng.uniform(name, size, dtype=dtype) - 1
    z = rng.normal(name, size, dtype=dtype)
    return z if prior == "normal" or not size else z * size**0.5 / z.norm(dim=1, keepdim=True)


def noise_within(rng: Rng, size: int, most: float, dtype: torch.dtype) -> Tensor:
    """Draws z from N(0, 1) within [-most, most] by equation (1), shape (B, size), in double precision.

    Args:
        rng: source of random numbers.
        size: entries of z.
        most: bound a of each entry.
        dtype: floating-point type of u.
    """
    # in double precision, where u = 0 gives -a and not -inf
    u = to_float64(rng.uniform("z truncated", size, dtype=dtype))
    tail = torch.special.ndtr(u.new_tensor(-most))
    # (1)
    return torch.special.ndtri(tail + u * (1 - 2 * tail))
