"""A bijection has no error of reconstruction: nothing measures it. Other decoders are measured still."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import simulacra
from contract.sets import real
from simulacra.core.capabilities.general import Decodes, Encodes, HasDensity
from simulacra.core.model import Model
from simulacra.evaluation.latents.spread import measurable, spread
from simulacra.evaluation.measures.measure import Case
from simulacra.evaluation.measures.registry import FIDELITY, RECONSTRUCTION
from simulacra.exploration.pictures.registry import RECONSTRUCTS

pytestmark = pytest.mark.fault("wider.exact")


class Shift(Model, Encodes, Decodes, HasDensity):
    """z = x - b with z ~ N(0, I): the smallest bijection."""

    exact = True

    def __init__(self, space):
        super().__init__(space)
        self.code_size, self.b = space.dims, nn.Parameter(torch.zeros(space.dims))

    def updates(self) -> list:
        """None: b stays as it is."""
        return []

    def infer(self, x, c=None):
        """x - b."""
        return x - self.b

    def emit(self, z, c=None):
        """z + b."""
        return z + self.b

    def log_density(self, x, c=None):
        """log N(x; b, I)."""
        return torch.distributions.Normal(self.b, 1.0).log_prob(x).sum(1)


class Rounded(Shift):
    """The same with a decoder that is not exact."""

    exact = False


def of(kind):
    """A model of the kind and its data."""
    data = real(3)
    model = kind(data.space)
    model.preprocessing = data.preprocessing
    return model, data


def test_reconstructions_of_a_bijection_are_not_scored():
    model, data = of(Shift)
    report = simulacra.evaluate(model, data, limit=30)
    assert report.reconstruction is None and report.fidelity is None
    assert spread(model, data) is None
    assert not {"reconstructions", "blurry decoder"} & {finding.name for finding in report.findings}
    assert torch.allclose(model.reconstruct(data.test.x[:2]), data.test.x[:2], atol=1e-6)


def test_those_of_other_decoders_are():
    model, data = of(Rounded)
    report = simulacra.evaluate(model, data, limit=30)
    assert report.reconstruction is not None and measurable(model, data, "test")
    assert {"reconstructions", "blurry decoder"} & {finding.name for finding in report.findings}


@pytest.mark.parametrize("kind, needed", [(Shift, False), (Rounded, True)])
def test_measures_and_pictures_ask(kind, needed):
    model, data = of(kind)
    case = Case(model, data)
    assert bool(RECONSTRUCTION.needs[0].met(case)) == bool(FIDELITY.needs[0].met(case)) == needed

    class Stand:
        pass

    album = Stand()
    album.model = model
    assert RECONSTRUCTS.met(album) == needed
