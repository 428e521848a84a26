"""Options of `load_data` for recordings."""

from __future__ import annotations

from dataclasses import dataclass

from simulacra.data.images.options import check_sides


@dataclass(frozen=True)
class AudioOptions:
    """Options of recordings.

    Args:
        crop: number of samples in the middle of each recording that are kept.
        tile: number of samples of the windows that recordings are cut into.
        frame: number of samples of a step, for models that take each row as a sequence of steps; it must
            divide the number of samples of a row.

    Raises:
        ValueError: if a number is below 1, or both crop and tile are given.
    """

    crop: int | None = None
    tile: int | None = None
    frame: int | None = None

    def __post_init__(self) -> None:
        check_sides(self)
        if self.frame is not None and self.frame < 1:
            raise ValueError(f"frame={self.frame} must be at least 1 sample; 200 is usual.")
        for name, side in (("crop", self.crop), ("tile", self.tile)):
            if isinstance(side, str):
                raise ValueError(f"{name}={side!r} has two sides, but recordings have one: give one number.")
