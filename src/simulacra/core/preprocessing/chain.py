"""The chain of steps from raw data to the model's space, with its Jacobian: raw in, raw out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from simulacra.core.inputs.data_frames import with_digits
from simulacra.core.numerics.precision import held, lacks_float64, narrowed, precise_device, to_device
from simulacra.core.preprocessing.class_codes import Codes
from simulacra.core.preprocessing.column_scales import Columns
from simulacra.core.preprocessing.companding import MuLaw
from simulacra.core.preprocessing.images import Geometry
from simulacra.core.preprocessing.normal_scores import NormalScores
from simulacra.core.preprocessing.transforms import Affine, Binarize, Dequantize, Logit, OwnRange, Transform
from simulacra.core.random.keyed import Rng
from simulacra.core.renamed import STEPS, present
from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.composite import Sequence, Table, space_from
from simulacra.core.spaces.plain import Binary, Levels, Real, Space

KINDS: dict[str, type[Transform]] = {
    step.__name__: step
    for step in (Binarize, Dequantize, Affine, OwnRange, Logit, Codes, NormalScores, Columns, MuLaw)
}


@dataclass(frozen=True)
class Preprocessing:
    """A chain of steps from the raw space to the model's space.

    Args:
        raw: the space of the data as they came.
        steps: applied in order.
        geometry: how pictures that are handed in become rows, or None: as they are.

    Example:
        >>> from simulacra.core.spaces.plain import Real
        >>> chain = Preprocessing(Real((2,)), (Affine((0.0,), (0.1,)),))
        >>> x = torch.ones(1, 2)
        >>> y, log_det = chain.forward(x, Rng(0))
        >>> y.tolist(), round(log_det.item(), 4)
        ([[10.0, 10.0]], 4.6052)
    """

    raw: Space
    steps: tuple[Transform, ...] = ()
    geometry: Geometry | None = None

    @cached_property
    def space(self) -> Space:
        """The space after all steps."""
        space = self.raw
        for step in self.steps:
            space = step.space(space)
        return space

    def __deepcopy__(self, memo: Any) -> Preprocessing:
        """The chain itself, which never changes."""
        return self

    @property
    def exact(self) -> bool:
        """Returns True if a density on y is a density on x (a bound after dequantization)."""
        return all(step.exact for step in self.steps)

    @property
    def random(self) -> bool:
        """Returns True if two visits of the same x can differ."""
        return any(step.random for step in self.steps)

    @property
    def double(self) -> bool:
        """Returns True if raw rows need double precision: they lie many deviations away from 0."""
        return any(step.double for step in self.steps)

    def held(self, x: Tensor, device: torch.device | str) -> Tensor:
        """Raw rows on `device`; doubles wait on the CPU where it has none, until they are standardized."""
        return to_device(x, device) if self.random else held(x, device)

    def forward(self, x: Tensor, rng: Rng, known: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """y and log |det dy/dx| in nats, float64, shape (B,): that of the known entries.

        Args:
            known: True where x is observed; elsewhere y is the placeholder of its space.
        """
        slopes = torch.zeros((), dtype=torch.float64, device=precise_device(x.device))
        for step in self.steps:
            y = step.forward(x, rng)
            slopes = slopes + step.log_slope(x, y)
            x = y
        x = _arrived(x, rng)
        if known is not None:
            slopes = torch.where(known.to(slopes.device), slopes, torch.zeros_like(slopes))
            x = self.space.filled(x, known)
        return x, slopes.expand(x.shape).reshape(len(x), -1).sum(1)

    def apply(self, x: Tensor, rng: Rng, known: Tensor | None = None) -> Tensor:
        """y alone, in the default floating type: what training needs."""
        for step in self.steps:
            x = step.forward(x, rng)
        x = _arrived(x, rng)
        # a raw placeholder may land anywhere, and a gradient that is masked must still be finite
        x = x if known is None else self.space.filled(x, known)
        return narrowed(x, torch.get_default_dtype()) if x.is_floating_point() else x

    def inverse(self, y: Tensor) -> Tensor:
        """Back to raw units; levels and 0/1 come back as whole numbers, of a byte where they fit,
        waves within [-1, 1], numbers of a table with the decimals of the data."""
        for step in reversed(self.steps):
            y = step.inverse(y)
        raw = self.raw.of if isinstance(self.raw, Sequence) else self.raw
        if isinstance(raw, Table):
            # normal scores give the numbers of their columns with decimals already
            scored = any(isinstance(step, NormalScores) for step in self.steps)
            return with_digits(raw, y, (Real,)) if scored else with_digits(raw, y)
        if isinstance(raw, Levels):
            y = y.round().clamp(0, raw.levels - 1)
            return y.to(torch.uint8 if raw.levels <= 256 else torch.int32)
        if isinstance(raw, Audio):
            return y.clamp(-1, 1)
        return y.round().to(torch.uint8) if isinstance(raw, Binary) else y

    def restore(self, y: Tensor) -> Tensor:
        """Means in the units of the raw data, not rounded: what a picture shows."""
        for step in reversed(self.steps):
            y = step.restore(y)
        return y

    def fits(self, other: Preprocessing) -> bool:
        """Returns True if two chains differ in nothing but the range that the rows of each use."""
        kept = [[s for s in chain.steps if not isinstance(s, OwnRange)] for chain in (self, other)]
        return kept[0] == kept[1] and (self.raw, self.geometry) == (other.raw, other.geometry)

    @property
    def label(self) -> str:
        """What a protocol says: such as `dynamic binarization` or `raw`."""
        return ", ".join(step.label for step in self.steps) or "raw"

    def spec(self) -> dict[str, Any]:
        """The chain as JSON."""
        geometry = {"geometry": asdict(self.geometry)} if self.geometry else {}
        return {"raw": self.raw.spec(), "steps": [step.spec() for step in self.steps], **geometry}


def _arrived(y: Tensor, rng: Rng) -> Tensor:
    """Rows that waited on the CPU (see `Preprocessing.held`) where the model is."""
    return to_device(y, rng.device) if lacks_float64(torch.device(rng.device)) else y


def preprocessing_from(spec: dict[str, Any]) -> Preprocessing:
    """The chain that `Preprocessing.spec` described."""
    steps = []
    for step in spec["steps"]:
        values = {k: tuple(v) if isinstance(v, list) else v for k, v in step.items() if k != "kind"}
        steps.append(KINDS[present([STEPS], step["kind"], quiet=True)](**values))
    geometry = Geometry(**spec["geometry"]) if spec.get("geometry") else None
    return Preprocessing(space_from(spec["raw"]), tuple(steps), geometry)
