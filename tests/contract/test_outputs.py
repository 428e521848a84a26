"""A method of one's own that gives a wrong shape is refused, not scored."""

from __future__ import annotations

import pytest
import torch

import simulacra
from simulacra.core.capabilities.general import HasDensity, Samples
from simulacra.core.model import Model
from simulacra.core.spaces.plain import Real

pytestmark = pytest.mark.fault("doors 2.hour")
DENSITIES = {
    "a mean": lambda each: each.mean(),
    "a column": lambda each: each.sum(1, keepdim=True),
    "entries apart": lambda each: each,
}


class Normal(Model, Samples, HasDensity):
    """The standard normal distribution, whose methods give what they are told to."""

    def __init__(self, space: simulacra.Real, density: str = "", drawn: int = 0):
        super().__init__(space)
        self.density, self.drawn = DENSITIES.get(density, lambda each: each.sum(1)), drawn

    def updates(self):
        return []

    def log_density(self, x, c=None):
        return self.density(-0.5 * x.square() - 0.9189385)

    def draw(self, rng, c=None):
        x = rng.normal("x", 2)
        return x[:1].expand(self.drawn, 2) if self.drawn else x


@pytest.mark.parametrize("density", DENSITIES)
def test_a_density_of_another_shape(density):
    with pytest.raises(ValueError, match=r"Normal.log_density gave shape .* it must give \(7,\)"):
        Normal(Real((2,)), density=density).log_prob(torch.zeros(7, 2))
    assert Normal(Real((2,))).log_prob(torch.zeros(7, 2)).values.shape == (7,)


@pytest.mark.parametrize("n", [1, 5])
def test_another_number_of_samples(n):
    with pytest.raises(ValueError, match=r"Normal.draw gave shape .* it must give 3 samples"):
        Normal(Real((2,)), drawn=n).sample(3)
    assert Normal(Real((2,))).sample(3).shape == (3, 2)
