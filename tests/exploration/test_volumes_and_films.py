"""Isometric projections of volumes, and films that a model continues."""

from __future__ import annotations

import pytest
import torch
from PIL import Image

import simulacra
from simulacra import Binary, Levels, Real
from simulacra.exploration import rolled_out, save_film, view_data, view_of
from simulacra.exploration.isometric import FRONT, GROUND, RIGHT, TOP, picture_space, projected
from simulacra.exploration.pictures.registry import pictures

SPACE = Binary((1, 3, 4, 2))


def shades(x):
    return projected(SPACE, x).unique().tolist()


def test_a_voxel_shows_three_faces_of_equal_size():
    x = torch.zeros(1, *SPACE.shape)
    assert shades(x) == [GROUND]
    x[0, 0, 1, 2, 1] = 1
    seen = projected(SPACE, x)
    top, front, right = ((seen == shade).sum().item() for shade in (TOP, FRONT, RIGHT))
    assert front == right and top == pytest.approx(front, rel=0.3)


def test_the_nearer_voxel_hides_what_is_behind_it():
    x = torch.zeros(1, *SPACE.shape)
    x[0, 0, 0, 0, 1] = 1  # in front, above, on the right: nearest of all
    alone = projected(SPACE, x)
    x[0, 0, 1, 1, 0] = 1  # on the same line of sight
    assert torch.equal(projected(SPACE, x), alone)
    # all others, without it
    other = 1 - x
    other[0, 0, 0, 0, 1] = 0
    assert not torch.equal(projected(SPACE, other), projected(SPACE, torch.ones_like(x)))


def test_faces_of_a_block_cover_their_areas():
    seen = projected(SPACE, torch.ones(1, *SPACE.shape))
    one = projected(Binary((1, 1, 1, 1)), torch.ones(1, 1, 1, 1, 1))
    _, D, H, W = SPACE.shape
    for shade, faces in ((TOP, D * W), (FRONT, H * W), (RIGHT, D * H)):
        assert (seen == shade).sum() == faces * (one == shade).sum()
    assert seen.shape[1:] == picture_space(SPACE).shape


@pytest.mark.parametrize("space", [SPACE, Levels(SPACE.shape, 9), Real(SPACE.shape)])
def test_every_space_of_volumes_has_the_view(space):
    assert view_of(space).name == "volumes"
    x = torch.randint(0, 2, (11, *SPACE.shape))
    x = x if not isinstance(space, Levels) else 8 * x
    picture = view_data(space, x, "solids", x[:7])
    assert picture.layout.row_names == ("samples", "data")


def model(**more):
    frame = Levels((1, 4, 4), 9)
    return simulacra.NextFrameGAN(frame, Levels((3, 4, 4), 9), channels=2, blocks=1, **more)


def test_an_untrained_model_repeats_the_last_frame_for_ever():
    c = torch.randint(0, 9, (2, 3, 4, 4))
    ahead = rolled_out(model(), c, steps=5)
    assert torch.equal(ahead.long(), c[:, 2:].unsqueeze(1).expand(2, 5, 1, 4, 4))


def test_frames_that_are_drawn_are_given_next():
    net = model()
    for layer in net.G.nets:
        torch.nn.init.normal_(layer.end.weight, std=0.5)
    c = torch.randint(0, 9, (2, 3, 4, 4))
    ahead = rolled_out(net, c, steps=2)
    assert torch.equal(ahead[:, 0], net.sample(2, c))
    assert torch.equal(ahead[:, 1], net.sample(2, torch.cat([c[:, 1:], ahead[:, 0].to(c.dtype)], 1)))


def test_what_makes_no_film_is_refused(tmp_path):
    with pytest.raises(ValueError, match="past:4"):
        rolled_out(simulacra.GAN(Levels((1, 4, 4), 9), latent=2), torch.zeros(1, 3, 4, 4))
    with pytest.raises(ValueError, match="at least 1"):
        rolled_out(model(), torch.zeros(1, 3, 4, 4), steps=0)
    with pytest.raises(ValueError, match="two or more"):
        save_film(Levels((1, 4, 4), 9), torch.zeros(1, 1, 4, 4), tmp_path / "one.gif")


def test_films_are_written_and_drawn(tmp_path):
    data = simulacra.load_data("moving-digits", condition="past:3")
    net = simulacra.NextFrameGAN(data.space, data.condition, channels=2, blocks=1)
    path = save_film(
        data.space,
        rolled_out(net, data.test.c[:1], 4)[0] + torch.arange(4).view(4, 1, 1, 1),
        tmp_path / "f.gif",
    )
    with Image.open(path) as film:
        assert film.n_frames == 4
    drawn = pictures(net, data, tmp_path, only="films", steps=5, n=2)
    assert drawn["films"].parent.name == "private"
