"""Mu-law companding: quantizes waves to levels that are fine for quiet samples (ITU-T G.711).

    f(x) = sign(x) ln(1 + mu |x|) / ln(1 + mu),    mu = levels - 1                      (1)
    code = round(mu (f(x) + 1) / 2)                                                       (2)
    x'   = sign(f) ((1 + mu)^|f| - 1) / mu    at f = 2 code / mu - 1                      (3)

f maps [-1, 1] onto itself, and codes are bins of f of width 2 / mu, so that a quiet sample keeps
a small error: from (2), |f(x) - f(x')| <= 1 / mu, and since f^-1 is convex in |f|,

    |x - x'| <= (1 + mu |x|) ((1 + mu)^(1/mu) - 1) / mu.                                  (4)

Many x share one code: the score of a model of codes is log P(code), a probability, not a density of x.

van den Oord et al., "WaveNet: a generative model for raw audio", 2016, section 2.2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor

from simulacra.core.preprocessing.transforms import Transform
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.plain import Levels, Space


@dataclass(frozen=True)
class MuLaw(Transform):
    """Quantizes waves to mu-law levels.

    Args:
        levels: number of codes, mu + 1.
        centre: mean of the codes of training rows (`core.spaces.abstract`); None: features over all levels.
        spread: their standard deviation, or None.

    Example:
        >>> step = MuLaw(256)
        >>> codes = step.forward(torch.tensor([-1.0, 0.0, 0.01, 1.0]), Rng(0))
        >>> codes.tolist(), [round(x, 4) for x in step.inverse(codes).tolist()]
        ([0, 128, 157, 255], [-1.0, 0.0001, 0.0102, 1.0])
    """

    levels: int = 256
    centre: float | None = field(default=None, compare=False)
    spread: float | None = field(default=None, compare=False)
    lossy: ClassVar[bool] = True

    @property
    def mu(self) -> int:
        """Constant mu, levels - 1."""
        return self.levels - 1

    def space(self, before: Space) -> Space:
        """Returns the space of levels of the same shape."""
        if not isinstance(before, Audio):
            raise ValueError(
                f"mu_law={self.levels} needs waves in [-1, 1] (recordings), but the data are {before}."
            )
        return Levels(before.shape, self.levels, centre=self.centre, spread=self.spread)

    def forward(self, x: Tensor, rng: Rng) -> Tensor:
        """Returns the codes of x in [-1, 1] as integers."""
        x = x if x.is_floating_point() else x.to(torch.get_default_dtype())
        # (1)
        f = x.sign() * torch.log1p(self.mu * x.abs()) / math.log1p(self.mu)
        # (2)
        codes = ((f + 1) * (self.mu / 2)).round()
        return codes.to(torch.uint8 if self.levels <= 256 else torch.int32)

    def inverse(self, y: Tensor) -> Tensor:
        """Returns the wave at the middle of each code's bin; fractional codes are interpolated."""
        y = y if y.is_floating_point() else y.to(torch.get_default_dtype())
        f = 2 * y / self.mu - 1
        # (3); rounding may lead slightly beyond 1
        return (f.sign() * torch.expm1(f.abs() * math.log1p(self.mu)) / self.mu).clamp(-1, 1)

    def spec(self) -> dict[str, Any]:
        """Returns the step as JSON, with centre and spread only if they are given."""
        return {k: v for k, v in super().spec().items() if v is not None}

    @property
    def label(self) -> str:
        """Short description, such as `mu-law 256`."""
        return f"mu-law {self.levels}"
