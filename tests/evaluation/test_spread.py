"""The decoder's width against its errors, the edges that are kept, and what the nearest neighbour tells."""

import pytest
import torch
from torch import nn

import simulacra
from simulacra.core.spaces.plain import Real
from simulacra.evaluation.doctor.diagnose import diagnose
from simulacra.evaluation.latents.spread import Spread, spread
from simulacra.evaluation.measures.measure import Evidence
from simulacra.evaluation.measures.registry import SPREAD
from simulacra.evaluation.samples.neighbours import neighbour_accuracy, told_apart


def severity(found):
    """Of the finding about blur."""
    return [f.severity for f in diagnose(Evidence.of({SPREAD: found})) if f.name == "blurry decoder"]


@pytest.mark.system("E7")
def test_the_width_of_a_decoder_is_found_from_outside(linear_vae):
    model, truth = linear_vae()
    torch.manual_seed(0)
    data = simulacra.from_tensors(truth.sample((700,)), Real((4,)))
    model.preprocessing = data.preprocessing
    found = spread(model, data, "train", limit=500)
    # conftest's decoder has 0.7; at the optimum that is also the size of the residuals
    assert found.decoder == pytest.approx(0.7, rel=0.1)
    assert found.residual == pytest.approx(0.7, rel=0.1)
    assert found.detail is None and severity(found) == ["ok"]
    assert severity(Spread(2.1, 0.7, None)) == ["warning"]


GAIN, WIDTH = 1.5, 0.08


class Narrow(simulacra.VAE):
    """The truth of x = 1.5 z + 0.08 e, with the exact posterior of the optimum."""

    def __init__(self, space):
        encoder, decoder = nn.Linear(2, 4), nn.Sequential(nn.Linear(2, 2), nn.Unflatten(1, (1, 2)))
        super().__init__(space, latent=2, scale=WIDTH, encoder=encoder, decoder=decoder)
        variance = GAIN**2 + WIDTH**2
        with torch.no_grad():
            encoder.weight.copy_(torch.cat([GAIN / variance * torch.eye(2), torch.zeros(2, 2)]))
            encoder.bias.copy_(torch.tensor([0, 0, *2 * [WIDTH / variance**0.5]]).log().nan_to_num(neginf=0))
            decoder[0].weight.copy_(GAIN * torch.eye(2))
            decoder[0].bias.zero_()


@pytest.fixture(scope="module")
def plane():
    """Rows of N(0, 1.5^2) in two dimensions."""
    x = GAIN * torch.randn(900, 2, generator=torch.Generator().manual_seed(11))
    return simulacra.from_tensors(x, Real((2,)))


@pytest.mark.system("E7")
@pytest.mark.parametrize("seed", range(6))
def test_a_narrow_decoder_that_is_right_is_healthy(plane, seed):
    found = spread(Narrow(plane.space), plane, "train", seed)
    assert found.decoder == pytest.approx(WIDTH, rel=0.1)
    assert found.residual == pytest.approx(WIDTH, rel=0.1) and severity(found) == ["ok"]


def test_a_draw_whose_code_is_not_seen_has_no_width(plane):
    class Other(Narrow):
        """Draws the same under another name."""

        def draw(self, rng, c=None):
            return self.likelihood(rng.normal("code", 2, dtype=self.dtype), c).sample(rng)

    assert spread(Other(plane.space), plane, "train").decoder is None


def test_edges_that_reconstructions_keep(tmp_path):
    torch.manual_seed(1)
    data = simulacra.from_tensors(torch.rand(200, 1, 5, 7), Real((1, 5, 7)))
    whole, none = simulacra.PCA(data.space, latent=35), simulacra.PCA(data.space, latent=1)
    for model in (whole, none):
        simulacra.fit(model, data, out=tmp_path / str(model.code_size))
    assert spread(whole, data, "train").detail == pytest.approx(1, abs=1e-3)
    assert spread(none, data, "train").detail < 0.2
    assert severity(Spread(None, 0.1, 0.1)) == ["warning"] and severity(Spread(None, 0.1, 0.4)) == ["note"]


def test_rows_without_a_variance_have_no_width():
    data = simulacra.load_data("digits", binarize="dynamic")
    assert spread(simulacra.VAE(data.space, latent=2, hidden=(9,)), data) is None
    assert severity(None) == [] and severity(Spread(None, 0.3, None)) == []


def test_nearest_neighbours_tell_what_differs():
    torch.manual_seed(5)
    x, y = torch.randn(301, 3), torch.randn(301, 3)
    assert told_apart(x, y) == pytest.approx(0.5, abs=0.06)
    assert told_apart(x, y + 1.5) > 0.8
    data = simulacra.load_data("ring")
    assert neighbour_accuracy(simulacra.GAN(data.space, latent=2, hidden=(7,)), data, limit=300) > 0.9
