"""Models of observed conditions translate by drawing: who can, which draws, and all forms of sources."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

import simulacra
from simulacra import Audio, Categorical, Levels, Real, Translates
from simulacra.core.capabilities.general import able
from simulacra.core.capabilities.marker import Capability
from simulacra.core.capabilities.paired import DrawsPairs, draws_pairs
from simulacra.core.random.keyed import Rng

GREY, COLOUR = Levels((1, 5, 5), 256), Levels((3, 5, 5), 256)
WAVE = Audio((70,), 8000)
KINDS = {
    "gan": lambda x, c: simulacra.GAN(x, condition=c, latent=2, hidden=(5,)),
    "vae": lambda x, c: simulacra.VAE(x, condition=c, latent=2, hidden=(5,)),
    "ddpm": lambda x, c: simulacra.DDPM(x, condition=c, T=3, hidden=(5,)),
}


def given(*shape):
    return torch.randint(0, 256, shape, dtype=torch.uint8)


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize("kind", KINDS)
def test_draws_depend_on_the_row_the_seed_and_the_draw_alone(kind):
    model, c = KINDS[kind](COLOUR, GREY), given(4, 1, 5, 5)
    drawn = model.translate(c, n=3, seed=2)
    assert drawn.shape == (4, 3, 3, 5, 5) and drawn.dtype == torch.uint8
    assert torch.equal(model.translate(c, seed=2), drawn[:, 0])
    assert torch.equal(model.translate(c[2:], n=2, seed=2), drawn[2:, :2])
    assert torch.equal(model.translate(c[[1, 1]], seed=2), drawn[[1, 1], 0])
    assert not torch.equal(model.translate(c, seed=3), drawn[:, 0])
    assert len(drawn.flatten(0, 1).unique(dim=0)) == 12


@pytest.mark.parametrize("kind", KINDS)
def test_a_translation_is_a_draw_given_the_condition(kind):
    model, c = KINDS[kind](COLOUR, GREY), given(4, 1, 5, 5)
    rng = Rng(0, "translate").by_content(c)
    model.eval()
    with torch.no_grad():
        for j, path in enumerate(((), ("draw", 1))):
            expected = model.preprocessing.inverse(model.draw(rng.at(*path), c))
            assert torch.equal(model.translate(c, n=2)[:, j], expected)


def test_sources_have_every_form_of_a_condition():
    model, c = KINDS["gan"](GREY, COLOUR), given(2, 3, 5, 5)
    drawn, last = model.translate(c), c.movedim(1, -1).numpy()
    for form in (c.numpy(), last, last.tolist(), [Image.fromarray(x) for x in last], c.int()):
        assert torch.equal(model.translate(form), drawn)
    for one in (c[0], last[0], Image.fromarray(last[0])):
        assert torch.equal(model.translate(one), drawn[:1])
    wave = simulacra.GAN(WAVE, condition=WAVE, latent=2, hidden=(5,))
    pcm = torch.randint(-(2**15), 2**15, (3, 70)).to(torch.int16).numpy()
    assert torch.equal(wave.translate(pcm), wave.translate(torch.tensor(pcm) / 2.0**15))


def test_sources_go_through_the_preprocessing_of_the_condition():
    c = 1e4 + 10 * torch.randn(12, 9, 8)
    data = simulacra.from_tensors(given(12, 1, 5, 5), GREY, c=c)
    model = simulacra.GAN(data.space, condition=data.condition, latent=2, hidden=(5,))
    model.preprocessing, model.conditioning = data.preprocessing, data.conditioning
    drawn = model.translate(c)
    model.conditioning = None
    prepared = data.conditioning.of_condition(c, "cpu")
    model.conditioning = type(data.conditioning)(data.condition)
    # the noise is that of the raw rows
    model.eval()
    with torch.no_grad():
        expected = model.draw(Rng(0, "translate").by_content(c), prepared)
    assert torch.equal(drawn, model.preprocessing.inverse(expected))


def test_who_translates_by_drawing():
    for condition in (GREY, WAVE, Real((8, 9)), Real((64,)), Levels((4, 1, 5, 5), 256)):
        model = KINDS["vae"](GREY, condition)
        assert draws_pairs(model) and model.supports(Translates)
        assert isinstance(able(model, Translates), DrawsPairs) and able(model, Translates).targets is None
        assert able(model, Translates).source == model.condition
    for condition in (None, Real((3,)), Categorical((), 3)):
        assert not draws_pairs(KINDS["gan"](GREY, condition))
    led = KINDS["vae"](GREY, Categorical((), 3))
    assert led.supports(Translates) and not draws_pairs(led) and able(led, Translates) is led
    # no sampler, no translation
    assert not draws_pairs(simulacra.Autoencoder(GREY, latent=2, hidden=(5,)))


class Turns(simulacra.GAN, Translates):
    """A game with a translation of its own."""

    def __init__(self, space, condition):
        super().__init__(space, condition=condition, latent=2, hidden=(5,))
        self.source = condition

    def carry(self, x, rng, to=None, c=None):
        return x.flip(-1)


def test_a_models_own_translation_takes_precedence():
    model, x = Turns(GREY, GREY), given(2, 1, 5, 5)
    assert not draws_pairs(model) and able(model, Translates) is model
    assert issubclass(Translates, Capability)
    assert torch.equal(model.translate(x, condition=x), x.flip(-1))


REFUSED = (
    ({"n": 0}, "n is 0, but a number of draws is at least 1"),
    ({"to": 1}, "GAN translates to one target: leave out to="),
    ({"condition": 3}, "GAN translates its condition, which is x itself: leave out condition="),
    ({"x": torch.zeros(2, 7)}, r"x has shape \(2, 7\), but Levels\(shape=\(1, 5, 5\), levels=256\) needs"),
    ({"x": np.full((1, 5, 5), np.nan)}, "x"),
    ({"x": Image.new("L", (9, 9))}, "image 0 .* is 9x9, but the model takes 5x5"),
    ({"x": 300 * torch.ones(1, 1, 5, 5)}, "x"),
    ({"x": "a.png"}, "x 'a.png' is a text, but .*: give a Pillow image or an array"),
)


@pytest.mark.parametrize(("words", "said"), REFUSED)
def test_bad_input_is_one_sentence(words, said):
    model = KINDS["gan"](GREY, GREY)
    with pytest.raises(ValueError, match=said) as error:
        model.translate(**{"x": given(2, 1, 5, 5), **words})
    assert str(error.value).startswith(("n is", "GAN", "x ", "image"))
