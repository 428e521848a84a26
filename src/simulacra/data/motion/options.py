"""Options of `load_data` for recorded motion."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MotionOptions:
    """Options of recorded motion.

    Args:
        every: keep each frame of this number; 4 makes 30 frames a second of 120.
        frames: number of frames of the windows that recordings are cut into; None: whole recordings.

    Raises:
        ValueError: if a number is below 1.
    """

    every: int = 1
    frames: int | None = None

    def __post_init__(self) -> None:
        for name, value in (("every", self.every), ("frames", self.frames)):
            if value is not None and value < 1:
                raise ValueError(f"{name}={value} must be at least 1.")
