"""Dead units are counted where they are, whatever the network."""

import pytest
import torch

import simulacra
from simulacra.core.capabilities import general as can
from simulacra.core.spaces.plain import Real
from simulacra.evaluation.diagnostics.dead_units import dead_units


@pytest.fixture(scope="module")
def digits():
    return simulacra.load_data("digits", binarize="dynamic")


def counts(model, data):
    """(dead, size) of each layer by name."""
    model.preprocessing = data.preprocessing
    return {layer.name: (layer.dead, layer.size) for layer in dead_units(model, data, limit=100)}


def test_rectifiers_that_are_never_on(digits):
    # of these weights no unit of the decoder is so nearly dead that other codes would wake it
    torch.manual_seed(3)
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
    data = simulacra.load_data("digits", dequantize="uniform")
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


def test_units_behind_several_draws_are_on_the_last_axis(digits):
    torch.manual_seed(5)
    model = simulacra.HierarchicalVAE(digits.space, latents=(5, 3), hidden=(11,), between=(6,))
    before = counts(model, digits)
    layer = next(m for m in model.up[0].modules() if isinstance(m, torch.nn.Linear))
    with torch.no_grad():
        layer.weight[:4], layer.bias[:4] = 0.0, 0.0
    after = counts(model, digits)
    name = next(name for name in after if name.startswith("up.0"))
    assert before[name] == (0, 6) and after[name] == (4, 6)


class Steps(simulacra.Model, can.HasDensity, can.Encodes):
    """Looks at x as steps, of which `infer` takes two and the density all: (B, T, units) with two T."""

    def __init__(self, space):
        super().__init__(space)
        self.net = torch.nn.Sequential(torch.nn.Linear(2, 9), torch.nn.ReLU())
        self.other = torch.nn.Linear(9, 9)

    def infer(self, x, c=None):
        """(B, 1)."""
        return self.net(x.unflatten(1, (-1, 2))[:, :2]).sum((1, 2)).unsqueeze(1)

    def log_density(self, x, c=None):
        """(B,); the rectifier serves a second layer of as many units."""
        return self.net[1](self.other(self.net(x.unflatten(1, (-1, 2))))).sum((1, 2))


def test_steps_are_no_units_and_a_rectifier_may_serve_two_layers():
    data = simulacra.from_tensors(
        torch.randn(120, 10, generator=torch.Generator().manual_seed(6)), Real((10,))
    )
    model = Steps(data.space, seed=6)
    with torch.no_grad():
        model.net[0].bias[:3] = -100.0
        model.other.bias[3:8] = -100.0
    found = dead_units(model, data, "train", limit=77)
    assert [(layer.name, layer.dead, layer.size) for layer in found] == [("net.1", 3, 9), ("net.1", 5, 9)]


@pytest.mark.parametrize("rows", [1, 7, 49])
def test_few_rows_say_nothing_of_units(digits, rows):
    torch.manual_seed(7)
    model = simulacra.VAE(digits.space, latent=3, hidden=(41,))
    model.preprocessing = digits.preprocessing
    assert dead_units(model, digits, limit=rows) == []
    assert len(dead_units(model, digits, limit=50)) == 2
