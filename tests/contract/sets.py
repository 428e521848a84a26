"""Tiny data sets of every kind, whose sizes are no multiples of 16."""

from __future__ import annotations

import torch
from torch import Tensor

from contract.world import kept
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.classes import Categorical, Ordinal
from simulacra.core.spaces.composite import Sequence, Table
from simulacra.core.spaces.numeric import Numeric
from simulacra.core.spaces.plain import Binary, Count, Levels, Positive, Real
from simulacra.core.spaces.tokens import Tokens
from simulacra.data.dataset import Dataset
from simulacra.data.sources.tensors import from_tensors


def rows_of(n: int, d: int, key: str) -> Tensor:
    """Correlated rows with two clusters, so that there is something to learn."""
    rng = Rng(0, key, rows=range(n))
    side = rng.bernoulli("side", torch.full((n, 1), 0.5)) * 2 - 1
    mix = torch.linspace(0.2, 1.0, d)
    return side * mix + 0.4 * rng.normal("x", d) + 0.3 * rng.normal("common", 1)


@kept
def real(d: int, n: int = 131) -> Dataset:
    """Real vectors."""
    return from_tensors(rows_of(n, d, f"real-{d}"), Real((d,)), f"real-{d}")


@kept
def binary(d: int, n: int = 103) -> Dataset:
    """Thresholded vectors."""
    return from_tensors((rows_of(n, d, f"binary-{d}") > 0).to(torch.uint8), Binary((d,)), f"binary-{d}")


@kept
def images() -> Dataset:
    """Images of 5 x 6 pixels with 4 levels."""
    x = (rows_of(111, 30, "images") + 1.5).round().clamp(0, 3).to(torch.uint8)
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
    x = rows_of(n, d, f"classes-{d}") + c.unsqueeze(1)
    parts = {}
    if missing:
        known = rng.uniform("known", 1).squeeze(1) < 0.35
        # what is unknown is no information: the mask alone says so
        c, parts = torch.where(known, c, torch.zeros_like(c)), {"c_known": known}
    return from_tensors(x, Real((d,)), f"classes-{d}", c, Categorical((), 3), **parts)


@kept
def bits() -> Dataset:
    """Images of 5 x 7 pixels, black or white."""
    x = (rows_of(103, 35, "bits") > 0).to(torch.uint8)
    return from_tensors(x.reshape(-1, 1, 5, 7), Binary((1, 5, 7)), "bits")


@kept
def noisy_bits(n: int = 103) -> Dataset:
    """Images of 5 x 3 pixels, black or white, each given the same with a tenth of the pixels changed."""
    rng = Rng(0, "noisy bits", rows=range(n))
    x = (rows_of(n, 15, "noisy bits") > 0).reshape(-1, 1, 5, 3)
    c = x ^ (rng.uniform("noise", 1, 5, 3) < 0.1)
    image = Binary((1, 5, 3))
    return from_tensors(x.to(torch.uint8), image, "noisy-bits", c=c.to(torch.uint8), condition=image)


@kept
def series(T: int = 13, n: int = 109) -> Dataset:
    """Series of 7 levels."""
    x = (rows_of(n, T, "series") * 2 + 3).round().clamp(0, 6).to(torch.uint8)
    return from_tensors(x, Levels((T,), 7), "series")


@kept
def labelled(d: int = 7, n: int = 151) -> Dataset:
    """Thresholded vectors in three classes."""
    c = (Rng(0, "labelled", rows=range(n)).uniform("c", 1).squeeze(1) * 3).long()
    x = rows_of(n, d, "labelled") + 0.7 * (c.unsqueeze(1) - 1)
    return from_tensors((x > 0).to(torch.uint8), Binary((d,)), "labelled", c, Categorical((), 3))


@kept
def mixed(missing: bool = False, n: int = 149) -> Dataset:
    """A table with a column of every kind; with `missing`, a fifth of the entries is unknown."""
    z = rows_of(n, 6, "mixed")
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
    z = rows_of(n, 5, "scored")
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
    x = rows_of(n, d, f"gaps-{d}")
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
