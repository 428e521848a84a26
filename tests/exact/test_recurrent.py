"""RTRBM, RNN-RBM and RNN-NADE against their equations, summed in numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from oracles import states
from recurrences import D, T, every, oracle, ragged, sequences, shaken, space

import simulacra
from simulacra.core.batch import Batch
from simulacra.core.ragged import trimmed, valid_frames
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.composite import Sequence
from simulacra.core.spaces.plain import Binary, Real
from simulacra.models.boltzmann.recurrent.frames import log_partition
from simulacra.models.boltzmann.recurrent.recurrent_rbm import contrast, exact
from simulacra.models.boltzmann.recurrent.rnn_nade import RNNNADE
from simulacra.models.boltzmann.recurrent.rtrbm import RTRBM


@pytest.mark.system("A21", "A22", "A23")
@every
def test_the_likelihood_is_that_of_the_equations(float64, name):
    model = shaken(name)
    x = sequences(T)[torch.randperm(2 ** (D * T))[:7]]
    found = model.log_prob(x)
    assert found.kind == "exact"
    np.testing.assert_allclose(found.values, [oracle(name, model, row.numpy()) for row in x], atol=1e-10)


@pytest.mark.system("A22", "A23")
@every
def test_probabilities_of_all_sequences_of_two_steps_sum_to_one(float64, name):
    model = shaken(name, steps=2)
    total = torch.as_tensor(model.score_samples(sequences(2))).logsumexp(0)
    assert abs(float(total)) < 1e-10


@pytest.mark.system("A21", "A22")
@every
def test_the_gradient_is_that_of_finite_differences(float64, name):
    """Backpropagation through time, in every parameter."""
    model = shaken(name)
    x, lengths = sequences(T)[[77, 1234, 4000]], torch.tensor([3, 2, 3])
    loss = lambda: model.frame_log_prob(x, lengths).sum()
    loss().backward()
    for key, p in model.named_parameters():
        i = int(p.grad.abs().argmax())
        with torch.no_grad():
            flat, kept = p.view(-1), p.view(-1)[i].item()
            values = []
            for step in (1e-5, -1e-5):
                flat[i] = kept + step
                values.append(float(loss()))
            flat[i] = kept
        assert abs(p.grad.view(-1)[i]) > 1e-4, key
        assert abs((values[0] - values[1]) / 2e-5 - float(p.grad.view(-1)[i])) < 1e-6, key


@pytest.mark.system("A21")
def test_without_recurrent_weights_an_rtrbm_is_an_rbm_at_each_step(float64):
    model = shaken("rtrbm")
    with torch.no_grad():
        model.recurrent.zero_()
    alone = simulacra.RBM(Binary((D,)), hidden=5)
    with torch.no_grad():
        for to, of in ((alone.W, model.W), (alone.b, model.b), (alone.c, model.c)):
            to.copy_(of)
    x = sequences(T)[[5, 999, 2222]]
    each = alone.log_prob(x.flatten(0, 1)).values.view(3, T)
    torch.testing.assert_close(model.log_prob(x).values, each.sum(1))


def test_log_z_sums_over_either_layer(float64):
    torch.manual_seed(1)
    W, b, c = torch.randn(3, 5), torch.randn(2, 3), torch.randn(2, 5)
    for v_first in (log_partition(W, b, c), log_partition(W.T, c, b)):
        every_v, every_h = (torch.from_numpy(states(n)) for n in (3, 5))
        brute = [
            ((every_v @ b[i])[:, None] + every_h @ c[i] + every_v @ W @ every_h.T).exp().sum() for i in (0, 1)
        ]
        torch.testing.assert_close(v_first.exp(), torch.stack(brute))


# ---- rows of differing lengths


@every
def test_padding_counts_for_nothing(float64, name):
    model = shaken(name)
    x = sequences(T)[[3000, 1500, 17]]
    pieces = [x[0], x[1, :2], x[2, :1]]
    expected = [oracle(name, model, piece.numpy()) for piece in pieces]
    found = model.log_prob(pieces)
    np.testing.assert_allclose(found.values, expected, atol=1e-10)
    assert found.dims == D * 6 / 3
    # what stands in the padding does not matter
    padded = x.clone()
    padded[1, 2], padded[2, 1:] = 1, 1
    np.testing.assert_array_equal(model.score_samples(padded, lengths=[3, 2, 1]), found.values)
    np.testing.assert_array_equal(model.score_samples([p.tolist() for p in pieces]), found.values)


@pytest.mark.parametrize(
    "x, options, says",
    [
        ([torch.zeros(2, D), torch.zeros(2, D + 1)], {}, "row 1 of x has shape"),
        ([torch.zeros(T + 1, D)], {}, "with L from 1 to 3"),
        (torch.zeros(2, T, D), {"lengths": [1, T + 1]}, "whole number for each of the 2 rows"),
        (torch.zeros(2, T, D), {"lengths": [1]}, "whole number for each of the 2 rows"),
        (torch.zeros(2, T, D), {"known": torch.eye(T, D, dtype=torch.bool)}, "only the last steps"),
        (torch.zeros(2, T, 1), {}, "has shape"),
    ],
)
def test_sequences_that_do_not_fit_are_refused(x, options, says):
    with pytest.raises(ValueError, match=says):
        RNNNADE(space(), hidden=3, state=2).log_prob(x, **options)


def test_lengths_are_for_sequences():
    with pytest.raises(ValueError, match="applies to sequences"):
        simulacra.PPCA(Real((3,)), latent=1).log_prob(torch.zeros(2, 3), lengths=[1, 2])
    with pytest.raises(ValueError, match="needs sequences of binary frames"):
        RTRBM(Binary((6,)))
    with pytest.raises(ValueError, match="cannot have steps"):
        Sequence((3, 5), of=Binary((4,)))


@pytest.mark.parametrize("name", ["rtrbm", "rnn-rbm"])
def test_chains_do_not_feel_how_far_a_batch_is_padded(name):
    model, data = shaken(name, steps=7), ragged()
    batch = data.train.rows(torch.arange(9))
    batch.lengths = batch.lengths.clamp_max(4)
    rng = Rng(1, "cd", rows=range(9))
    long = contrast(model, batch, rng).loss["contrast"] * valid_frames(batch)
    cut = trimmed(model, batch, rng)
    short = contrast(model, cut, rng).loss["contrast"] * valid_frames(cut)
    assert cut.x.shape[1] == 4
    torch.testing.assert_close(long[:, :4], short, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", ["rtrbm", "rnn-rbm"])
def test_many_sweeps_give_the_gradient_of_the_likelihood(float64, name):
    """Contrastive divergence without its bias, averaged over many rows."""
    model = shaken(name, gibbs_steps=20, seed=2)
    with torch.no_grad():
        model.W.mul_(0.5)
    x = sequences(T)[[77, 1234, 4000]].repeat(400, 1, 1)
    batch = Batch.of(x)
    slopes = []
    for loss, term in ((contrast, "contrast"), (exact, "nll")):
        value = loss(model, batch, Rng(4, rows=batch.rows)).loss[term].sum(1).mean()
        slopes.append(torch.cat([g.view(-1) for g in torch.autograd.grad(value, list(model.parameters()))]))
    assert float((slopes[0] - slopes[1]).abs().max()) < 0.15 * float(slopes[1].abs().max())
