"""Denoising diffusion: the network predicts the noise, x or a mixture of both, and the variance is fixed.

    x_t = sqrt(A_t) x_0 + sqrt(1 - A_t) e                                                             (1)
    epsilon:   m = (x_t - sqrt(1 - A_t) f) / sqrt(A_t)                                                (2)
    x:         m = f                                                                                  (3)
    v:         m = sqrt(A_t) x_t - sqrt(1 - A_t) f,   v = sqrt(A_t) e - sqrt(1 - A_t) x_0             (4)
    loss:      |target - f|^2,   target e, x_0 or v,   t uniform                                      (5)
    variance of p(x_r | x_t):   small V,   large b                                                    (6)

The simple loss (5) weighs the terms of the bound anew; `loss="bound"` takes the bound itself. At t = 1, x_0
has the variance beta_1, and levels have the mass of their cell. Training keeps an average of the weights,
with which alone samples are good (`recommended`).

Reference: Ho, Jain and Abbeel, Denoising Diffusion Probabilistic Models, 2020; Salimans and Ho 2022 (4).
Row H21.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from simulacra.core.batch import Batch, Terms
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Levels, Real, Space
from simulacra.core.updates import Update
from simulacra.models.diffusion.chain import DiffusionModel
from simulacra.models.diffusion.gaussian import GaussianKernel, Guess
from simulacra.models.diffusion.given import BEFORE_MAPS, size_given
from simulacra.models.diffusion.inversion import check
from simulacra.models.diffusion.schedules import Level, ScheduleName
from simulacra.models.diffusion.steps.losses import drawn_level, update
from simulacra.nets.timed import build_timed

Target = Literal["epsilon", "x", "v"]


class DDPM(DiffusionModel):
    """Denoising diffusion with a fixed variance.

    Args:
        space: space of one observation: reals of about unit variance, or levels.
        condition: space of the condition c of p(x | c); None for p(x).
        T: number of steps from x to noise.
        schedule: `linear` or `cosine`.
        predicts: what the network predicts, `epsilon`, `x` or `v`.
        variance: `small` is right for data at one point, `large` for data of N(0, I).
        loss: `simple` or `bound`.
        hidden: sizes of the hidden layers, or channels at each resolution of a `unet`; None: two layers of
            256, of images three of 512, or channels 32, 64 and 64.
        net: `mlp` or `unet`; `auto` takes `unet` for images with a side of at least 16, else `mlp`.
        drop: share of the rows whose condition is dropped in training, for guidance.
        resamples: draws of each step of a completion; with 1 the known entries are only clamped.
        maps: an image or recording as condition lies beside x in a `unet`, brought to its sides; False: it is
            one vector, as in files of earlier versions.

    Raises:
        ValueError: if an option is out of range, or the space holds neither reals nor levels.

    Example:
        >>> from simulacra.core.spaces.plain import Real
        >>> DDPM(Real((2,)), T=50, hidden=(8,)).sample(3, seed=0, sampler="heun", steps=4).shape
        torch.Size([3, 2])
    """

    earlier = BEFORE_MAPS

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        T: int = 1000,
        schedule: ScheduleName = "linear",
        predicts: Target = "epsilon",
        variance: Literal["small", "large"] = "small",
        loss: Literal["simple", "bound"] = "simple",
        hidden: tuple[int, ...] | None = None,
        net: Literal["auto", "mlp", "unet"] = "auto",
        drop: float = 0.1,
        resamples: int = 1,
        maps: bool = True,
        *,
        seed: int = 0,
    ):
        check("DDPM", space, T, (Real, Levels))
        for name, value, possible in (
            ("predicts", predicts, ("epsilon", "x", "v")),
            ("variance", variance, ("small", "large")),
            ("loss", loss, ("simple", "bound")),
        ):
            if value not in possible:
                raise ValueError(f"{name} is {value!r}; possible are {', '.join(possible)}.")
        kernel = GaussianKernel(space, T, schedule)
        beside = condition if maps else None
        built = build_timed(space.shape, 1, net, hidden, size_given(condition), fine=True, beside=beside)
        super().__init__(space, condition, kernel, built, drop, loss == "bound", resamples)
        self.predicts, self.large, self.simple = predicts, variance == "large", loss == "simple"

    def updates(self) -> list[Update]:
        """Returns the only update, of one step t a row."""
        return [update(self, squared_error if self.simple else None)]

    def predicted(self, h: Tensor, t: Level, r: Level, c: Tensor | None, kept: Tensor | None = None) -> Guess:
        """Returns equation (2), (3) or (4), with the variance that gives (6).

        Args:
            h: x_t, shape (B, d).
            t: level of x_t.
            r: level of x_r, to which the step leads.
            c: conditions, shape (B, *), or None.
            kept: True where the condition is given, shape (B, 1); None: everywhere.
        """
        mean = self.mean_of(self.output(h, t, c, kept)[:, 0], h, t)
        if isinstance(self.space, Levels) and not self.space.ranged:
            mean = mean.clamp(-1, 1)
        # (6)
        var = t.variance if self.large else torch.zeros_like(t.variance)
        first = -torch.expm1(self.kernel.log_kept[1])
        return Guess(mean, torch.where(r.log_kept >= 0, first, var))

    def mean_of(self, f: Tensor, h: Tensor, t: Level) -> Tensor:
        """Returns m of equation (2), (3) or (4), shape (B, d).

        Args:
            f: output of the network, shape (B, d).
            h: x_t, shape (B, d).
            t: level of x_t.
        """
        if self.predicts == "x":
            return f
        # (2), (4)
        return (h - t.s * f) / t.a if self.predicts == "epsilon" else t.a * h - t.s * f

    def target(self, x0: Tensor, e: Tensor, t: Level) -> Tensor:
        """Returns what the network predicts, shape (B, d).

        Args:
            x0: x_0, shape (B, d).
            e: noise of x_t, shape (B, d).
            t: level of x_t.
        """
        return {"x": x0, "epsilon": e, "v": t.a * e - t.s * x0}[self.predicts]


def squared_error(model: DDPM, batch: Batch, rng: Rng) -> Terms:
    """Returns equation (5), shape (B,).

    Args:
        model: the model.
        batch: rows.
        rng: source of random numbers.
    """
    at = drawn_level(model, batch, rng)
    t = model.kernel.level(at.t)
    f = model.output(model.kernel.noised(at.x0, t, at.e), t, batch.c, at.kept)[:, 0]
    # (5)
    return Terms({"error": (model.target(at.x0, at.e, t) - f).square().sum(1)})
