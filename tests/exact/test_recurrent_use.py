"""RTRBM, RNN-RBM and RNN-NADE draw by their law, learn scales and have scores that can be checked."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from oracles import chi_square
from recurrences import KINDS, D, every, ragged, sequences, shaken

import simulacra
from simulacra.core.capabilities.general import HasDensity
from simulacra.core.spaces.plain import Binary
from simulacra.evaluation.likelihood.annealing import Annealing
from simulacra.evaluation.likelihood.held_out import likelihood, likelihoods
from simulacra.evaluation.rows import chosen

# ---- draws


@every
def test_draws_follow_the_law(float64, name):
    model, n = shaken(name, steps=2), 6000
    if name != "rnn-nade":
        with torch.no_grad():
            model.W.mul_(0.5)
    x = model.sample(n, seed=3)
    powers = 2.0 ** torch.arange(2 * D - 1, -1, -1).double()
    numbers = (x.double().flatten(1) @ powers).numpy()
    assert chi_square(numbers, np.exp(model.score_samples(sequences(2)))) > 1e-3


@every
def test_a_beginning_is_continued(name):
    model = shaken(name, steps=7)
    begun = [torch.ones(2, D), torch.zeros(5, D)]
    done = model.complete(begun, seed=2)
    assert done.shape == (2, 7, D) and bool((done[0, :2] == 1).all()) and bool((done[1, :5] == 0).all())
    assert bool(done[:, 5:].any()) and not torch.equal(done, model.complete(begun, seed=4))


# ---- training and scores


@every
def test_training_finds_the_scales(tmp_path, name):
    torch.manual_seed(0)
    data = ragged(201)
    options = {"lr": 0.02} if name == "rnn-nade" else {"lr": 0.3, "gibbs_steps": 3}
    model = KINDS[name](data.space, **options)
    before = float(model.log_prob(data.test.x, lengths=data.test.lengths).mean)
    run = simulacra.fit(model, data, out=tmp_path, epochs=30, batch_size=17, progress=False)
    after = likelihood(run.model, data)
    # a scale costs the choice of its first note; without a memory 2.2 nats a frame
    assert before < -8 and after.mean > -4
    torch.testing.assert_close(
        after.values, run.model.log_prob(data.test.x, lengths=data.test.lengths).values
    )
    assert after.dims == D * float(data.test.lengths.double().mean())
    again = simulacra.load(tmp_path, kind=type(model))
    torch.testing.assert_close(again.log_prob(data.test.x, lengths=data.test.lengths).values, after.values)


@pytest.mark.parametrize("name", ["rtrbm", "rnn-rbm"])
def test_annealing_each_frame_finds_the_exact_score(name):
    data, model = ragged(), shaken(name, steps=7)
    exact_score = likelihood(model, data)
    # as if the sums were too long
    model.remove(HasDensity)
    both = likelihoods(model, data, seed=1, annealing=Annealing(200, 200, 100))
    found, other = both.estimate, both.pessimistic
    assert (found.kind, other.kind) == ("upper", "stochastic") and found.dims == exact_score.dims
    assert float((found.values - exact_score.values).abs().max()) < 0.25
    assert float((other.values - exact_score.values).abs().max()) < 0.25
    assert not both.bracket.doubts and both.bracket.details["laws"] > len(data.test)
    # the first frames of all rows have one law, and fewer rows are scored as well
    frames = int(data.test.lengths.sum())
    assert both.bracket.details["laws"] <= frames - len(data.test) + 1
    part = likelihoods(model, data, seed=1, limit=3, annealing=Annealing(200, 200, 100))
    expected = exact_score.values[chosen(data.test, 3, seed=1)]
    assert float((part.estimate.values - expected).abs().max()) < 0.25
    # at one seed one of them is on the wrong side in a sixth of the cases
    rough = [likelihoods(model, data, seed=s, annealing=Annealing(2, 2, 1)) for s in range(30)]
    mean = lambda estimates: torch.stack([e.values for e in estimates]).mean(0)
    assert float((mean([r.estimate for r in rough]) - exact_score.values).mean()) > 0
    assert float((mean([r.pessimistic for r in rough]) - exact_score.values).mean()) < 0


def test_a_model_without_lengths_refuses_ragged_rows(tmp_path):
    data = ragged()
    model = simulacra.RBM(Binary((7 * D,)), hidden=2)
    model.space = data.space
    with pytest.raises(ValueError, match="sequences of differing lengths, which RBM does not take"):
        simulacra.fit(model, data, out=tmp_path, epochs=1, progress=False)
