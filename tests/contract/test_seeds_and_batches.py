"""An answer is a function of row and seed, not of batch, chunks, mode or the generator of torch."""

from __future__ import annotations

import torch

from contract.choose import having, represented
from contract.draws import takes_noise
from contract.harness import differing, state, trained
from contract.use import answers, double, rows
from simulacra.core.capabilities import general as can
from simulacra.core.methods import rows as chunking


@represented()
def test_words_are_deterministic_and_leave_no_trace(case):
    """Same seed, same answer; torch's own generator, weights, modes and flags stay as they were."""
    model, before = trained(case), state(trained(case))
    flags = [p.requires_grad for p in model.parameters()]
    for training in (True, False):
        model.train(training)
        torch.manual_seed(1)
        generator = torch.get_rng_state()
        first, second = answers(model, case), answers(model, case)
        assert torch.equal(generator, torch.get_rng_state())
        assert all(m.training == training for m in model.modules())
        assert [p.requires_grad for p in model.parameters()] == flags
        assert not differing(first, second) and not differing(before, state(model))


@having(can.Samples)
def test_another_seed_gives_other_samples(case):
    model, (_, c) = trained(case), rows(case, 60)
    same = torch.equal(model.sample(60, c, seed=0), model.sample(60, c, seed=1))
    assert same != takes_noise(model, c)


@having(can.Samples)
def test_sample_i_does_not_depend_on_the_batch(case):
    """Whatever n is: also across the chunks of 1024 rows and the blocks of 128."""
    model, (_, c) = double(case), rows(case, 1025)
    whole = model.sample(1025, c, seed=5)
    for n in (0, 1, 3, 50, 130, 1024):
        part = model.sample(n, None if c is None else c[:n], seed=5)
        assert part.shape == (n, *model.space.shape)
        assert torch.allclose(part.double(), whole[:n].double(), atol=1e-9)


@represented()
def test_answers_do_not_depend_on_the_chunks(case, monkeypatch):
    model = double(case)
    whole = answers(model, case, 23)
    monkeypatch.setattr(chunking, "CHUNK", 7)
    for word, answer in answers(model, case, 23).items():
        assert torch.allclose(answer.double(), whole[word].double(), atol=1e-9), word


@having(can.HasDensity)
def test_an_exact_score_is_of_the_row_alone(case):
    model, (x, c) = double(case), rows(case)
    some = model.log_prob(x[4:7], None if c is None else c[4:7])
    assert torch.allclose(model.log_prob(x, c).values[4:7], some.values, atol=1e-9)
