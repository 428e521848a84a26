"""Stitched tiles: the answer of a convolutional network on the whole, in any size, and what is refused."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

from simulacra.core.numerics import stitched as module
from simulacra.core.numerics.stitched import stitched, tiles_along

pytestmark = pytest.mark.fault("photos")


def convolutional(d: int, channels: int = 2) -> nn.Module:
    """Two layers whose answer at an entry depends on entries at most 2 away; channels become 3."""
    conv = (nn.Conv1d, nn.Conv2d)[d - 1]
    return nn.Sequential(conv(channels, 4, 3, padding=1), nn.Tanh(), conv(4, 3, 3, padding=1))


@pytest.mark.system("D6")
@pytest.mark.parametrize("sides", [(16, 16), (17, 16), (31, 45), (50, 16)], ids=str)
def test_a_convolutional_network_answers_as_on_the_whole_picture(float64, sides):
    """To the border, with a margin of 2: a quarter of half a tile of 16."""
    net, x = convolutional(2), torch.randn(2, *sides)
    with torch.no_grad():
        whole = net(x[None])[0]
        torch.testing.assert_close(stitched(net, x, (16, 16)), whole, rtol=0, atol=1e-12)
        assert (stitched(net, x, (16, 16), margin=1) - whole).abs().max() > 1e-3 or sides == (16, 16)


@pytest.mark.system("D6")
@pytest.mark.parametrize("n", [12, 13, 40, 101])
def test_recordings_have_one_side(float64, n):
    net, x = convolutional(1), torch.randn(2, n)
    with torch.no_grad():
        found = stitched(net, x, (12,), overlap=7, margin=2)
        torch.testing.assert_close(found, net(x[None])[0], rtol=0, atol=1e-12)


@pytest.mark.system("D6")
def test_the_answer_is_the_weighted_mean_of_the_tiles_that_hold_an_entry(float64):
    """Equation (3) by loops, with answers that differ from tile to tile."""
    x, o, m = torch.randn(9), 3, 1
    starts, w = [0, 2, 4], [min(max((j + 1 - m) / (o + 1 - 2 * m), 0), 1) for j in range(5)]
    answers = [x[s : s + 5] * (i + 1) for i, s in enumerate(starts)]
    expected = []
    for p in range(9):
        above = below = 0.0
        for i, s in enumerate(starts):
            if s <= p < s + 5:
                edges = ([w[p - s]] if i else []) + ([w[s + 4 - p]] if i < 2 else [])
                above, below = above + min(edges) * answers[i][p - s], below + min(edges)
        expected.append(above / below)
    numbers = itertools.count(1)
    found = stitched(lambda t: t * torch.tensor([next(numbers) for _ in t]).view(-1, 1), x, (5,), o, m)
    torch.testing.assert_close(found, torch.stack(expected))


@pytest.mark.parametrize("tile", [1, 2, 3, 16])
def test_whole_numbers_come_back_exactly(tile):
    for x in (
        torch.randint(0, 256, (3, 50, 19), dtype=torch.uint8),
        torch.randint(0, 2**16, (1, 17, 50), dtype=torch.int32),
    ):
        assert torch.equal(stitched(lambda t: t, x, (tile, tile)), x)


def test_every_entry_has_shares_that_sum_to_one_however_long_the_side():
    for length, (tile, o, m) in itertools.product(
        (8, 9, 23, 50), ((8, 4, 1), (8, 7, 3), (5, 0, 0), (4, 2, 1))
    ):
        side, total = tiles_along(length, tile, o, m), torch.zeros(length, dtype=torch.float64)
        for start, shares in zip(side.starts, side.shares):
            total[start : start + tile] += shares
        torch.testing.assert_close(total, torch.ones(length, dtype=torch.float64))
        assert side.starts[0] == 0 and side.starts[-1] == length - tile


def test_the_answer_does_not_depend_on_how_many_tiles_are_answered_at_once(float64, monkeypatch):
    net, x = convolutional(2), torch.randn(2, 40, 33)
    with torch.no_grad():
        whole = stitched(net, x, (8, 8))
        for values in (1, 2 * 64 * 3, 2 * 64 * 20):
            monkeypatch.setattr(module, "VALUES", values)
            torch.testing.assert_close(stitched(net, x, (8, 8)), whole, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("sides", "tile", "overlap", "margin", "words"),
    [
        ((7, 9), 8, None, None, "the side has 7 entries, but a tile has 8: give a smaller tile"),
        (
            (9, 9),
            8,
            8,
            None,
            "an overlap of 8 with a margin of 2 does not fit tiles of 8",
        ),
        ((9, 9), 8, 4, 3, "an overlap of 4 with a margin of 3"),
        ((9, 9), 8, -1, 0, "an overlap of -1"),
    ],
)
def test_tiles_that_do_not_fit_are_refused(sides, tile, overlap, margin, words):
    with pytest.raises(ValueError, match=words):
        stitched(lambda t: t, torch.zeros(1, *sides), (tile, tile), overlap, margin)
