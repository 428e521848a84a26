"""A model can be sent to another process, and copied, with everything that it holds."""

import copy
import pickle

import pytest
import torch

from contract.cases import CASES, named
from contract.harness import differing, state


@pytest.mark.fault("doors 1.1")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_model_is_the_same_after_it_was_sent(case):
    model = case.build()
    sent = pickle.loads(pickle.dumps(model))
    assert type(sent) is type(model) and not differing(state(model), state(sent))
    assert sent.arguments.keys() == model.arguments.keys()
    assert [u.name for u in sent.stage(0, []).updates] == [u.name for u in model.stage(0, []).updates]


@pytest.mark.fault("doors 1.1")
def test_the_balance_of_a_copy_is_its_own():
    model = named("began").build()
    other = copy.deepcopy(model)
    other.k.fill_(0.5)
    s = torch.tensor([2.0])
    assert float(other.objective.fake(s)) == 1.0 and float(model.objective.fake(s)) == 0.0
