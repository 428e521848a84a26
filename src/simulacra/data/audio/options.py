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
    """

    crop: int | None = None
    tile: int | None = None

    def __post_init__(self) -> None:
        check_sides(self)
        for name, side in (("crop", self.crop), ("tile", self.tile)):
            if isinstance(side, str):
                raise ValueError(f"{name}={side!r} has two sides, but recordings have one: give one number.")
