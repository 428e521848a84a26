"""Which values are black and white, and that a picture says so."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from simulacra.core.spaces.plain import Binary, Levels, Real
from simulacra.exploration import view
from simulacra.exploration.drawing.scale import scale_of
from simulacra.exploration.drawing.sheet import images_of, sheet
from simulacra.exploration.rendering.figure import render
from simulacra.exploration.rendering.tiles import pixels

pytestmark = pytest.mark.fault("e2")
DEEP = Levels((1, 20, 20), 2**16)


def dark(n=9):
    x = 500 + (torch.rand(n, 1, 20, 20, generator=torch.Generator().manual_seed(0)) * 6000).round().long()
    x[0, 0, 0, 0] = 65535
    return x


def test_deep_pictures_are_not_black_and_say_their_scale(tmp_path):
    x = dark()
    shown = pixels(images_of(DEEP, x))
    assert 100 < shown.mean() < 160 and shown.min() == 0 and shown.max() == 255
    figure = view(DEEP, x, tmp_path / "x.png")
    words = [text.get_text() for text in figure.texts]
    scale = scale_of(DEEP, x)
    assert scale.words in words and scale.words.endswith("of 65,535")
    assert 500 <= scale.black < 600 and 6400 < scale.white <= 6500
    drawn = np.array(Image.open(tmp_path / "x.png").convert("L"))
    assert ((drawn > 60) & (drawn < 190)).mean() > 0.2


def test_one_scale_for_all_images_of_a_figure():
    x = torch.stack([torch.full((1, 20, 20), 600), torch.full((1, 20, 20), 6000)])
    figure = render(sheet(DEEP, x.unsqueeze(0)))
    assert "black 600, white 6,000 of 65,535" in [text.get_text() for text in figure.texts]
    assert pixels(images_of(DEEP, x)).mean((1, 2, 3)).tolist() == [0, 255]


@pytest.mark.parametrize("space", [Levels((1, 4, 4), 256), Levels((1, 4, 4), 17), Binary((1, 4, 4))], ids=str)
def test_pictures_that_use_their_range_stay_as_they_are(space):
    top = getattr(space, "levels", 2) - 1
    x = torch.zeros(2, 1, 4, 4)
    x[0, 0, 0, 0] = top // 3
    shown = pixels(images_of(space, x))
    assert scale_of(space, x).words == "" and shown[0, 0, 0, 0] == round(255 * (top // 3) / top)
    assert not [text for text in render(sheet(space, x.unsqueeze(0))).texts if text.get_text()]


def test_eight_bits_in_their_own_range_and_reals_are_stretched_and_say_so():
    dull = Levels((1, 4, 4), 256, centre=110.0, spread=5.0)
    x = torch.randint(100, 121, (5, 1, 4, 4))
    assert pixels(images_of(dull, x)).max() == 255 and scale_of(dull, x).words.endswith("of 255")
    small = torch.rand(5, 1, 4, 4) / 100
    assert pixels(images_of(Real((1, 4, 4)), small)).max() == 255 and scale_of(Real((1, 4, 4)), small).words
    assert scale_of(Real((1, 4, 4)), torch.rand(5, 1, 4, 4)).words == ""


def test_constant_pictures_are_drawn():
    assert pixels(images_of(DEEP, torch.full((1, 1, 20, 20), 600))).max() == 0
    assert pixels(images_of(Real((1, 4, 4)), torch.full((1, 1, 4, 4), 3.0))).max() == 0
