"""Progressive growing of a GAN on signals: from coarse to fine, one level a stage.

    level l sees x pooled to 2^(l+1) samples                                   (1)
    h_l = block_l(up(h_(l-1))),  G = (1 - a) up(out_(l-1)(h_(l-1))) + a out_l(h_l)   (2)

and a rises from 0 to 1 while a level fades in; D mirrors G. What strains the contract: stages that
change resolution, parameters and length (by what the stage before recorded). All levels are built
at construction; level and a are buffers.

Reference: Karras et al. 2018.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from simulacra.core.batch import Batch, Terms
from simulacra.core.capabilities.general import Samples
from simulacra.core.model import Model
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Source, Stage, Steps, Update
from simulacra.nets.mlp import mlp

WIDTH = 6


class Growing(Model, Samples):
    """A growing GAN on signals of 2^levels samples.

    Args:
        space: real vectors of 2^levels entries.
        levels: resolutions.
        latent: size of the noise z.
    """

    level: Tensor
    alpha: Tensor

    def __init__(self, space: Space, levels: int = 3, latent: int = 3):
        super().__init__(space)
        if space.dims != 2**levels:
            raise ValueError(f"{levels} levels end at {2**levels} samples, but the space is {space}.")
        self.levels, self.latent = levels, latent
        sizes = [latent] + [WIDTH] * levels
        self.G = nn.ModuleList(mlp([a, 8, WIDTH], "tanh") for a in sizes[:-1])
        self.out = nn.ModuleList(nn.Linear(WIDTH, 2 ** (i + 1)) for i in range(levels))
        self.D = nn.ModuleList(mlp([2 ** (i + 1), 8, 1], "tanh") for i in range(levels))
        self.register_buffer("level", torch.tensor(levels - 1))
        self.register_buffer("alpha", torch.tensor(1.0))

    def stage(self, i: int, past: list) -> Stage | None:
        """Level i: each takes two steps more than the one before recorded."""
        if i == self.levels:
            return None
        blocks = [f"G.{j}." for j in range(i + 1)] + [f"out.{j}." for j in range(max(0, i - 1), i + 1)]
        critics = tuple(f"D.{j}." for j in range(max(0, i - 1), i + 1))
        players = [
            Update("D", critics, judge, after=fade),
            Update("G", tuple(blocks), fool),
        ]
        length = Steps(past[-1]["steps"] + 2 if past else 8)
        return Stage(f"level-{i}", players, length, start=partial(begin, level=i), view=pooled)

    def generate(self, z: Tensor) -> Tensor:
        """Equation (2) at the current level, shape (B, 2^(level+1))."""
        level = int(self.level)
        h, below = z, None
        for i in range(level + 1):
            below, h = h, self.G[i](h)
        fine = self.out[level](h)
        if level == 0:
            return fine
        coarse = self.out[level - 1](below).repeat_interleave(2, 1)
        return (1 - self.alpha) * coarse + self.alpha * fine

    def judge(self, x: Tensor) -> Tensor:
        """The logit of D at the current level, faded as G is, shape (B,)."""
        level = int(self.level)
        fine = self.D[level](x).squeeze(1)
        if level == 0:
            return fine
        return (1 - self.alpha) * self.D[level - 1](halved(x)).squeeze(1) + self.alpha * fine

    def draw(self, rng: Rng, c: Tensor | None = None) -> Tensor:
        """G(z), brought to full resolution, shape (B, *)."""
        x = self.generate(rng.normal("z", self.latent, dtype=self.dtype))
        return x.repeat_interleave(self.space.dims // x.shape[1], 1).unflatten(1, self.space.shape)


def halved(x: Tensor) -> Tensor:
    """Means of neighbours."""
    return x.unflatten(1, (-1, 2)).mean(-1)


def begin(model: Growing, source: Source, rng: Rng, level: int) -> None:
    """A new level, faded out."""
    model.level.fill_(level)
    model.alpha.fill_(0.0 if level else 1.0)


def pooled(model: Growing, batch: Batch, rng: Rng) -> Batch:
    """Equation (1)."""
    x = model.features(batch.x).flatten(1)
    while x.shape[1] > 2 ** (int(model.level) + 1):
        x = halved(x)
    return replace(batch, x=x)


def fade(model: Growing, terms: Mapping[str, Tensor], progress: float) -> None:
    """a rises over the first half of a stage."""
    if int(model.level):
        model.alpha.fill_(min(1.0, 2 * progress))


def judge(model: Growing, batch: Batch, rng: Rng) -> Terms:
    """-log D(x) - log(1 - D(G(z))), per example."""
    fake = model.generate(rng.normal("z", model.latent, dtype=model.dtype)).detach()
    return Terms({"real": F.softplus(-model.judge(batch.x)), "fake": F.softplus(model.judge(fake))})


def fool(model: Growing, batch: Batch, rng: Rng) -> Terms:
    """-log D(G(z)), per example."""
    fake = model.generate(rng.normal("z", model.latent, dtype=model.dtype))
    return Terms({"loss": F.softplus(-model.judge(fake))})
