"""Tiny data sets of pictures, volumes and pairs, whose sizes are no multiples of 16."""

from __future__ import annotations

import torch

from contract.sets import rows_of as _normal
from contract.world import kept
from simulacra.core.numerics.spectra import over_smoothed
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Binary, Levels, Real
from simulacra.core.spaces.tokens import Tokens
from simulacra.data.dataset import Dataset
from simulacra.data.sources.tensors import from_tensors


@kept
def pairs() -> Dataset:
    """Images of 5 x 6 pixels with 4 levels, each beside the same with noise."""
    rng, x = Rng(0, "pairs", rows=range(107)), (_normal(107, 30, "pairs") + 1.5).round().clamp(0, 3)
    x = x.reshape(-1, 1, 5, 6)
    y = (x + rng.normal("grain", 1, 5, 6)).round().clamp(0, 3)
    image = Levels((1, 5, 6), 4)
    return from_tensors(x.to(torch.uint8), image, "pairs", c=y.to(torch.uint8), condition=image)


@kept
def domains() -> Dataset:
    """Images of 5 x 7 pixels with 4 levels: bright and dark ones in unequal number, without pairs."""
    x = (_normal(103, 35, "domains") + 1.5).round().clamp(0, 3).to(torch.uint8).reshape(-1, 1, 5, 7)
    kind = (torch.arange(103) % 3 > 0).long()
    x = torch.where(kind.view(-1, 1, 1, 1) > 0, x, 3 - x.clamp(0, 1))
    return from_tensors(x, Levels((1, 5, 7), 4), "domains", kind, Categorical((), 2, ("bright", "dark")))


@kept
def wave_pairs(T: int = 23, n: int = 109) -> Dataset:
    """Recordings of tones of any phase, each beside the same with hiss."""
    rng = Rng(0, "wave pairs", rows=range(n))
    x = 0.5 * (2 * torch.pi * (2 * torch.arange(T) / T + rng.uniform("phase", 1))).sin()
    y = x + 0.1 * rng.normal("hiss", T).clamp(-3, 3)
    return from_tensors(x, Audio((T,), 8000), "wave pairs", c=y, condition=Audio((T,), 8000))


@kept
def squares() -> Dataset:
    """Images of 6 x 6 pixels with 4 levels, in three classes: of a size that strides of two reach."""
    n = 103
    c = (Rng(0, "squares", rows=range(n)).uniform("c", 1).squeeze(1) * 3).long()
    x = (_normal(n, 36, "squares") + c.unsqueeze(1)).round().clamp(0, 3).to(torch.uint8)
    return from_tensors(x.reshape(-1, 1, 6, 6), Levels((1, 6, 6), 4), "squares", c, Categorical((), 3))


@kept
def grown() -> Dataset:
    """Images of 8 x 8 pixels with 4 levels, in three classes: twice the first sides of a game that grows."""
    n = 103
    c = (Rng(0, "grown", rows=range(n)).uniform("c", 1).squeeze(1) * 3).long()
    x = (_normal(n, 64, "grown") + c.unsqueeze(1)).round().clamp(0, 3).to(torch.uint8)
    return from_tensors(x.reshape(-1, 1, 8, 8), Levels((1, 8, 8), 4), "grown", c, Categorical((), 3))


@kept
def captioned() -> Dataset:
    """Images of 12 x 12 pixels with 4 levels, whose captions of up to 3 words tell how light they are."""
    words = Tokens((3,), 5, ("<end>", "<unknown>", "a", "dark", "light"), unknown=1, unit="words")
    texts, rng = ("light", "a dark", "a light dark"), Rng(0, "captioned", rows=range(107))
    which = (rng.uniform("which", 1).squeeze(1) * 3).long()
    x = (_normal(107, 144, "captioned") + which.unsqueeze(1)).round().clamp(0, 3).to(torch.uint8)
    c = words.rows([texts[i] for i in which.tolist()])
    return from_tensors(x.reshape(-1, 1, 12, 12), Levels((1, 12, 12), 4), "captioned", c, words)


@kept
def enlarged() -> Dataset:
    """Images of 6 x 4 pixels with 8 levels, each given a quarter of its pixels: the mean of 2 x 2."""
    x = (2 * _normal(103, 24, "enlarged") + 3.5).round().clamp(0, 7).reshape(-1, 1, 6, 4)
    c = torch.nn.functional.avg_pool2d(x, 2).round().to(torch.uint8)
    space, condition = Levels((1, 6, 4), 8), Levels((1, 3, 2), 8)
    return from_tensors(x.to(torch.uint8), space, "enlarged", c, condition)


@kept
def films() -> Dataset:
    """Frames of 4 x 5 pixels with 4 levels, each given the two frames before: a shade that drifts."""
    n = 103
    x = (_normal(n, 20, "films").unsqueeze(1) + torch.linspace(0.5, 2.5, 3).view(1, 3, 1)).round().clamp(0, 3)
    x, frame = x.to(torch.uint8).view(n, 3, 4, 5), Levels((1, 4, 5), 4)
    return from_tensors(x[:, 2:], frame, "films", c=x[:, :2], condition=Levels((2, 4, 5), 4))


@kept
def solids() -> Dataset:
    """Volumes of 3 x 4 x 3 voxels, each given what fills its columns as an image with 4 levels."""
    x = (_normal(101, 36, "solids") > 0).to(torch.uint8).reshape(-1, 1, 3, 4, 3)
    c = x.sum(2).to(torch.uint8)
    return from_tensors(x, Binary((1, 3, 4, 3)), "solids", c=c, condition=Levels((1, 4, 3), 4))


@kept
def textures(n: int = 107) -> Dataset:
    """Images of real numbers, each with its means over three columns as its condition."""
    x = _normal(n, 15, "textures").reshape(-1, 1, 3, 5)
    return from_tensors(x, Real((1, 3, 5)), "textures", over_smoothed(x, 3), Real((1, 3, 5)))


@kept
def turned() -> Dataset:
    """Images of 5 x 6 pixels with 4 levels: a step at an angle, of two kinds."""
    n = 107
    rng = Rng(0, "turned", rows=range(n))
    kind, angle = (rng.uniform("kind", 1) < 0.5).float(), 360 * rng.uniform("angle", 1)
    y, x = torch.meshgrid(torch.linspace(-1, 1, 5), torch.linspace(-1, 1, 6), indexing="ij")
    a = (angle * torch.pi / 180).unsqueeze(2)
    shown = 1.5 + (2 - kind.unsqueeze(2)) * (a.cos() * x + a.sin() * y) + 0.3 * rng.normal("e", 5, 6)
    given = Table(kind=Categorical((), 2), angle=Real())
    rows = shown.round().clamp(0, 3).to(torch.uint8).unsqueeze(1)
    return from_tensors(rows, Levels((1, 5, 6), 4), "turned", torch.cat([kind, angle], 1), given)


@kept
def mosaics() -> Dataset:
    """Images of 6 x 4 pixels with 5 levels, each given real numbers: the means of blocks of 2 x 2."""
    x = (_normal(103, 24, "mosaics") + 2).round().clamp(0, 4).reshape(-1, 1, 6, 4)
    c = torch.nn.functional.avg_pool2d(x, 2)
    return from_tensors(x.to(torch.uint8), Levels((1, 6, 4), 5), "mosaics", c, Real((1, 3, 2)))
