"""Training of every model: gradients, moves, names, precision and seeds."""

from __future__ import annotations

import torch

from contract.choose import every, represented
from contract.harness import differing, state, train, trained
from contract.use import answers, begin, gradients, stages


@every
def test_gradients_reach_every_parameter_of_each_update(case):
    model = case.build()
    moved = set()
    for stage in stages(case, model):
        batch = begin(case, model, stage)
        for update, found in gradients(case, model, stage, batch).items():
            untouched = [name for name, g in found.items() if g is None or not bool(torch.isfinite(g).all())]
            assert not untouched, f"{stage.name}, {update}"
            moved |= set(found)
    assert moved == {name for name, _ in model.named_parameters()}


@every
def test_training_moves_every_parameter(case):
    before, after = state(case.build()), state(trained(case))
    unmoved = [n for n, _ in case.build().named_parameters() if torch.equal(before[n], after[n])]
    assert not unmoved


@every
def test_the_names_and_shapes_of_the_state_are_constant(case):
    before, after = case.build().state_dict(), trained(case).state_dict()
    assert list(before) == list(after)
    assert all(before[n].shape == after[n].shape and before[n].dtype == after[n].dtype for n in before)


@represented()
def test_training_is_a_function_of_the_seed(case):
    """The generator of torch plays no part in it; another seed of the run gives other weights."""
    with_other_torch = train(case, hook=lambda loop: torch.manual_seed(1234))
    assert not differing(state(trained(case)), state(with_other_torch))
    if any(stage.updates for stage in stages(case, case.build())):
        assert differing(state(trained(case)), state(train(case, seed=1)))


@represented()
def test_training_in_double_precision(case):
    model = train(case, hook=lambda loop: loop.model.double())
    assert {t.dtype for t in model.state_dict().values() if t.is_floating_point()} <= {torch.float64}
    for word, answer in answers(model, case).items():
        if answer.is_floating_point():
            assert answer.dtype == torch.float64, word
