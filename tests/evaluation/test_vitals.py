"""The doctor of a game: healthy, collapsed, and with a gradient that has vanished."""

import pytest
import torch

import simulacra
from simulacra.evaluation.diagnostics.state import Diagnostics, diagnostics
from simulacra.evaluation.doctor.diagnose import diagnose
from simulacra.evaluation.measures.measure import Case, Evidence
from simulacra.evaluation.measures.registry import DIAGNOSTICS, examined


@pytest.fixture(scope="module")
def ring():
    return simulacra.load_data("ring")


def finding(model, data):
    """The doctor's finding of the game."""
    names = ("mode collapse", "vanishing gradient", "game")
    (found,) = [f for f in diagnose(Evidence.of({DIAGNOSTICS: diagnostics(model, data)})) if f.name in names]
    return found


@pytest.mark.system("F11")
def test_a_collapsed_generator_is_named_with_cures(ring):
    model = simulacra.GAN(ring.space, latent=3, hidden=(9,))
    with torch.no_grad():
        last = model.G.body[-1]
        last.weight.mul_(1e-3)
    found = finding(model, ring)
    assert found.severity == "warning" and found.name == "mode collapse"
    assert "minibatch_kernels" in found.suggestion and "diversity" in found.measured


@pytest.mark.system("F8")
def test_a_discriminator_that_lets_nothing_out_is_named(ring):
    model = simulacra.GAN(ring.space, latent=3, hidden=(9,), objective="minimax")
    with torch.no_grad():
        # spread out, and nowhere near the data: D knows the side
        model.G.body[-1].weight.mul_(30)
        model.G.body[-1].bias.copy_(torch.tensor([500.0, 0.0]))
        model.D.body = Side()
        model.D.score.weight.zero_()
        model.D.score.weight[0, 0] = -1.0
        model.D.score.bias.fill_(100.0)
    found = finding(model, ring)
    assert found.severity == "warning" and found.name == "vanishing gradient"
    assert "objective='wasserstein'" in found.suggestion


class Side(torch.nn.Module):
    """The first entry, nine times."""

    def forward(self, h, c=None):
        return h[:, :1].expand(-1, 9)


def test_a_game_that_goes_well_is_said_to(ring):
    well = Evidence.of({DIAGNOSTICS: Diagnostics({"accuracy": 0.6, "gradient": 0.2, "diversity": 0.9}, None)})
    assert {f.name: f.severity for f in diagnose(well)} == {"game": "ok", "discriminator": "ok"}
    found = examined(Case(simulacra.PPCA(ring.space, latent=1), ring, n=50, limit=50))
    assert found[DIAGNOSTICS] is None and not [f for f in diagnose(found) if f.name == "game"]
