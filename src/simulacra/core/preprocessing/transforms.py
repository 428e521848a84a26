"""Preprocessing that travels with data and model: raw in, raw out, with its Jacobian.

A density p_y on y = T(x) is reported on the raw x as

    log p_x(x) = log p_y(T(x)) + log |det dT/dx|

where the determinant is the product of the entries' slopes, of the known ones where some are missing;
so multiplying the input by 0.1 changes nothing (row I5). Dequantized data give a bound:
log P(x) >= E_u log p_y(T(x + u)) + log |det dT/dx| (Theis et al. 2016).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from simulacra.core.numerics.precision import needs_double, precise_device, to_float64, working
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary, Levels, Real, Space


class Transform(ABC):
    """One step of preprocessing."""

    exact: ClassVar[bool] = True
    random: ClassVar[bool] = False
    lossy: ClassVar[bool] = False  # several x have one y: what is scored is y

    def __deepcopy__(self, memo: Any) -> Transform:
        """The step itself, which never changes."""
        return self

    @property
    def double(self) -> bool:
        """Returns True if raw rows need double precision: single would round away how they differ."""
        return False

    @abstractmethod
    def space(self, before: Space) -> Space:
        """The space after the step.

        Raises:
            ValueError: if the step does not apply to `before`.
        """

    @abstractmethod
    def forward(self, x: Tensor, rng: Rng) -> Tensor:
        """y = T(x); noise is that of the rows of `rng`."""

    @abstractmethod
    def inverse(self, y: Tensor) -> Tensor:
        """x from y, to the precision of the raw data."""

    def restore(self, y: Tensor) -> Tensor:
        """The inverse for means: no rounding, no choice of a level."""
        return self.inverse(y)

    def log_slope(self, x: Tensor, y: Tensor) -> Tensor:
        """log |dT/dx| of each entry in nats, float64, broadcastable to x: a step acts on each alone."""
        return torch.zeros((), dtype=torch.float64, device=precise_device(x.device))

    @property
    def label(self) -> str:
        """What a protocol says of it."""
        return type(self).__name__.lower()

    @property
    def mark(self) -> str:
        """Tells apart what is scored after two lossy steps with the same label; empty for the usual ones."""
        return ""

    def spec(self) -> dict[str, Any]:
        """The step as JSON."""
        return {"kind": type(self).__name__, **asdict(self)}  # type: ignore[call-overload]


@dataclass(frozen=True)
class Binarize(Transform):
    """Levels to 0/1: `dynamic` and `static` draw x with probability level / (levels - 1)
    (anew at every visit, or once by `seed` and what the row holds), `threshold` cuts at `threshold` of
    the range.

    The three are different protocols (fixed and dynamic never share a column).
    """

    scheme: str = "dynamic"
    levels: int = 256
    threshold: float = 0.5
    seed: int = 0
    random: ClassVar[bool] = True
    lossy: ClassVar[bool] = True

    def space(self, before: Space) -> Space:
        """Binary of the same shape."""
        if not isinstance(before, Levels) or before.levels != self.levels:
            raise ValueError(
                f"binarize={self.scheme!r} needs {self.levels} levels such as grey pixels, "
                f"but the data are {before}."
            )
        return Binary(before.shape)

    def forward(self, x: Tensor, rng: Rng) -> Tensor:
        """0/1 as float."""
        p = x.to(torch.get_default_dtype()) / (self.levels - 1)
        if self.scheme == "threshold":
            return (p > self.threshold).to(p.dtype)
        if self.scheme == "static":
            rng = Rng(self.seed, "static-binarization", device=rng.device).by_content(x)
        return rng.bernoulli("binarise", p)  # the names of draws key their noise: they stay

    def inverse(self, y: Tensor) -> Tensor:
        """The lowest and highest level."""
        return (y * (self.levels - 1)).round()

    def restore(self, y: Tensor) -> Tensor:
        """The expected level."""
        return y * (self.levels - 1)

    @property
    def label(self) -> str:
        """Such as `dynamic binarization`."""
        detail = {"static": f" (seed {self.seed})", "threshold": f" at {self.threshold:g}"}
        return f"{self.scheme} binarization{detail.get(self.scheme, '')}"

    @property
    def mark(self) -> str:
        """The number of levels: the same number is another share of another number of levels."""
        return f"/{self.levels}" if self.levels != 256 else ""


@dataclass(frozen=True)
class Dequantize(Transform):
    """Levels to reals in (0, 1): y = (x + u) / levels, u uniform."""

    levels: int = 256
    exact: ClassVar[bool] = False
    random: ClassVar[bool] = True

    def space(self, before: Space) -> Space:
        """Real of the same shape."""
        if not isinstance(before, Levels) or before.levels != self.levels:
            raise ValueError(f"dequantize needs {self.levels} levels, but the data are {before}.")
        return Real(before.shape)

    def forward(self, x: Tensor, rng: Rng) -> Tensor:
        """(x + u) / levels."""
        x = x.to(torch.get_default_dtype())
        return (x + rng.uniform("dequantise", *x.shape[1:], dtype=x.dtype)) / self.levels

    def inverse(self, y: Tensor) -> Tensor:
        """The level whose bin holds y."""
        return (y * self.levels).floor().clamp(0, self.levels - 1)

    def restore(self, y: Tensor) -> Tensor:
        """The expected level: the bin's middle undone."""
        return (y * self.levels - 0.5).clamp(0, self.levels - 1)

    def log_slope(self, x: Tensor, y: Tensor) -> Tensor:
        """-log levels."""
        return -torch.tensor(self.levels, dtype=torch.float64, device=precise_device(x.device)).log()


@dataclass(frozen=True)
class Affine(Transform):
    """y = (x - shift) / scale for each entry: standardization.

    Args:
        shift: one number, or one for each entry (flattened).
        scale: as `shift`, positive.
    """

    shift: tuple[float, ...] = (0.0,)
    scale: tuple[float, ...] = (1.0,)

    def space(self, before: Space) -> Space:
        """Real of the same shape: what is shifted and scaled is no wave."""
        if not isinstance(before, Real):
            raise ValueError(f"standardizing needs real data, but the data are {before}.")
        return Real(before.shape)

    @property
    def double(self) -> bool:
        """Returns True if some entry lies many deviations away from 0, as time stamps do."""
        shifts = self.shift * len(self.scale) if len(self.shift) == 1 else self.shift
        scales = self.scale * len(self.shift) if len(self.scale) == 1 else self.scale
        return any(map(needs_double, shifts, scales))

    def _tensors(self, x: Tensor) -> tuple[Tensor, Tensor]:
        make = lambda v: torch.tensor(v, dtype=x.dtype, device=x.device)
        shift, scale = make(self.shift), make(self.scale)
        return tuple(t.view(x.shape[1:]) if t.numel() > 1 else t for t in (shift, scale))  # type: ignore

    def forward(self, x: Tensor, rng: Rng) -> Tensor:
        """(x - shift) / scale, computed in double precision; in the type of x if that is a floating one."""
        wide = working(x, self.double)
        shift, scale = self._tensors(wide)
        y = (wide - shift) / scale
        return y.to(x.device, x.dtype) if x.is_floating_point() else y.to(x.device, torch.get_default_dtype())

    def inverse(self, y: Tensor) -> Tensor:
        """shift + scale y: in double precision where single would round it away."""
        wide = working(y, self.double)
        shift, scale = self._tensors(wide)
        x = shift + scale * wide
        return x if self.double else x.to(y.device, y.dtype)

    def log_slope(self, x: Tensor, y: Tensor) -> Tensor:
        """-log scale."""
        logs = torch.tensor(self.scale, dtype=torch.float64, device=precise_device(x.device)).log()
        return -(logs.view(x.shape[1:]) if len(self.scale) > 1 else logs)

    @property
    def label(self) -> str:
        """`standardized`."""
        return "standardized"


@dataclass(frozen=True)
class OwnRange(Affine):
    """The same for rows that use a small part of their range, such as dequantized dark images."""

    @property
    def label(self) -> str:
        """`in their own range`."""
        return "in their own range"


@dataclass(frozen=True)
class Logit(Transform):
    """y = logit(alpha + (1 - 2 alpha) x) for x in (0, 1) (Dinh et al. 2017)."""

    alpha: float = 1e-6

    def space(self, before: Space) -> Space:
        """Real of the same shape."""
        if not isinstance(before, Real):
            raise ValueError(f"logit needs reals in (0, 1), but the data are {before}: dequantize first.")
        return before

    def _squeezed(self, x: Tensor) -> Tensor:
        return self.alpha + (1 - 2 * self.alpha) * x

    def forward(self, x: Tensor, rng: Rng) -> Tensor:
        """logit of the squeezed x."""
        return torch.logit(self._squeezed(x))

    def inverse(self, y: Tensor) -> Tensor:
        """x, back in (0, 1)."""
        return (torch.sigmoid(y) - self.alpha) / (1 - 2 * self.alpha)

    def log_slope(self, x: Tensor, y: Tensor) -> Tensor:
        """log (1 - 2 alpha) - log p - log(1 - p) at p = alpha + (1 - 2 alpha) x."""
        p = self._squeezed(to_float64(x))
        slope = torch.log1p(
            torch.tensor(-2 * self.alpha, dtype=torch.float64, device=precise_device(x.device))
        )
        return slope - torch.log(p) - torch.log1p(-p)
