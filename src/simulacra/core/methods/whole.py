"""Translations of one image or recording of any size, by overlapping tiles that are stitched together.

Tiles have the size of the model's source. Their noise is that of one field (`core.random.placed`): latent
codes are the same in all tiles, and neighbors have the same noise of pixels where they overlap, so that they
agree. The answer for an observation that is one tile is that of `translate`.

A side shorter than a tile is continued by its mirror image, and the answer is cut back.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from simulacra.core.capabilities import general as can
from simulacra.core.capabilities.paired import draws_pairs
from simulacra.core.numerics.stitched import stitched_at
from simulacra.core.random.contents import contents_of
from simulacra.core.random.keyed import Rng
from simulacra.core.random.placed import Placed
from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.plain import Space


def source_of(model: Any) -> Space:
    """Returns the raw space of what a model translates.

    Args:
        model: a model that translates.
    """
    if draws_pairs(model):
        raw: Space = model.conditioning.raw
        return raw
    source = can.able(model, can.Translates).source
    return model.preprocessing.raw if source == model.space else source


def sides_of(space: Space) -> tuple[int, ...] | None:
    """Returns the sides along which tiles lie: those of an image or a wave; None for other observations.

    Args:
        space: a raw space.
    """
    if space.image:
        return tuple(space.shape[1:])
    return tuple(space.shape) if isinstance(space, Audio) else None


def factors_of(source: Space, raw: Space) -> tuple[int, ...] | None:
    """Returns the factor of each side by which answers are larger than their source.

    Args:
        source: raw space of what is given.
        raw: raw space of the answers.

    Returns:
        one whole number for each side; None where there is none, so that only rows of one size are answered.

    Example:
        >>> from simulacra.core.spaces.plain import Levels
        >>> factors_of(Levels((3, 16, 16)), Levels((3, 64, 64))), factors_of(Audio((400,)), Audio((300,)))
        ((4, 4), None)
    """
    small, large = sides_of(source), sides_of(raw)
    if small is None or large is None or len(small) != len(large):
        return None
    whole = all(b % a == 0 for a, b in zip(small, large))
    return tuple(b // a for a, b in zip(small, large)) if whole else None


def translate_whole(model: Any, x: Tensor, n: int = 1, seed: int = 0, name: str = "tiles") -> list[Tensor]:
    """Returns n translations of one image or recording of any size, each of its sides times their factors.

    Args:
        model: a model that draws pairs, with factors by `factors_of`.
        x: one raw observation of the source, shape (*lead, L_1, ..., L_d).
        n: number of draws.
        seed: seed of the draws.
        name: name of the work in a bar of progress.

    Example:
        >>> import simulacra
        >>> small, large = simulacra.Levels((1, 3, 3), 256), simulacra.Levels((1, 6, 6), 256)
        >>> model = simulacra.GAN(large, condition=small, latent=2)
        >>> translate_whole(model, torch.zeros(1, 8, 5))[0].shape
        torch.Size([1, 16, 10])
    """
    source, raw = source_of(model), model.preprocessing.raw
    tile, factors = sides_of(source), factors_of(source, raw)
    assert tile is not None and factors is not None
    whole, digest = _mirrored(x, tile), contents_of(x[None]).digests[0]
    maps = (*can.able(model, can.Samples).noise_maps, raw.shape, source.shape)

    def answer(tiles: Tensor, starts: Tensor, path: tuple[object, ...]) -> Tensor:
        rows = Placed(digest, starts.numpy(), tile, maps)
        rng = Rng(seed, "translate", device=model.device, rows=rows).at(*path)
        found: Tensor = model._carried(tiles, rng, None, None)
        return found.cpu()

    back: tuple[Any, ...] = (..., *(slice(0, k * side) for k, side in zip(factors, x.shape[-len(tile) :])))
    # the first draw is that of n = 1
    paths = [("draw", j) if j else () for j in range(n)]
    each = [partial(answer, path=path) for path in paths]
    return [stitched_at(one, whole, tile, name=name, scale=factors)[back] for one in each]


def _mirrored(x: Tensor, tile: tuple[int, ...]) -> Tensor:
    """Returns x with sides of at least those of a tile: what they lack is their mirror image."""
    lacking = [max(0, t - side) for t, side in zip(tile, x.shape[-len(tile) :])]
    if not any(lacking):
        return x
    widths = [(0, 0)] * (x.dim() - len(tile)) + [(0, k) for k in lacking]
    return torch.from_numpy(np.pad(x.cpu().numpy(), widths, mode="reflect"))
