"""Steps of preprocessing that are saved with the model, each with its inverse and Jacobian.

A density p_y on y = T(x) is reported on the raw x as

    log p_x(x) = log p_y(T(x)) + log |det dT/dx|

where the determinant is the product of the slopes of the (known) entries; so scaling the input by 0.1
changes no score (row I5). Dequantized data give a bound:
log P(x) >= E_u log p_y(T(x + u)) + log |det dT/dx| (Theis et al. 2016).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from simulacra.core.numerics.precision import needs_double, precise_device, to_float64, working
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.composite import Sequence
from simulacra.core.spaces.plain import Binary, Levels, Real, Space


class Transform(ABC):
    """Base class: one step of preprocessing, y = T(x).

    Its class attributes are `exact`, True if a density of y gives one of x, `random`, True if it draws
    noise, and `lossy`, True if several x map to one y.
    """

    exact: ClassVar[bool] = True
    random: ClassVar[bool] = False
    lossy: ClassVar[bool] = False  # True: several x map to one y, and models score y

    def __deepcopy__(self, memo: Any) -> Transform:
        """Returns the step itself, since it is immutable."""
        return self

    @property
    def double(self) -> bool:
        """True if raw rows need double precision, since single precision would merge different values."""
        return False

    @abstractmethod
    def space(self, before: Space) -> Space:
        """Returns the space after the step.

        Args:
            before: space before the step.

        Raises:
            ValueError: if the step does not apply to `before`.
        """

    @abstractmethod
    def forward(self, x: Tensor, rng: Rng) -> Tensor:
        """Returns y = T(x).

        Args:
            x: rows before the step, shape (B, *).
            rng: generator of the step's noise.
        """

    @abstractmethod
    def inverse(self, y: Tensor) -> Tensor:
        """Returns x from y, to the precision of the raw data.

        Args:
            y: rows after the step, shape (B, *).
        """

    def restore(self, y: Tensor) -> Tensor:
        """Returns x from a mean y, without rounding.

        Args:
            y: rows after the step, shape (B, *).
        """
        return self.inverse(y)

    def log_slope(self, x: Tensor, y: Tensor) -> Tensor:
        """Returns log |dT/dx| of each entry in nats, float64, broadcastable to x. Steps act entry by entry.

        Args:
            x: rows before the step, shape (B, *).
            y: the same rows after it.
        """
        return torch.zeros((), dtype=torch.float64, device=precise_device(x.device))

    @property
    def label(self) -> str:
        """Short description for protocols."""
        return type(self).__name__.lower()

    @property
    def mark(self) -> str:
        """Distinguishes lossy steps with the same label but different y; empty for the usual settings."""
        return ""

    def spec(self) -> dict[str, Any]:
        """Returns the step as JSON."""
        return {"kind": type(self).__name__, **asdict(self)}  # type: ignore[call-overload]


@dataclass(frozen=True)
class Binarize(Transform):
    """Maps levels to 0 or 1.

    The schemes are different protocols: their scores are not comparable.

    Args:
        scheme: `dynamic` draws a one with probability level / (levels - 1) at each visit, `static` draws it
            once (keyed by `seed` and the row's values), `threshold` compares with a threshold.
        levels: number of levels of x.
        threshold: fraction of the range above which `threshold` gives a one.
        seed: seed of `static`.
    """

    scheme: str = "dynamic"
    levels: int = 256
    threshold: float = 0.5
    seed: int = 0
    random: ClassVar[bool] = True
    lossy: ClassVar[bool] = True

    def space(self, before: Space) -> Space:
        """Returns the binary space of the same shape."""
        if not isinstance(before, Levels) or before.levels != self.levels:
            scaled = ": multiply pixels in [0, 1] by 255" if isinstance(before, Real) and before.shape else ""
            raise ValueError(
                f"binarize={self.scheme!r} needs {self.levels} levels such as grey pixels, "
                f"but the data are {before}{scaled}."
            )
        return Binary(before.shape)

    def forward(self, x: Tensor, rng: Rng) -> Tensor:
        """Returns zeros and ones as floats."""
        p = x.to(torch.get_default_dtype()) / (self.levels - 1)
        if self.scheme == "threshold":
            return (p > self.threshold).to(p.dtype)
        if self.scheme == "static":
            rng = Rng(self.seed, "static-binarization", device=rng.device).by_content(x)
        return rng.bernoulli("binarise", p)  # the name is part of the noise's key, so it must not change

    def inverse(self, y: Tensor) -> Tensor:
        """Returns the lowest or highest level."""
        return (y * (self.levels - 1)).round()

    def restore(self, y: Tensor) -> Tensor:
        """Returns the expected level."""
        return y * (self.levels - 1)

    @property
    def label(self) -> str:
        """Short description, such as `dynamic binarization`."""
        detail = {"static": f" (seed {self.seed})", "threshold": f" at {self.threshold:g}"}
        return f"{self.scheme} binarization{detail.get(self.scheme, '')}"

    @property
    def mark(self) -> str:
        """The number of levels unless it is 256, since it changes the probability of a one."""
        return f"/{self.levels}" if self.levels != 256 else ""


@dataclass(frozen=True)
class Dequantize(Transform):
    """Maps levels to reals in (0, 1): y = (x + u) / levels, u uniform.

    Args:
        levels: number of levels of x.
    """

    levels: int = 256
    exact: ClassVar[bool] = False
    random: ClassVar[bool] = True

    def space(self, before: Space) -> Space:
        """Returns the real space of the same shape."""
        if not isinstance(before, Levels) or before.levels != self.levels:
            raise ValueError(f"dequantize needs {self.levels} levels, but the data are {before}.")
        return Real(before.shape)

    def forward(self, x: Tensor, rng: Rng) -> Tensor:
        """Returns (x + u) / levels."""
        x = x.to(torch.get_default_dtype())
        return (x + rng.uniform("dequantise", *x.shape[1:], dtype=x.dtype)) / self.levels

    def inverse(self, y: Tensor) -> Tensor:
        """Returns the level whose bin contains y."""
        return (y * self.levels).floor().clamp(0, self.levels - 1)

    def restore(self, y: Tensor) -> Tensor:
        """Returns the expected level: y scaled, minus half a bin."""
        return (y * self.levels - 0.5).clamp(0, self.levels - 1)

    def log_slope(self, x: Tensor, y: Tensor) -> Tensor:
        """Returns -log levels."""
        return -torch.tensor(self.levels, dtype=torch.float64, device=precise_device(x.device)).log()


@dataclass(frozen=True)
class Affine(Transform):
    """Standardizes each entry: y = (x - shift) / scale.

    Args:
        shift: one number, or one for each entry (flattened); in sequences, one for each entry of a step.
        scale: positive, one number or one for each entry (flattened), as `shift`.
    """

    shift: tuple[float, ...] = (0.0,)
    scale: tuple[float, ...] = (1.0,)

    def space(self, before: Space) -> Space:
        """Returns the real space of the same shape; scaled audio is no longer audio."""
        if isinstance(before, Sequence) and isinstance(before.of, Real):
            return Sequence(before.shape, of=Real(before.of.shape))
        if not isinstance(before, Real):
            raise ValueError(f"standardizing needs real data, but the data are {before}.")
        return Real(before.shape)

    @property
    def double(self) -> bool:
        """True if an entry is many deviations away from 0, as time stamps are, or of a tiny unit."""
        shifts = self.shift * len(self.scale) if len(self.shift) == 1 else self.shift
        scales = self.scale * len(self.shift) if len(self.scale) == 1 else self.scale
        return any(map(needs_double, shifts, scales))

    def _tensors(self, x: Tensor) -> tuple[Tensor, Tensor]:
        make = lambda v: torch.tensor(v, dtype=x.dtype, device=x.device)
        shift, scale = make(self.shift), make(self.scale)
        return _shaped(shift, x), _shaped(scale, x)

    def forward(self, x: Tensor, rng: Rng) -> Tensor:
        """Returns (x - shift) / scale, computed in double precision, in the floating-point type of x."""
        wide = working(x, self.double)
        shift, scale = self._tensors(wide)
        y = (wide - shift) / scale
        return y.to(x.device, x.dtype) if x.is_floating_point() else y.to(x.device, torch.get_default_dtype())

    def inverse(self, y: Tensor) -> Tensor:
        """Returns shift + scale y, in double precision if single would lose digits."""
        wide = working(y, self.double)
        shift, scale = self._tensors(wide)
        x = shift + scale * wide
        return x if self.double else x.to(y.device, y.dtype)

    def log_slope(self, x: Tensor, y: Tensor) -> Tensor:
        """Returns -log scale."""
        logs = torch.tensor(self.scale, dtype=torch.float64, device=precise_device(x.device)).log()
        return -_shaped(logs, x)

    @property
    def label(self) -> str:
        """Short description, `standardized`."""
        return "standardized"


def _shaped(numbers: Tensor, x: Tensor) -> Tensor:
    """Returns numbers in the shape of a row, or of a step of a sequence, so that they broadcast over x."""
    if numbers.numel() == 1:
        return numbers
    whole = numbers.numel() == math.prod(x.shape[1:])
    return numbers.view(x.shape[1:] if whole else x.shape[2:])


@dataclass(frozen=True)
class OwnRange(Affine):
    """Standardizes rows that use a small part of their range, such as dequantized dark images."""

    @property
    def label(self) -> str:
        """Short description, `in their own range`."""
        return "in their own range"


@dataclass(frozen=True)
class Logit(Transform):
    """Maps (0, 1) to the reals: y = logit(alpha + (1 - 2 alpha) x) (Dinh et al. 2017).

    Args:
        alpha: margin that keeps the argument of the logit away from 0 and 1.
    """

    alpha: float = 1e-6

    def space(self, before: Space) -> Space:
        """Returns the real space of the same shape."""
        if not isinstance(before, Real):
            raise ValueError(f"logit needs reals in (0, 1), but the data are {before}: dequantize first.")
        return before

    def _squeezed(self, x: Tensor) -> Tensor:
        return self.alpha + (1 - 2 * self.alpha) * x

    def forward(self, x: Tensor, rng: Rng) -> Tensor:
        """Returns logit(alpha + (1 - 2 alpha) x)."""
        return torch.logit(self._squeezed(x))

    def inverse(self, y: Tensor) -> Tensor:
        """Returns x in (0, 1)."""
        return (torch.sigmoid(y) - self.alpha) / (1 - 2 * self.alpha)

    def log_slope(self, x: Tensor, y: Tensor) -> Tensor:
        """Returns log (1 - 2 alpha) - log p - log(1 - p) at p = alpha + (1 - 2 alpha) x."""
        p = self._squeezed(to_float64(x))
        slope = torch.log1p(
            torch.tensor(-2 * self.alpha, dtype=torch.float64, device=precise_device(x.device))
        )
        return slope - torch.log(p) - torch.log1p(-p)
