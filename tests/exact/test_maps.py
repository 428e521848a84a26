"""Conditions as maps: which are observations themselves, their layout, and other sides."""

from __future__ import annotations

import pytest
import torch

from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.classes import Categorical, Ordinal
from simulacra.core.spaces.composite import Sequence, Table
from simulacra.core.spaces.paired import map_shape, maps, observed
from simulacra.core.spaces.plain import Binary, Levels, Real
from simulacra.core.spaces.tokens import Tokens
from simulacra.nets.maps import resized, with_channel, with_maps

pytestmark = pytest.mark.system("G18")


def test_images_waves_and_frames_are_observations_and_labels_are_not():
    seen = [Levels((1, 5, 7), 4), Real((2, 3)), Audio((9,)), Levels((100,), 256), Sequence((3,), Real((2,)))]
    seen += [Binary((4, 1, 5, 7)), Categorical((1, 5, 7), 3)]
    labels = [None, Categorical((), 3), Ordinal((), 4), Real(()), Real((3,)), Table(a=Real())]
    labels += [Tokens((5,), 3, ("<end>", "a", "b")), Sequence((3,), Categorical((), 2))]
    assert all(map(observed, seen))
    assert not any(map(observed, labels))


@pytest.mark.parametrize(
    ("space", "sides", "shape"),
    [
        (Levels((3, 5, 7), 4), 2, (3, 5, 7)),
        (Audio((9,)), 1, (1, 9)),
        (Levels((4, 1, 5, 7), 4), 2, (4, 5, 7)),
        (Levels((4, 1, 5, 7), 4), 3, (4, 1, 5, 7)),
        (Sequence((3,), Real((2,))), 1, (2, 3)),
        (Sequence((3,), Real((2, 5, 7))), 3, (2, 3, 5, 7)),
        (Categorical((1, 5, 7), 3), 2, (3, 5, 7)),
        (Categorical((5, 7), 3), 2, (3, 5, 7)),
    ],
)
def test_the_layout_of_maps(space, sides, shape):
    x = torch.zeros(2, *space.shape)
    assert map_shape(space, sides) == shape
    assert maps(space, x, sides=sides).shape == (2, *shape)


def test_maps_hold_the_features_in_their_places():
    x = torch.arange(2 * 3 * 2.0).reshape(2, 3, 2)
    assert torch.equal(maps(Sequence((3,), Real((2,))), x), x.transpose(1, 2))
    frames = torch.arange(4 * 35.0).reshape(1, 4, 1, 5, 7)
    assert torch.equal(maps(Real((4, 1, 5, 7)), frames, sides=2), frames[:, :, 0])


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_whole_ratios_repeat_and_average(float64, dims):
    c = torch.randn(2, 3, *(3, 5, 7)[:dims], generator=torch.Generator().manual_seed(0))
    more = resized(c, [2 * n for n in c.shape[2:]])
    every = c
    for d in range(dims):
        every = every.repeat_interleave(2, d + 2)
    assert torch.equal(more, every)
    # the mean over blocks of what was repeated is the map itself
    torch.testing.assert_close(resized(more, c.shape[2:]), c)
    assert resized(c, c.shape[2:]) is c


def test_other_ratios_are_linear(float64):
    ramp = torch.arange(6.0).view(1, 1, 6)
    new = resized(ramp, (4,))
    # the centre of entry i of 4 lies at 1.5 i + 0.25 of the entries of 6
    torch.testing.assert_close(new, (1.5 * torch.arange(4.0) + 0.25).view(1, 1, 4))


def test_joined_maps_are_further_channels():
    h, c = torch.zeros(2, 3, 6), torch.ones(2, 1, 3)
    assert torch.equal(with_maps(h, c)[:, 3:], torch.ones(2, 1, 6))
    assert with_maps(h, None) is h
    assert with_channel(torch.zeros(2, 6), 1).shape == (2, 1, 6)
    assert with_channel(h, 1) is h
