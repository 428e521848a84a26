"""Pictures of models that decode without an encoder: what is found, sums of codes, and what stays apart."""

import pytest
import torch

import simulacra
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Real
from simulacra.exploration.latent.inversion import codes_of, invert
from simulacra.exploration.pictures import figures
from simulacra.exploration.pictures.album import Album
from simulacra.exploration.pictures.registry import album_of, pictures, possible
from simulacra.exploration.rendering import style
from simulacra.exploration.rendering.tiles import pixels


def game(data, condition=None, **options):
    torch.manual_seed(0)
    model = simulacra.GAN(data.space, condition, latent=3, hidden=(9,), **options)
    model.preprocessing, model.label_names = data.preprocessing, data.label_names
    return model


@pytest.fixture(scope="module")
def digits():
    return simulacra.load_data("digits", condition="label")


def test_a_game_on_images_gets_pictures_of_its_codes(digits, tmp_path):
    drawn = pictures(game(digits), digits, tmp_path)
    public = {"samples", "interpolations", "saliency"}
    assert set(drawn) == public | {"inversions", "arithmetic", "neighbours"}
    assert {name for name, path in drawn.items() if path.parent.name != "private"} == public


def test_a_conditional_game_keeps_a_code_through_the_classes(digits):
    names = {p.name for p in possible(album_of(game(digits, digits.condition), digits, 0, []))}
    assert {"random_codes", "inversions", "interpolations", "saliency"} <= names
    assert "arithmetic" not in names


def test_a_game_that_learns_labels_needs_none_to_be_drawn(digits):
    torch.manual_seed(0)
    small = {"latent": 3, "hidden": (9, 8), "generator_hidden": (7,), "labels": 20}
    model = simulacra.SemiSupervisedGAN(digits.space, digits.condition, **small)
    model.preprocessing = digits.preprocessing
    assert model.sample(2).shape == (2, 1, 8, 8)
    assert "arithmetic" in {p.name for p in possible(album_of(model, digits, 0, []))}


def test_a_game_on_points_gets_none_of_them():
    data = simulacra.load_data("ring")
    names = {p.name for p in possible(album_of(game(data), data, 0, []))}
    assert names == {"samples", "samples_and_data", "critic_field", "dimension"}


def test_inversions_are_said_with_their_errors(digits):
    model = game(digits)
    picture = figures.inversion_picture(Album(model, digits, 4, []), n=3)
    x = Album(model, digits, 4, []).varied(3).x
    found = invert(model, x, seed=4)
    assert picture.layout.captions == tuple(f"{e:.2g}" for e in found.errors.tolist())
    assert picture.layout.row_names == ("original", "nearest found")
    tiles = pixels(picture.panels[0])
    grey = (x[:, 0].double() / 16 * 255).round().to(torch.uint8)
    assert tiles.shape == (6, 8, 8, 3) and torch.equal(torch.from_numpy(tiles[:3, ..., 0].copy()), grey)


def test_inversions_by_a_part_cover_the_rest(digits):
    model = game(digits)
    picture = figures.inversion_picture(Album(model, digits, 0, []), known="left", n=3)
    assert picture.layout.row_names == ("original", "given", "nearest found")
    assert "by the left half" in picture.title
    given = pixels(picture.panels[0])[3:6]
    assert (given[:, :, 4:] == style.FRAME).all()


@pytest.mark.parametrize("made", ["game", "vae"])
@pytest.mark.system("G6")
def test_the_arithmetic_picture_holds_the_sums(digits, made):
    raw = simulacra.load_data("digits")
    model = game(raw) if made == "game" else simulacra.VAE(raw.space, latent=3, hidden=(9,))
    model.preprocessing = raw.preprocessing
    picture = figures.arithmetic_picture(Album(model, raw, 0, []), a="8", c=1)
    assert picture.layout.column_names == ("8", "\u2212 1", "+ 1", "=")
    images = torch.from_numpy(picture.panels[0].values).unflatten(0, (4, 4))
    assert images.shape == (4, 4, 1, 8, 8)
    rows = raw.test
    kinds = [rows.x[rows.labels == k][:3] for k in (8, 1, 1)]
    for column, x in enumerate(kinds):
        assert torch.equal(images[:3, column], x.double())
    a, b, c = codes_of(model, torch.cat(kinds)).unflatten(0, (3, 3))
    z = a - b + c
    torch.testing.assert_close(images[:3, 3], model.decode(z).double(), rtol=1e-3, atol=1e-2)
    mean = model.decode(z.mean(0, keepdim=True))[0].double()
    torch.testing.assert_close(images[3, 3], mean, rtol=1e-3, atol=1e-2)
    mean = model.decode(a.mean(0, keepdim=True))[0].double()
    torch.testing.assert_close(images[3, 0], mean, rtol=1e-3, atol=1e-2)
    if made == "vae":
        # b and c are one class, whose codes an encoder finds twice
        torch.testing.assert_close(z, a)


def test_paths_between_draws_of_the_prior_say_so(digits):
    album = Album(game(digits, prior="sphere"), digits, 0, [])
    assert (
        figures.interpolation_picture(album).title == "Interpolations between random codes on great circles"
    )
    lengths = album.codes("ends", 5).norm(dim=1)
    torch.testing.assert_close(lengths, torch.full((5,), 3**0.5))


def test_what_is_refused(digits, tmp_path):
    model = game(digits)
    with pytest.raises(ValueError, match="a is 'moon', but held-out rows of digits are of 0, 1, 2, 3, 4, 5"):
        pictures(model, digits, tmp_path, only="arithmetic", a="moon")
    with pytest.raises(ValueError, match="n is 0, but a picture needs at least one row"):
        pictures(model, digits, tmp_path, only="inversions", n=0)
    with pytest.raises(ValueError, match="known is 'uper'"):
        pictures(model, digits, tmp_path, only="inversions", known="uper")
    unnamed = simulacra.from_tensors(torch.rand(40, 1, 4, 4), Real((1, 4, 4)))
    with pytest.raises(ValueError, match="arithmetic needs held-out rows of at least three classes; GAN on"):
        pictures(game(unnamed), unnamed, tmp_path, only="arithmetic")
    given = game(digits, Categorical((), 10))
    with pytest.raises(ValueError, match="arithmetic needs a model without a condition"):
        pictures(given, digits, tmp_path, only="arithmetic")
