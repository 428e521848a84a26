"""Chains of a user's own with the signatures of earlier versions: they work, with one sentence of warning."""

from __future__ import annotations

import warnings

import pytest
import torch

import simulacra
from contract.toys import GMMN
from simulacra.core.capabilities.general import HasMarkovChain
from simulacra.core.random.keyed import Rng
from simulacra.core.renamed import OldName
from simulacra.data.sources.tensors import from_tensors
from simulacra.evaluation.diagnostics.mixing import mixing

pytestmark = pytest.mark.fault("wider.a")


def old():
    """x_(t+1) = 0.5 x_t + e, as an earlier version had it."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")

        class Old(GMMN, HasMarkovChain):
            def start_chain(self, rng):
                return rng.normal("start", self.space.dims)

            def step(self, state, rng):
                return 0.5 * state + rng.normal("e", self.space.dims)

            def shown(self, state):
                return state

    return Old, said


def test_the_warning_names_class_method_and_the_new_form():
    _, said = old()
    assert [w.category for w in said] == [OldName, OldName]
    first, second = (str(w.message) for w in said)
    assert "Old.start_chain(rng, c=None)" in first and "Old.step(state, rng, c=None)" in second
    assert "until 0.4.0" in first and said[0].filename == __file__


def test_it_runs_as_before_and_its_chains_are_measured():
    kind, _ = old()
    model = kind(simulacra.Real((2,)))
    rng = Rng(0, rows=range(3))
    state = model.start_chain(rng, None)
    assert torch.equal(model.step(state, rng), model.step(state, rng, None))
    data = from_tensors(torch.randn(60, 2), model.space, "rows")
    found = mixing(model, data, sweeps=100)
    # without `chain_at` no chain begins at rows
    assert found.from_data == 0 and found.r_hat < 1.2


def test_a_condition_that_it_would_not_use_is_refused():
    kind, _ = old()
    model, rng = kind(simulacra.Real((2,))), Rng(0, rows=range(3))
    for run in (lambda c: model.start_chain(rng, c), lambda c: model.step(torch.zeros(3, 2), rng, c=c)):
        with pytest.raises(
            ValueError, match=r"the chain of Old takes no condition: declare Old\.\w+\(.*c=None\)"
        ):
            run(torch.zeros(3))


def test_a_chain_with_c_says_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")

        class New(GMMN, HasMarkovChain):
            def start_chain(self, rng, c=None):
                return rng.normal("start", self.space.dims)

            def step(self, state, rng, c=None):
                return state

            def shown(self, state):
                return state

    assert New(simulacra.Real((2,))).chain_length is None
