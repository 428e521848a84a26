"""Frames: a recording as a sequence of steps of several samples each.

    y_t = (x_(t n), ..., x_(t n + n - 1)),   t = 0..T / n - 1                    (1)

(1) only reshapes: densities and probabilities stay as they are. A model of sequences sees T / n steps of n
samples; its samples go back to recordings.

Reference: Chung et al. 2015, section 4 (frames of 200 samples).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor

from simulacra.core.preprocessing.transforms import Transform
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.composite import Sequence
from simulacra.core.spaces.plain import Levels, Real, Space


@dataclass(frozen=True)
class Frames(Transform):
    """Cuts recordings into frames by equation (1).

    Args:
        length: number n of samples of a frame.

    Raises:
        ValueError: if the data are no recordings, or not as long as several whole frames.

    Example:
        >>> import torch
        >>> step = Frames(2)
        >>> y = step.forward(torch.arange(6.0).view(1, 6), Rng(0))
        >>> y.tolist(), step.inverse(y).tolist()
        ([[[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]], [[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]])
    """

    length: int = 200

    def space(self, before: Space) -> Space:
        """Returns the space of sequences of frames."""
        if not isinstance(before, (Real, Levels)) or len(before.shape) != 1:
            raise ValueError(f"frame={self.length} needs recordings, but the data are {before}.")
        steps, rest = divmod(before.shape[0], self.length)
        if rest:
            raise ValueError(f"frame={self.length} does not divide the {before.shape[0]} samples of a row.")
        shape = (self.length,)
        of = Real(shape) if isinstance(before, Audio) else replace(before, shape=shape)
        return Sequence((steps,), of=of)

    def forward(self, x: Tensor, rng: Rng) -> Tensor:
        """Returns the frames of x, shape (B, T / n, n)."""
        return x.unflatten(1, (-1, self.length))

    def inverse(self, y: Tensor) -> Tensor:
        """Returns the samples one after the other, shape (B, T)."""
        return y.flatten(1)

    @property
    def label(self) -> str:
        """Short description, such as `frames of 200`."""
        return f"frames of {self.length}"
