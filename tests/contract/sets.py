"""Tiny data sets of every kind, whose sizes are no multiples of 16."""

from __future__ import annotations

import torch
from torch import Tensor

from contract.world import kept
from simulacra.core.numerics.spectra import over_smoothed
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.classes import Categorical, Ordinal
from simulacra.core.spaces.composite import Sequence, Table
from simulacra.core.spaces.numeric import Numeric
from simulacra.core.spaces.plain import Binary, Count, Levels, Positive, Real
from simulacra.core.spaces.tokens import Tokens
from simulacra.data.dataset import Dataset
from simulacra.data.sources.tensors import from_tensors


def _normal(n: int, d: int, key: str) -> Tensor:
    """Correlated rows with two clusters, so that there is something to learn."""
    rng = Rng(0, key, rows=range(n))
    side = rng.bernoulli("side", torch.full((n, 1), 0.5)) * 2 - 1
    mix = torch.linspace(0.2, 1.0, d)
    return side * mix + 0.4 * rng.normal("x", d) + 0.3 * rng.normal("common", 1)


@kept
def real(d: int, n: int = 131) -> Dataset:
    """Real vectors."""
    return from_tensors(_normal(n, d, f"real-{d}"), Real((d,)), f"real-{d}")


@kept
def binary(d: int, n: int = 103) -> Dataset:
    """Thresholded vectors."""
    return from_tensors((_normal(n, d, f"binary-{d}") > 0).to(torch.uint8), Binary((d,)), f"binary-{d}")


@kept
def images() -> Dataset:
    """Images of 5 x 6 pixels with 4 levels."""
    x = (_normal(111, 30, "images") + 1.5).round().clamp(0, 3).to(torch.uint8)
    return from_tensors(x.reshape(-1, 1, 5, 6), Levels((1, 5, 6), 4), "images")


@kept
def texts(T: int = 5, n: int = 113, labelled: bool = False) -> Dataset:
    """Texts of up to T letters, in which a letter often follows itself; its class is their label."""
    rng = Rng(0, "texts", rows=range(n))
    first = 1 + (rng.uniform("first", 1) * 3).long()
    others = 1 + (rng.uniform("letters", T) * 3).long()
    letters = torch.where(rng.uniform("same", T) < 0.8, first.expand(-1, T), others)
    length = (rng.uniform("length", 1) * (T + 1)).long()
    x = torch.where(torch.arange(T) < length, letters, torch.zeros_like(letters))
    label = (first.squeeze(1) - 1, Categorical((), 3)) if labelled else ()
    return from_tensors(x.to(torch.uint8), Tokens((T,), 4, ("<end>", *"abc")), "texts", *label)


@kept
def measured() -> Dataset:
    """The texts, each with its length and its share of the first letter, in units far from 1."""
    of = texts()
    x = torch.cat([split.x for split in of.splits.values()])
    length = (x != 0).sum(1)
    share = (x == 1).sum(1) / length.clamp_min(1)
    c = torch.stack([1e4 + 50.0 * length, 0.01 * share], 1)
    return from_tensors(x, of.space, "measured", c=c, condition=Real((2,)))


@kept
def classes(d: int, missing: bool = False, n: int = 157) -> Dataset:
    """Real vectors in three classes; with `missing`, two labels of three are unknown."""
    rng = Rng(0, "classes", rows=range(n))
    c = (rng.uniform("c", 1).squeeze(1) * 3).long()
    x = _normal(n, d, f"classes-{d}") + c.unsqueeze(1)
    parts = {}
    if missing:
        known = rng.uniform("known", 1).squeeze(1) < 0.35
        # what is unknown is no information: the mask alone says so
        c, parts = torch.where(known, c, torch.zeros_like(c)), {"c_known": known}
    return from_tensors(x, Real((d,)), f"classes-{d}", c, Categorical((), 3), **parts)


@kept
def bits() -> Dataset:
    """Images of 5 x 7 pixels, black or white."""
    x = (_normal(103, 35, "bits") > 0).to(torch.uint8)
    return from_tensors(x.reshape(-1, 1, 5, 7), Binary((1, 5, 7)), "bits")


@kept
def noisy_bits(n: int = 103) -> Dataset:
    """Images of 5 x 3 pixels, black or white, each given the same with a tenth of the pixels changed."""
    rng = Rng(0, "noisy bits", rows=range(n))
    x = (_normal(n, 15, "noisy bits") > 0).reshape(-1, 1, 5, 3)
    c = x ^ (rng.uniform("noise", 1, 5, 3) < 0.1)
    image = Binary((1, 5, 3))
    return from_tensors(x.to(torch.uint8), image, "noisy-bits", c=c.to(torch.uint8), condition=image)


@kept
def series(T: int = 13, n: int = 109) -> Dataset:
    """Series of 7 levels."""
    x = (_normal(n, T, "series") * 2 + 3).round().clamp(0, 6).to(torch.uint8)
    return from_tensors(x, Levels((T,), 7), "series")


@kept
def labelled(d: int = 7, n: int = 151) -> Dataset:
    """Thresholded vectors in three classes."""
    c = (Rng(0, "labelled", rows=range(n)).uniform("c", 1).squeeze(1) * 3).long()
    x = _normal(n, d, "labelled") + 0.7 * (c.unsqueeze(1) - 1)
    return from_tensors((x > 0).to(torch.uint8), Binary((d,)), "labelled", c, Categorical((), 3))


@kept
def mixed(missing: bool = False, n: int = 149) -> Dataset:
    """A table with a column of every kind; with `missing`, a fifth of the entries is unknown."""
    z = _normal(n, 6, "mixed")
    columns = [
        z[:, 0],
        (z[:, 1] * 0.7).exp(),
        (z[:, 2].exp() * 3).floor(),
        (z[:, 3] > 0).float(),
        (z[:, 4] + 1.5).round().clamp(0, 2),
        (z[:, 5] + 2).round().clamp(0, 3),
    ]
    space = Table(
        a=Real(), b=Positive(), c=Count(), d=Binary(), e=Categorical((), 3), f=Ordinal((), 4, tuple("wxyz"))
    )
    x, parts = torch.stack(columns, 1), {}
    if missing:
        known = Rng(0, "mixed-known", rows=range(n)).uniform("u", 6) > 0.2
        x, parts = space.filled(x, known), {"known": known}
    return from_tensors(x, space, "mixed", **parts)


@kept
def scored(missing: bool = False, n: int = 157) -> Dataset:
    """A table of numbers on their normal scores, grades and classes."""
    z = _normal(n, 5, "scored")
    # what hangs together: noise with these marginals is unlike the rows
    z[:, 1:] = 0.95 * z[:, :1] + 0.3 * z[:, 1:]
    columns = [
        (170 + 9 * z[:, 0]).round(decimals=1),
        (z[:, 1].exp() * 3).floor(),
        (z[:, 2] + 2).round().clamp(0, 3) + 3,
        (z[:, 3] + 1.5).round().clamp(0, 2),
        (z[:, 4] > 0.5).float(),
    ]
    grades = Ordinal((), 4, tuple("3456"), (3.0, 4.0, 5.0, 6.0))
    space = Table(a=Numeric((), 1), b=Numeric((), 0), c=grades, d=Categorical((), 3), e=Binary())
    x, parts = torch.stack(columns, 1), {}
    if missing:
        known = Rng(0, "scored-known", rows=range(n)).uniform("u", 5) > 0.2
        x, parts = space.filled(x, known), {"known": known}
    return from_tensors(x, space, "scored", **parts)


@kept
def gaps(d: int, n: int = 131) -> Dataset:
    """Real vectors, a quarter of whose entries is unknown."""
    known = Rng(0, "gaps", rows=range(n)).uniform("u", d) > 0.25
    x = _normal(n, d, f"gaps-{d}")
    return from_tensors(torch.where(known, x, torch.zeros_like(x)), Real((d,)), f"gaps-{d}", known=known)


@kept
def sequences(d: int = 3, T: int = 7, n: int = 107) -> Dataset:
    """Ragged sequences of binary frames, from one frame to T."""
    rng = Rng(0, "sequences", rows=range(n))
    x = (rng.normal("x", T, d) + rng.normal("common", 1, d) > 0).to(torch.uint8)
    lengths = 1 + (rng.uniform("length", 1).squeeze(1) * T).long().clamp_max(T - 1)
    frames = torch.arange(T).unsqueeze(1) < lengths.view(-1, 1, 1)
    space = Sequence((T, d), Binary((d,)))
    return from_tensors(x * frames, space, "sequences", lengths=lengths)


@kept
def motion(styles: int = 0, d: int = 3, T: int = 7, n: int = 107) -> Dataset:
    """Ragged sequences of real frames, from one frame to T, with or without their style."""
    rng = Rng(0, "motion", rows=range(n))
    x = rng.normal("x", T, d) + rng.normal("common", 1, d)
    lengths = 1 + (rng.uniform("length", 1).squeeze(1) * T).long().clamp_max(T - 1)
    frames = torch.arange(T).unsqueeze(1) < lengths.view(-1, 1, 1)
    given = {"c": torch.arange(n) % styles, "condition": Categorical((), styles)} if styles else {}
    return from_tensors(x * frames, Sequence((T, d), Real((d,))), "motion", lengths=lengths, **given)


@kept
def waves(T: int = 29, n: int = 109) -> Dataset:
    """Recordings of three pitches, of any phase."""
    rng = Rng(0, "waves", rows=range(n))
    c = (rng.uniform("c", 1).squeeze(1) * 3).long()
    turns = (c.unsqueeze(1) + 1.5) * torch.arange(T) / T + rng.uniform("phase", 1)
    x = 0.7 * (2 * torch.pi * turns).sin() + 0.05 * rng.normal("hiss", T).clamp(-3, 3)
    return from_tensors(x, Audio((T,), 8000), "waves", c, Categorical((), 3))


@kept
def frames(d: int = 3, T: int = 7, n: int = 107) -> Dataset:
    """Sequences of T real frames each."""
    rng = Rng(0, "frames", rows=range(n))
    x = rng.normal("x", T, d) + rng.normal("common", 1, d)
    return from_tensors(x, Sequence((T, d), Real((d,))), "frames")


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
