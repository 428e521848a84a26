"""Pictures follow the space, and what they show is what was given."""

import numpy as np
import pytest
import torch
from PIL import Image

from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.composite import Sequence
from simulacra.core.spaces.plain import Binary, Levels, Real
from simulacra.exploration.drawing.sheet import images_of, sheet
from simulacra.exploration.drawing.views import VIEWS, view, view_of
from simulacra.exploration.rendering import style
from simulacra.exploration.rendering.figure import render
from simulacra.exploration.rendering.tiles import GAP, enlarge, joined, pixels


@pytest.mark.parametrize(
    ("space", "name"),
    [
        (Levels((1, 8, 8), 17), "image grid"),
        (Binary((3, 8, 8)), "image grid"),
        (Real((2,)), "scatter"),
        (Real((4,)), "pairs"),
        (Real((1,)), "marginals"),
        (Real((64,)), "marginals"),
        (Audio((64,), 8000), "waveform"),
        (Audio((2,), 8000), "waveform"),
        (Levels((9,), 4), "marginals"),
        (Binary((64,)), "binary matrix"),
        (Categorical((), 3), "bars"),
        (Categorical((5,), 3), "bars"),
        (Sequence((7, 12), Binary((12,))), "sequences"),
    ],
)
def test_each_space_has_its_view(space, name, tmp_path):
    assert view_of(space).name == name
    x = torch.randint(0, 2, (12, *space.shape))
    figure = view(space, x, tmp_path / "x.png", title="t", other=x)
    assert (tmp_path / "x.png").read_bytes()[:4] == b"\x89PNG"
    assert figure.axes


def test_a_table_never_gets_an_image_grid():
    tables = [Real((d,)) for d in (1, 2, 5, 784)] + [
        Binary((784,)),
        Levels((784,), 256),
        Categorical((4,), 9),
    ]
    grid = next(v for v in VIEWS if v.name == "image grid")
    for space in tables:
        assert view_of(space) is not grid
        with pytest.raises(ValueError, match="no images"):
            pixels(images_of(space, torch.zeros(1, *space.shape)))


def test_every_pixel_of_a_sheet_is_the_pixel_of_an_image(tmp_path):
    space = Levels((1, 5, 7), 256)
    images = torch.randint(0, 256, (3, 4, 1, 5, 7), generator=torch.Generator().manual_seed(0))
    picture = sheet(space, images, "title", row_names=["a", "b", "c"], captions=["1", "2", "3", "4"])
    style.save(render(picture), tmp_path / "sheet.png")
    picture = np.asarray(Image.open(tmp_path / "sheet.png").convert("RGB"))
    tiles = enlarge(pixels(images_of(space, images.flatten(0, 1))), 4)
    h, w = tiles.shape[1:3]
    assert h % 5 == 0 and w % 7 == 0
    # find the first tile by its exact pixels, then each of the others by its place
    where = [
        (top, left)
        for top in range(picture.shape[0] - h)
        for left in range(200)
        if (picture[top, left : left + w] == tiles[0][0]).all()
        and (picture[top : top + h, left : left + w] == tiles[0]).all()
    ]
    assert len(where) == 1
    for i, tile in enumerate(tiles):
        top, left = where[0][0] + (i // 4) * (h + GAP), where[0][1] + (i % 4) * (w + GAP)
        assert (picture[top : top + h, left : left + w] == tile).all()


def test_images_of_each_space_have_their_range():
    binary = images_of(Binary((1, 1, 2)), torch.tensor([[[[0.0, 0.5]]]]))
    assert pixels(binary)[0, 0, :, 0].tolist() == [0, 128]
    real = images_of(Real((1, 1, 2)), torch.tensor([[[[-1.0, 3.0]]]]))
    assert pixels(real)[0, 0, :, 0].tolist() == [0, 255]
    colours = pixels(images_of(Categorical((1, 1, 2), 2), torch.tensor([[[[0, 1]]]])))[0, 0]
    assert colours.tolist() == [[0x1F, 0x77, 0xB4], [0xFF, 0x7F, 0x0E]]
    rgb = torch.randint(0, 256, (2, 3, 4, 5))
    assert (pixels(images_of(Levels((3, 4, 5), 256), rgb)) == rgb.permute(0, 2, 3, 1).numpy()).all()


def test_joined_images_are_parted_by_their_own_ground():
    images = torch.nn.functional.pad(torch.ones(4, 1, 2, 2), (1, 1, 1, 1))
    picture = joined(pixels(images_of(Binary((1, 4, 4)), images)), 2)
    factor = picture.shape[0] // 9
    assert picture.shape == (9 * factor, 9 * factor, 3)
    assert (picture[4 * factor : 5 * factor] == 0).all()


def test_long_titles_fit_and_bad_input_is_refused():
    figure = view(Real((2,)), torch.randn(9, 2), title="a very long title " * 8)
    box = figure._suptitle.get_window_extent(figure.canvas.get_renderer())
    assert box.x1 <= figure.get_figwidth() * style.DPI
    with pytest.raises(ValueError, match="at least one row"):
        view(Real((2,)), torch.zeros(0, 2))
    with pytest.raises(ValueError, match=r"x has shape \(4, 3\)"):
        view(Real((2,)), torch.zeros(4, 3))


def test_recordings_are_drawn_against_seconds():
    space = Audio((50,), 20)
    x = torch.rand(11, 50, generator=torch.Generator().manual_seed(3)) - 0.5
    figure = view(space, x, title="t")
    assert len(figure.axes) == 8 and figure.axes[-1].get_xlabel() == "seconds"
    for axes, row in zip(figure.axes, x):
        (line,) = axes.get_lines()
        np.testing.assert_allclose(line.get_ydata(), row.numpy())
        np.testing.assert_allclose(line.get_xdata(), np.arange(50) / 20)
        assert axes.get_xlim() == (0, 2.5) and axes.get_ylim() == figure.axes[0].get_ylim()


@pytest.mark.parametrize(
    ("space", "panels"),
    [(Binary((11,)), 2), (Sequence((7, 12), Binary((12,))), 6), (Sequence((7,), of=Binary((88,))), 6)],
)
def test_data_stand_beside_samples_of_which_each_is_shown(space, panels):
    x, other = torch.zeros(9, *space.shape), torch.ones(10, *space.shape)
    other[:, -1] = torch.nan
    names = [axes.get_title(loc="left") for axes in view(space, x, other=other).axes]
    shown = [np.asarray(axes.images[0].get_array()) for axes in view(space, x, other=other).axes]
    assert len(shown) == panels and {name.rstrip("s") for name in names} == {"sample", "data"}
    for name, values in zip(names, shown):
        assert np.nanmax(values) == (name == "data")
    assert {axes.get_title(loc="left") for axes in view(space, x).axes} == {""}
