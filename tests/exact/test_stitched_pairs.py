"""Tiles of translations: larger answers, noise of one field, and the answer of the whole picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import simulacra
from simulacra import Audio, Levels, Model, Real
from simulacra.core.capabilities.general import Samples, TakesCondition
from simulacra.core.methods.whole import factors_of, translate_whole
from simulacra.core.numerics.stitched import stitched
from simulacra.core.random.contents import Contents, contents_of
from simulacra.core.random.keyed import Rng
from simulacra.core.random.placed import Placed

DIGEST = np.uint64(2**63 + 12345)
EVERY = slice(None)


class Convolutional(Model, Samples, TakesCondition):
    """x = conv(up(c)) + s conv(e) + z, with noise e of the size of x, or half of it, and a common z."""

    def __init__(self, space, condition, s: float = 1.0, half: bool = False, common: bool = True):
        super().__init__(space, condition)
        self.s, self.half, self.common = s, half, common
        self.d = len(condition.shape) - condition.image
        channels = (condition.shape[0], space.shape[0]) if condition.image else (1, 1)
        conv = (nn.Conv1d, nn.Conv2d)[self.d - 1]
        self.a, self.b = (conv(k, channels[1], 3, padding=1) for k in (channels[0], 1))

    def answer(self, c, e, z):
        """The answer for conditions of any size, shape (B, C, *sides)."""
        k = self.space.shape[-1] // self.condition.shape[-1]
        up = F.interpolate(c, scale_factor=k, mode="nearest")
        e = F.interpolate(e, scale_factor=2, mode="nearest") if self.half else e
        return self.a(up) + self.s * self.b(e) + z

    def draw(self, rng, c=None):
        sides = self.space.shape[-self.d :]
        sides = [n // 2 for n in sides] if self.half else sides
        e = rng.normal("e", 1, *sides, dtype=self.dtype)
        z = rng.normal("z", 2, dtype=self.dtype).sum(1).view(-1, *[1] * (self.d + 1))
        return self.answer(c.view(len(c), -1, *c.shape[-self.d :]), e, z * self.common).view(
            -1, *self.space.shape
        )


def field(digest, name, tile, sides, lead=1, path=(0, "translate"), dtype=torch.float64):
    """The whole field of noise over an observation, from windows that begin at blocks."""
    starts = np.stack(
        np.meshgrid(*(np.arange(0, n, t) for n, t in zip(sides, tile)), indexing="ij"), -1
    ).reshape(-1, len(tile))
    rows = Placed(digest, starts, tile)
    e = Rng(*path, rows=rows).normal(name, lead, *tile, dtype=dtype)
    whole = torch.empty(lead, *(-(-n // t) * t for n, t in zip(sides, tile)), dtype=dtype)
    for start, block in zip(starts, e):
        whole[(EVERY, *(slice(s, s + t) for s, t in zip(start, tile)))] = block
    return whole[(EVERY, *(slice(0, n) for n in sides))]


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("sides", [(16, 16), (23, 17)], ids=str)
def test_a_convolutional_enlargement_is_that_of_the_whole_picture(float64, k, sides):
    net = nn.Sequential(
        nn.Conv2d(2, 3 * k * k, 3, padding=1), nn.PixelShuffle(k), nn.Conv2d(3, 1, 3, padding=1)
    )
    x = torch.randn(2, *sides)
    with torch.no_grad():
        whole = net(x[None])[0]
        found = stitched(net, x, (16, 16), scale=k)
    assert found.shape == whole.shape
    torch.testing.assert_close(found, whole, rtol=0, atol=1e-12)


def test_sides_have_factors_of_their_own(float64):
    x = torch.randn(1, 7, 9)
    twice = lambda t: t.repeat_interleave(2, 2).repeat_interleave(3, 1)
    found = stitched(lambda t: twice(t[:, 0])[:, None], x, (4, 4), scale=(3, 2))
    torch.testing.assert_close(found, twice(x))


@pytest.mark.parametrize("half", [False, True], ids=["noise of pixels", "noise at half the size"])
def test_draws_of_tiles_are_the_draw_of_the_whole_picture(float64, half):
    """A convolutional network with noise of one field answers as on the whole, drawn at once."""
    model = Convolutional(Real((1, 8, 8)), Real((3, 8, 8)), half=half)
    c = torch.randn(3, 21, 13)
    if half:
        # tiles begin at even entries, where their noise of half the size is the field's
        c = torch.randn(3, 24, 12)
    digest = contents_of(c[None]).digests[0]
    tile, sides = ((4, 4), (12, 6)) if half else ((8, 8), c.shape[1:])
    e = field(digest, "e", tile, sides)
    z = (
        Rng(0, "translate", rows=Contents.having(np.array([digest])))
        .normal("z", 2, dtype=torch.float64)
        .sum()
    )
    with torch.no_grad():
        whole = model.answer(c[None], e[None], z)[0]
    found = translate_whole(model, c)[0]
    # within a margin of 1 the tiles lack neighbors: they have no weight there
    torch.testing.assert_close(found, whole, rtol=0, atol=1e-12)


def test_recordings_and_enlargements_are_drawn_as_the_whole(float64):
    wave = Convolutional(Audio((24,), 8000), Audio((12,), 4000), s=0.01, common=False)
    c = torch.randn(50).clamp(-1, 1) / 8
    e = field(contents_of(c[None]).digests[0], "e", (24,), (100,))
    with torch.no_grad():
        whole = wave.answer(c[None, None], e[None], 0)[0, 0].clamp(-1, 1)
    torch.testing.assert_close(translate_whole(wave, c)[0], whole, rtol=0, atol=1e-12)


def test_an_observation_of_one_tile_is_answered_as_by_translate(float64):
    model = Convolutional(Real((1, 8, 8)), Real((3, 8, 8)))
    c = torch.randn(3, 3, 8, 8)
    for row, drawn in zip(c, model.translate(c, n=3, seed=5)):
        assert torch.equal(torch.stack(translate_whole(model, row, 3, 5)), drawn)


@pytest.mark.parametrize("sides", [(3, 5), (8, 2), (1, 20)], ids=str)
def test_sides_shorter_than_a_tile_are_mirrored_and_cut_back(float64, sides):
    model = Convolutional(Real((1, 8, 8)), Real((3, 8, 8)), s=0.0, common=False)
    c = torch.randn(3, *sides)
    mirrored = torch.from_numpy(np.pad(c, [(0, 0), *((0, max(0, 8 - n)) for n in sides)], mode="reflect"))
    with torch.no_grad():
        whole = model.answer(mirrored[None], torch.zeros(1, 1, *mirrored.shape[1:]), 0)[0]
    torch.testing.assert_close(translate_whole(model, c)[0], whole[:, : sides[0], : sides[1]])


def test_neighbors_share_the_noise_of_their_overlap():
    starts = np.array([[0, 0], [0, 3], [5, 3], [7, 14]])
    e = Rng(1, rows=Placed(DIGEST, starts, (6, 7))).normal("e", 2, 6, 7)
    flat = Rng(1, rows=Placed(DIGEST, starts, (6, 7), [(2, 6, 7)])).normal("e", 84)
    assert torch.equal(flat.view_as(e), e)
    whole = field(DIGEST, "e", (6, 7), (18, 28), 2, (1,), torch.float32)
    for (i, j), window in zip(starts, e):
        assert torch.equal(window, whole[:, i : i + 6, j : j + 7])
    # the first block is the noise of an observation that is one tile
    alone = Rng(1, rows=Contents.having(np.array([DIGEST]))).normal("e", 2, 6, 7)
    assert torch.equal(e[0], alone[0])


def test_codes_and_numbers_without_places_are_the_same_in_all_tiles():
    rows = Placed(DIGEST, np.array([[0], [3], [9]]), (6,))
    for shape in ((), (5,), (3, 1)):
        u = Rng(0, rows=rows).uniform("z", *shape)
        assert u.shape == (3, *shape) and torch.equal(u, u[:1].expand_as(u))
    assert torch.equal(Rng(0, rows=rows[1:]).uniform("z", 5), Rng(0, rows=rows).uniform("z", 5)[1:])
    moved = Rng(0, rows=rows[1:]).normal("e", 1, 6)
    assert torch.equal(moved, Rng(0, rows=rows).normal("e", 1, 6)[1:]) and not torch.equal(*moved)


def test_the_noise_of_a_field_is_normal_and_without_repeats():
    starts = np.stack(np.meshgrid(*[np.arange(0, 63, 3)] * 2), -1).reshape(-1, 2)
    e = Rng(3, rows=Placed(DIGEST, starts, (3, 3))).normal("e", 1, 3, 3).double().flatten()
    assert len(e.unique()) == len(e) == 21**2 * 9
    assert abs(float(e.mean())) < 4 / len(e) ** 0.5 and abs(float(e.var()) - 1) < 4 * (2 / len(e)) ** 0.5


def test_only_whole_factors_of_the_same_kind_are_answered_in_tiles():
    image, wave = Levels((3, 8, 8), 256), Audio((40,), 8000)
    for source, raw, found in (
        (image, Levels((1, 8, 16), 256), (1, 2)),
        (image, Levels((1, 12, 8), 256), None),
        (image, wave, None),
        (wave, Audio((80,), 16000), (2,)),
        (image, Real((4,)), None),
        (Levels((4, 1, 8, 8), 256), image, None),
    ):
        assert factors_of(source, raw) == found


@pytest.mark.parametrize("at", ["input", "bottleneck"])
def test_noise_maps_of_a_game_are_windows_of_one_field(at):
    """The vector z of a generator that takes maps; a map of one entry is the same in all tiles."""
    model = simulacra.Pix2Pix(Levels((1, 8, 8), 256), Levels((1, 8, 8), 256), 2, channels=2, noise_at=at)
    ((lead, *sides),) = model.noise_maps
    assert (lead, *sides) == ((2, 8, 8) if at == "input" else (2, 4, 4))
    starts = np.array([[0, 0], [0, 4]])
    z = model.prior(Rng(0, rows=Placed(DIGEST, starts, (8, 8), model.noise_maps))).view(2, lead, *sides)
    half = sides[1] // 2
    assert torch.equal(z[0, :, :, half:], z[1, :, :, :half]) and len(z.unique()) == 1.5 * z[0].numel()
    one = Rng(0, rows=Placed(DIGEST, 4 * starts, (8, 8), [(5, 1, 1)])).normal("z", 5)
    assert torch.equal(one[0], one[1])
