"""Numbers that no model can use are refused in one sentence, whatever the model checks itself."""

import math

import pytest

import simulacra
from contract.choose import catalogued
from simulacra import Audio, Levels, Real
from simulacra.core.errors.ranges import check_ranges
from simulacra.core.model import defaults_of

pytestmark = pytest.mark.fault("outside 2.18")
IMAGE, WAVE, SPECTRUM = Levels((1, 16, 16), 256), Audio((64,), 8000), Real((1, 3, 5))
SEEN = (
    (simulacra.Pix2Pix, (IMAGE, IMAGE), {"channels": 0}),
    (simulacra.Pix2Pix, (IMAGE, IMAGE), {"channels": -2}),
    (simulacra.Pix2Pix, (IMAGE, IMAGE), {"latent": -1}),
    (simulacra.Pix2Pix, (IMAGE, IMAGE), {"adversarial": math.inf}),
    (simulacra.Pix2Pix, (IMAGE, IMAGE), {"lr": -1.0}),
    (simulacra.SEGAN, (WAVE, WAVE), {"channels": 0}),
    (simulacra.SEGAN, (WAVE, WAVE), {"latent": -1}),
    (simulacra.SRGAN, (IMAGE, Levels((1, 4, 4), 256)), {"blocks": -1}),
    (simulacra.PostFilter, (SPECTRUM, SPECTRUM), {"channels": 0}),
    (simulacra.GAN, (Real((2,)),), {"latent": -1}),
    (simulacra.GAN, (Real((2,)),), {"lr": 0.0}),
    (simulacra.VAE, (Real((2,)),), {"hidden": (3, 0)}),
    (simulacra.VAE, (Real((2,)),), {"kl_warmup": math.nan}),
)


IDS = [f"{kind.__name__} {odd}" for kind, _, odd in SEEN]


@pytest.mark.parametrize(("kind", "spaces", "odd"), SEEN, ids=IDS)
def test_a_number_out_of_range_is_refused_in_one_sentence(kind, spaces, odd):
    (name, value), *_ = odd.items()
    with pytest.raises(ValueError, match=name) as no:
        kind(*spaces, **odd)
    assert str(no.value).count(". ") == 0 and str(value) in str(no.value)


@catalogued
def test_the_defaults_of_each_model_are_in_range(case):
    model = case.build()
    check_ranges(type(model).__name__, vars(model)["arguments"], defaults_of(type(model)))
