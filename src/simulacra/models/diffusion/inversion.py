"""Diffusion, the first of its kind: reals, levels and bits, with the exact sum of its bound.

    x_0 | x_t ~ N(m, v),   (f, w) = net(x_t, t),
    m = sqrt(A_t) x_t - sqrt(1 - A_t) f,   v = (1 - A_t) e^w                                          (1)
    x_0 | x_t ~ bits with log-odds net(l, t) + l,   l = log q(x_t | 1) / q(x_t | 0)                   (2)
    p(x_r | x_t) = E q(x_r | x_t, x_0) over (1) or (2)                                                (3)

The network predicts x_0, and the step back is the average (3) of what the noise says of x_r. For bits,
predicting instead how likely a step flips a bit fails: most steps flip none. The network sees l in place of
the bits of x_t: its sums are log-probabilities of patterns. f = w = 0 is exact for data of N(0, I).

Reference: Sohl-Dickstein, Weiss, Maheswaranathan and Ganguli, Deep Unsupervised Learning using
Nonequilibrium Thermodynamics, 2015. Row H20.
"""

from __future__ import annotations

from typing import Any, Literal

from torch import Tensor

from simulacra.core.errors.suggestion import Refusal, build_with
from simulacra.core.spaces.plain import Binary, Levels, Real, Space
from simulacra.core.updates import Update
from simulacra.models.diffusion.binomial import BinomialKernel, BitGuess
from simulacra.models.diffusion.chain import DiffusionModel
from simulacra.models.diffusion.gaussian import GaussianKernel, Guess
from simulacra.models.diffusion.given import BEFORE_MAPS, size_given
from simulacra.models.diffusion.schedules import ScheduleName
from simulacra.models.diffusion.steps.losses import update
from simulacra.nets.timed import build_timed

WIDEST = 5.0  # largest |w|: a factor of e^5 of the variance


class Diffusion(DiffusionModel):
    """Diffusion with a learned variance, trained on its bound.

    Args:
        space: space of one observation: reals, levels or bits.
        condition: space of the condition c of p(x | c); None for p(x).
        T: number of steps from x to noise.
        schedule: noise of reals and levels, `cosine` or `linear`; bits are erased evenly.
        hidden: sizes of the hidden layers, or channels at each resolution of a `unet`; None: two layers of
            256, of images three of 512, or channels 32, 64 and 64.
        net: `mlp` or `unet`; `auto` takes `unet` for images with a side of at least 16, else `mlp`.
        drop: share of the rows whose condition is dropped in training, for guidance.
        resamples: draws of each step of a completion; with 1 the known entries are only clamped.
        maps: an image or recording as condition lies beside x in a `unet`, brought to its sides; False: it is
            one vector, as in files of earlier versions.

    Raises:
        ValueError: if an option is out of range, or the space is none of the three.

    Example:
        >>> from simulacra.core.spaces.plain import Binary
        >>> Diffusion(Binary((5,)), T=4, hidden=(8,)).sample(3, seed=0).shape
        torch.Size([3, 5])
    """

    earlier = BEFORE_MAPS

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        T: int = 100,
        schedule: ScheduleName = "cosine",
        hidden: tuple[int, ...] | None = None,
        net: Literal["auto", "mlp", "unet"] = "auto",
        drop: float = 0.1,
        resamples: int = 1,
        maps: bool = True,
        *,
        seed: int = 0,
    ):
        check("Diffusion", space, T, (Real, Levels, Binary))
        bits = isinstance(space, Binary)
        kernel = BinomialKernel(space, T) if bits else GaussianKernel(space, T, schedule)
        beside, outputs = condition if maps else None, 1 if bits else 2
        size = size_given(condition)
        built = build_timed(space.shape, outputs, net, hidden, size, fine=not bits, beside=beside)
        super().__init__(space, condition, kernel, built, drop, not bits, resamples)

    def updates(self) -> list[Update]:
        """Returns the only update, of one step t a row."""
        return [update(self)]

    def predicted(self, h: Tensor, t: Any, r: Any, c: Tensor | None, kept: Tensor | None = None) -> Any:
        """Returns equation (1) or (2).

        Args:
            h: x_t, shape (B, d).
            t: level of x_t.
            r: not used.
            c: conditions, shape (B, *), or None.
            kept: True where the condition is given, shape (B, 1); None: everywhere.
        """
        if isinstance(self.kernel, BinomialKernel):
            # (2)
            evidence = self.kernel.evidence(h, t)
            return BitGuess(self.output(evidence, t, c, kept)[:, 0] + evidence)
        f, w = self.output(h, t, c, kept).unbind(1)
        # (1)
        return Guess(t.a * h - t.s * f, t.variance * w.clamp(-WIDEST, WIDEST).exp())


def check(name: str, space: Space, T: int, spaces: tuple[type, ...]) -> None:
    """Raises ValueError if a diffusion cannot have this space or this number of steps.

    Args:
        name: class of the model.
        space: space of the observations.
        T: number of steps.
        spaces: classes of spaces that it takes.
    """
    if T < 2:
        some = build_with(T=100)
        raise Refusal(f"T is {T}, but a diffusion has at least two steps: take {some}.", some)
    if not isinstance(space, spaces):
        taken = " or ".join(kind.__name__ for kind in spaces)
        raise ValueError(
            f"{name} takes {taken}, but the space is {space}; models of other spaces: VAE, MADE."
        )
