"""Dead units are counted where they are, whatever the network."""

import pytest
import torch

import simulacra
from simulacra.evaluation.units import dead_units


@pytest.fixture(scope="module")
def digits():
    return simulacra.load_data("digits", binarize="dynamic")


def counts(model, data):
    """(dead, size) of each layer by name."""
    model.preprocessing = data.preprocessing
    return {layer.name: (layer.dead, layer.size) for layer in dead_units(model, data, limit=100)}


def test_rectifiers_that_are_never_on(digits):
    torch.manual_seed(1)
    model = simulacra.VAE(digits.space, latent=3, hidden=(41,))
    healthy = counts(model, digits)
    assert sorted(size for _, size in healthy.values()) == [41, 41]
    before = {name: dead for name, (dead, _) in healthy.items()}
    first = next(m for m in model.encoder.modules() if isinstance(m, torch.nn.Linear))
    with torch.no_grad():
        first.bias[:30] = -100.0
    sick = counts(model, digits)
    name = next(name for name in sick if name.startswith("encoder"))
    assert sick[name][0] >= 30 and sick[name] != healthy[name]
    assert all(dead == before[other] for other, (dead, _) in sick.items() if other != name)
    assert not [m for m in model.modules() if m._forward_hooks]


def test_both_players_of_a_game_are_watched():
    data = simulacra.load_data("ring")
    torch.manual_seed(2)
    found = counts(simulacra.GAN(data.space, latent=2, hidden=(21, 13)), data)
    assert sorted(size for _, size in found.values()) == [13, 13, 21, 21]


def test_channels_are_units_and_places_are_not():
    data = simulacra.load_data("digits", dequantise="uniform")
    torch.manual_seed(3)
    net = torch.nn.Sequential(
        torch.nn.Conv2d(1, 7, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(252, 6)
    )
    found = counts(simulacra.VAE(data.space, latent=3, hidden=(9,), encoder=net), data)
    assert (0, 7) in found.values() or (1, 7) in found.values()


def test_hidden_units_of_a_machine_are_its_code(digits):
    torch.manual_seed(4)
    model = simulacra.RBM(digits.space, hidden=23)
    assert counts(model, digits) == {"code": (0, 23)}
    with torch.no_grad():
        model.W[:, :9] = 0.0
    assert counts(model, digits) == {"code": (9, 23)}
