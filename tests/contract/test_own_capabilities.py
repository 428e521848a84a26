"""A capability counts because it is a base of the model's class, whoever defined it."""

from __future__ import annotations

import pytest
import torch

import simulacra
from contract.sets import real
from contract.toys.gaussian import GaussianModel
from simulacra.core.capabilities import general as can
from simulacra.core.capabilities.marker import Capability
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Real
from simulacra.evaluation.measures.measure import Case, Measure, Need


class HasMedian(Capability):
    """Knows the median of each entry."""

    phrase = "has a median"

    def median(self):
        """Shape (*)."""
        raise NotImplementedError


class Rotates(can.TakesCondition):
    """A capability of the user's own that refines one of the library's, without a phrase of its own."""


class Unnamed(Capability):
    """A capability without a phrase."""


class Own(GaussianModel, HasMedian, Unnamed):
    """A model of the user's own."""

    def median(self):
        """That of a Gaussian is its mean."""
        return self.mean


class Modest(Own):
    """A model whose constructor takes back what its class can."""

    def __init__(self, space: Real):
        super().__init__(space)
        self.remove(HasMedian, can.HasDensity)


class Turned(GaussianModel, Rotates):
    """A model with a refined condition."""

    def __init__(self, space: Real, condition: Categorical | None = None):
        super().__init__(space)
        self.condition = condition


SPACE = Real((3,))


def test_a_base_of_the_users_own_counts():
    model = Own(SPACE)
    assert model.supports(HasMedian) and model.supports(can.Samples) and isinstance(model, HasMedian)
    assert model.capabilities() == {HasMedian, Unnamed} | GaussianModel(SPACE).capabilities()
    assert not GaussianModel(SPACE).supports(HasMedian)


def test_models_and_the_base_itself_are_no_capabilities():
    assert not {Capability, GaussianModel, Own, simulacra.Model} & Own(SPACE).capabilities()


def test_a_constructor_only_removes():
    assert Own(SPACE).capabilities() - Modest(SPACE).capabilities() == {HasMedian, can.HasDensity}
    plain = GaussianModel(SPACE)
    plain.remove(HasMedian)
    assert plain.capabilities() == GaussianModel(SPACE).capabilities()


def test_a_refined_capability_is_its_base_too_and_goes_with_the_condition():
    assert Turned(SPACE, Categorical((), 3)).capabilities() >= {Rotates, can.TakesCondition}
    assert not {Rotates, can.TakesCondition} & Turned(SPACE).capabilities()


def test_what_a_model_can_do_is_said_with_its_own_capabilities():
    with pytest.raises(ValueError, match=r"has a median, has an exact.*, is declared as Unnamed"):
        Own(SPACE).encode(torch.zeros(2, 3))


def test_a_measure_may_need_it():
    needs = Need("a model that has a median", lambda case: case.can(HasMedian))
    measure = Measure("median", lambda case, found: case.model.median(), "no draw", (needs,))
    data = real(3)
    assert measure.lacks(Case(Own(SPACE), data)) == ""
    assert measure.lacks(Case(GaussianModel(SPACE), data)) == "a model that has a median"
