"""The mu-law against its definition, its error bound, and scores of waves through it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from simulacra.core.preprocessing.chain import Preprocessing, preprocessing_from
from simulacra.core.preprocessing.companding import MuLaw
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.plain import Levels, Real
from simulacra.data.sources.tensors import from_tensors
from simulacra.models.autoregressive import FVBN

GRID = torch.linspace(-1, 1, 60_001, dtype=torch.float64)
LEVELS = (2, 3, 16, 255, 256, 1000, 65536)


def codes(levels, x=GRID):
    return MuLaw(levels).forward(x, Rng(0))


@pytest.mark.system("H18")
@pytest.mark.parametrize("levels", LEVELS)
def test_round_trip_error_is_half_a_bin_of_the_law(float64, levels):
    """|x - x'| <= (1 + mu |x|) ((1 + mu)^(1/mu) - 1) / mu, and no smaller bound of this form holds."""
    mu, step = levels - 1, MuLaw(levels)
    error = (GRID - step.inverse(codes(levels))).abs()
    bound = (1 + mu * GRID.abs()) * math.expm1(math.log1p(mu) / mu) / mu
    assert (error <= bound * (1 + 1e-9)).all()
    if levels < 1000:
        # the ends of [-1, 1] cut the outermost bins short
        assert (error / bound)[GRID.abs() < 0.9].max() > (0.97 if levels > 2 else 0.5)


@pytest.mark.system("H18")
@pytest.mark.parametrize("levels", LEVELS)
def test_codes_are_bins_of_f(float64, levels):
    """The code is the whole number next to mu (f + 1) / 2; edges of the bins are where it turns."""
    mu = levels - 1
    f = np.sign(GRID.numpy()) * np.log(1 + mu * np.abs(GRID.numpy())) / np.log(1 + mu)
    place = mu * (f + 1) / 2
    found = codes(levels).double().numpy()
    assert np.abs(found - place).max() <= 0.5 + 1e-9
    assert found.min() == 0 and found.max() == mu
    assert (np.diff(found) >= 0).all()


@pytest.mark.system("H18")
@pytest.mark.parametrize("levels", LEVELS)
def test_codes_of_codes_and_odd_symmetry(float64, levels):
    step, every = MuLaw(levels), torch.arange(levels)
    waves = step.inverse(every)
    assert torch.equal(step.forward(waves, Rng(0)).long(), every)
    assert (waves.diff() > 0).all() and waves.abs().max() <= 1
    assert waves[0].item() == pytest.approx(-1) and waves[-1].item() == pytest.approx(1)
    torch.testing.assert_close(waves, -waves.flip(0), rtol=0, atol=1e-14)
    # at 0 lies the edge of two bins if levels is even
    away = GRID[GRID.abs() > 1e-9]
    assert torch.equal(codes(levels, -away).long(), levels - 1 - codes(levels, away).long())
    # single precision is enough for the codes to come back
    single = MuLaw(levels).inverse(every.to(torch.float32))
    assert torch.equal(step.forward(single, Rng(0)).long(), every)


def test_means_between_two_codes_lie_between_their_waves():
    step = MuLaw(256)
    low, middle, high = step.restore(torch.tensor([200.0, 200.5, 201.0])).tolist()
    assert low < middle < high


@pytest.mark.system("H18")
def test_the_score_of_a_wave_is_that_of_its_codes(float64):
    """No Jacobian: all waves of one bin have one score, and the probabilities of all codes sum to one."""
    torch.manual_seed(11)
    raw, step = Audio((2,), 8000), MuLaw(5)
    model = FVBN(Levels((2,), 5))
    for p in model.parameters():
        torch.nn.init.normal_(p, std=0.5)
    grid = torch.cartesian_prod(torch.arange(5), torch.arange(5))
    mass = model.log_prob(grid).values
    assert mass.exp().sum().item() == pytest.approx(1, abs=1e-12)
    model.preprocessing = Preprocessing(raw, (step,))
    waves = step.inverse(grid)
    score = model.log_prob(waves)
    torch.testing.assert_close(score.values, mass, rtol=0, atol=1e-12)
    assert score.kind == "exact" and score.details["preprocessing"] == "mu-law 5"
    # as far as a bin goes to both sides, in f
    shifted = step.inverse(grid + 0.49 * (torch.rand(25, 2) * 2 - 1)).clamp(-1, 1)
    torch.testing.assert_close(model.log_prob(shifted).values, mass, rtol=0, atol=1e-12)


def test_the_protocol_names_the_codes():
    x = torch.rand(30, 7) * 2 - 1
    data = from_tensors(x, Audio((7,), 8000))
    plain = data.protocol("test")
    data.preprocessing = Preprocessing(Audio((7,), 8000), (MuLaw(16),))
    companded = data.protocol("test")
    assert plain.preprocessing == "raw" and plain.space == "Audio(shape=(7,), rate=8000)"
    assert companded.preprocessing == "mu-law 16" and companded.space == "Levels(shape=(7,))"
    assert preprocessing_from(data.preprocessing.spec()) == data.preprocessing
    assert data.preprocessing.exact and not data.preprocessing.random


def test_only_waves_are_companded():
    with pytest.raises(ValueError, match="mu_law=256 needs waves"):
        Preprocessing(Real((7,)), (MuLaw(256),)).space  # noqa: B018


@pytest.mark.parametrize("beyond", [1.0001, -7.0, float("nan"), float("inf")])
def test_values_beyond_one_are_refused_in_a_sentence(beyond):
    x = torch.zeros(3, 7)
    x[1, 4] = beyond
    model = FVBN(Levels((7,), 16))
    model.preprocessing = Preprocessing(Audio((7,), 8000), (MuLaw(16),))
    for ask in (model.log_prob, model.score_samples, lambda x: from_tensors(x, Audio((7,), 8000))):
        with pytest.raises(ValueError, match=r"Audio\(shape=\(7,\), rate=8000\) needs .*numbers") as caught:
            ask(x)
        assert "\n" not in str(caught.value)
