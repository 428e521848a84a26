"""What the families cost and know: passes of a network for a sample, the kind of log p(x), codes.

The counter is that of the recipe that prints the table, `recipes/families_compared.py`.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
import torch

from simulacra.core.capabilities import general as can
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary, Levels
from simulacra.models.adversarial import GAN
from simulacra.models.autoregressive import PixelRNN
from simulacra.models.variational import VAE

RECIPE = Path(__file__).parents[2] / "recipes" / "families_compared.py"


@pytest.fixture(scope="module")
def recipe():
    """The recipe as a module."""
    spec = importlib.util.spec_from_file_location("families_compared", RECIPE)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where its dataclasses look for their names
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.mark.system("I13")
@pytest.mark.parametrize("side", [3, 5])
def test_a_pixelrnn_takes_n_squared_passes_where_a_vae_and_a_gan_take_one(recipe, side, float64):
    space = Binary((1, side, side))
    vae, gan = VAE(space, latent=2, hidden=(7,)), GAN(space, latent=2, hidden=(7,)).eval()
    assert recipe.calls(vae.decoder, vae.draw) == recipe.calls(gan.G, gan.draw) == 1
    pixelrnn = PixelRNN(space, layers=1, channels=3)
    slow, fast = recipe.ways(pixelrnn).values()
    assert recipe.calls(pixelrnn.net, slow) == side**2
    # from caches the pixels still follow each other, one at a time, and none runs the whole network
    assert recipe.calls(pixelrnn.net, fast) == 0 and recipe.calls(pixelrnn.net.head, fast) == side**2
    rng = Rng(7, "sample", rows=range(11))
    with torch.no_grad():
        assert torch.equal(slow(rng), fast(rng))


@pytest.mark.system("I13")
def test_a_pass_stands_for_a_channel_of_a_pixel(recipe):
    pixelrnn = PixelRNN(Levels((3, 2, 5), 4), layers=1, channels=3)
    slow, _ = recipe.ways(pixelrnn).values()
    assert recipe.calls(pixelrnn.net, slow) == 3 * 2 * 5


@pytest.mark.system("I13")
def test_one_family_scores_exactly_one_by_a_bound_and_one_not_at_all(recipe, float64):
    space, x = Binary((1, 3, 3)), torch.zeros(2, 1, 3, 3)
    models = {name: member.build(space) for name, member in recipe.MEMBERS.items()}
    kinds = {name: recipe.likelihood(model, x).split(",")[0] for name, model in models.items()}
    assert kinds == {"VAE": "lower bound", "GAN": "none", "PixelRNN": "exact", "PixelCNN": "exact"}
    assert [name for name, model in models.items() if model.supports(can.Encodes)] == ["VAE"]
    with pytest.raises(can.MissingCapability, match="GAN cannot do log_prob"):
        models["GAN"].log_prob(x)
    every = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 9).view(-1, 1, 3, 3)
    for name in ("PixelRNN", "PixelCNN"):
        assert models[name].log_prob(every).values.exp().sum().item() == pytest.approx(1, abs=1e-12)
