"""The chain of steps from raw data to the model's space, with its inverse and log-Jacobian."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from simulacra.core.inputs.to_frames import with_digits
from simulacra.core.numerics.precision import held, lacks_float64, narrowed, precise_device, to_device
from simulacra.core.preprocessing.class_codes import Codes
from simulacra.core.preprocessing.column_scales import Columns
from simulacra.core.preprocessing.companding import MuLaw
from simulacra.core.preprocessing.framing import Frames
from simulacra.core.preprocessing.images import Geometry
from simulacra.core.preprocessing.normal_scores import NormalScores
from simulacra.core.preprocessing.transforms import Affine, Binarize, Dequantize, Logit, OwnRange, Transform
from simulacra.core.random.keyed import Rng
from simulacra.core.renamed import STEPS, present
from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.composite import Sequence, Table, space_from
from simulacra.core.spaces.plain import Binary, Levels, Real, Space
from simulacra.core.spaces.tokens import Tokens

KINDS: dict[str, type[Transform]] = {
    step.__name__: step
    for step in (Binarize, Dequantize, Affine, OwnRange, Logit, Codes, NormalScores, Columns, MuLaw, Frames)
}


@dataclass(frozen=True)
class Preprocessing:
    """A chain of steps from the raw space to the model's space.

    Args:
        raw: space of the raw data.
        steps: steps in the order in which they are applied.
        geometry: cutting and resizing of images that users give; None: images stay as they are.

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
        """Space after all steps."""
        space = self.raw
        for step in self.steps:
            space = step.space(space)
        return space

    def __deepcopy__(self, memo: Any) -> Preprocessing:
        """Returns the chain itself, since it is immutable."""
        return self

    @property
    def exact(self) -> bool:
        """True if a density on y gives a density on x; False after dequantization, which gives a bound."""
        return all(step.exact for step in self.steps)

    @property
    def random(self) -> bool:
        """True if a step is random, so that the same x may give different y."""
        return any(step.random for step in self.steps)

    @property
    def plain(self) -> bool:
        """True if raw rows are the model's rows: no step changes them, and no geometry cuts them."""
        return not self.steps and self.geometry is None

    @property
    def double(self) -> bool:
        """True if raw rows need double precision, since they are many standard deviations away from 0."""
        return any(step.double for step in self.steps)

    def held(self, x: Tensor, device: torch.device | str) -> Tensor:
        """Moves raw rows to `device`; float64 rows stay on the CPU if it has no float64, until standardized.

        Args:
            x: raw rows.
            device: device of the model.
        """
        return to_device(x, device) if self.random else held(x, device)

    def forward(self, x: Tensor, rng: Rng, known: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Returns y and log |det dy/dx| of the known entries in nats, float64, shape (B,).

        Args:
            x: raw rows, shape (B, *).
            rng: generator of random steps.
            known: True where x is observed, shape of x; y is a placeholder elsewhere. None: everywhere.
        """
        slopes = torch.zeros((), dtype=torch.float64, device=precise_device(x.device))
        for step in self.steps:
            y = step.forward(x, rng)
            slopes = slopes + step.log_slope(x, y)
            x = y
        x = _on_device(x, rng)
        if known is not None:
            # frames have another shape than the samples of a recording
            known = known.view(x.shape)
            slopes = torch.where(known.to(slopes.device), slopes, torch.zeros_like(slopes))
            x = self.space.filled(x, known)
        return x, slopes.expand(x.shape).reshape(len(x), -1).sum(1)

    def apply(self, x: Tensor, rng: Rng, known: Tensor | None = None) -> Tensor:
        """Returns y without the log-Jacobian, in the default floating-point type, for training.

        Args:
            x, rng, known: as in `forward`.
        """
        for step in self.steps:
            x = step.forward(x, rng)
        x = _on_device(x, rng)
        # a raw placeholder may map to any value, and even a masked gradient must be finite
        x = x if known is None else self.space.filled(x, known.view(x.shape))
        return narrowed(x, torch.get_default_dtype()) if x.is_floating_point() else x

    def of_condition(self, c: Tensor, device: torch.device | str) -> Tensor:
        """Returns conditions in the model's space, on `device`; conditions are prepared without noise.

        Args:
            c: raw conditions, shape (B, *).
            device: device of the model.

        Example:
            >>> from simulacra.core.spaces.plain import Real
            >>> chain = Preprocessing(Real((1,)), (Affine((1e4,), (2.0,)),))
            >>> chain.of_condition(torch.tensor([[10004.0]]), "cpu").tolist()
            [[2.0]]
        """
        assert not self.random, "the preprocessing of a condition draws no noise"
        if not self.steps:
            return to_device(c, device)
        return self.apply(self.held(c, device), Rng(0, "condition", device=device))

    def inverse(self, y: Tensor) -> Tensor:
        """Returns raw units from the model's space.

        Levels and 0/1 become whole numbers (bytes if they fit), waves are clipped to [-1, 1], and numbers of
        a table are rounded to the decimals of the data.

        Args:
            y: rows in the model's space, shape (B, *).
        """
        for step in reversed(self.steps):
            y = step.inverse(y)
        raw = self.raw.of if isinstance(self.raw, Sequence) else self.raw
        if isinstance(raw, Table):
            # normal scores give the numbers of their columns with decimals already
            scored = any(isinstance(step, NormalScores) for step in self.steps)
            return with_digits(raw, y, (Real,)) if scored else with_digits(raw, y)
        if isinstance(raw, Tokens):
            return raw.closed((y.round() if y.is_floating_point() else y).long())
        if isinstance(raw, Levels):
            y = y.round().clamp(0, raw.levels - 1)
            return y.to(torch.uint8 if raw.levels <= 256 else torch.int32)
        if isinstance(raw, Audio):
            return y.clamp(-1, 1)
        return y.round().clamp(0, 1).to(torch.uint8) if isinstance(raw, Binary) else y

    def restore(self, y: Tensor) -> Tensor:
        """Returns raw units without rounding, for means such as those that pictures show.

        Args:
            y: rows in the model's space, shape (B, *).
        """
        for step in reversed(self.steps):
            y = step.restore(y)
        return y

    def fits(self, other: Preprocessing) -> bool:
        """Returns True if two chains are equal up to the value range that each measured on its rows.

        Args:
            other: chain to compare with.
        """
        kept = [[s for s in chain.steps if not isinstance(s, OwnRange)] for chain in (self, other)]
        return kept[0] == kept[1] and (self.raw, self.geometry) == (other.raw, other.geometry)

    @property
    def label(self) -> str:
        """Short description for protocols, such as `dynamic binarization` or `raw`."""
        return ", ".join(step.label for step in self.steps) or "raw"

    def spec(self) -> dict[str, Any]:
        """Returns the chain as JSON."""
        geometry = {"geometry": asdict(self.geometry)} if self.geometry else {}
        return {"raw": self.raw.spec(), "steps": [step.spec() for step in self.steps], **geometry}


def _on_device(y: Tensor, rng: Rng) -> Tensor:
    """Moves rows that were held on the CPU (see `Preprocessing.held`) to the device of the model."""
    return to_device(y, rng.device) if lacks_float64(torch.device(rng.device)) else y


def preprocessing_from(spec: dict[str, Any]) -> Preprocessing:
    """Returns the chain that `Preprocessing.spec` described.

    Args:
        spec: JSON of the chain.
    """
    steps = []
    for step in spec["steps"]:
        values = {k: tuple(v) if isinstance(v, list) else v for k, v in step.items() if k != "kind"}
        steps.append(KINDS[present([STEPS], step["kind"], quiet=True)](**values))
    geometry = Geometry(**spec["geometry"]) if spec.get("geometry") else None
    return Preprocessing(space_from(spec["raw"]), tuple(steps), geometry)
