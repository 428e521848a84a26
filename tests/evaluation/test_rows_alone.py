"""Measures of a split are those of its rows, in whatever order and with whatever other rows they come."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

import simulacra
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.composite import Sequence
from simulacra.core.spaces.plain import Binary
from simulacra.evaluation.latents.codes import aggregate_kl, coded
from simulacra.evaluation.latents.spread import spread
from simulacra.evaluation.likelihood.annealing import Annealing
from simulacra.evaluation.likelihood.conditional_annealing import bracket_each
from simulacra.evaluation.likelihood.held_out import likelihoods
from simulacra.evaluation.likelihood.relative import relative_scores
from simulacra.evaluation.rows import features, points
from simulacra.exploration.latent.inversion import invert
from simulacra.training.callbacks.validation import validation_score

pytestmark = pytest.mark.fault("scores 2.9")
exact = {"atol": 1e-10, "rtol": 1e-10}
QUICK = Annealing(temperatures=20, chains=7, sweeps=5)


@pytest.fixture(scope="module")
def digits():
    return simulacra.load_data("digits", binarize="dynamic")


@pytest.fixture(scope="module")
def vae(digits):
    torch.manual_seed(4)
    model = simulacra.VAE(digits.space, latent=3, hidden=(20,)).double()
    model.preprocessing = digits.preprocessing
    return model.eval()


@pytest.fixture
def orders(digits):
    """The same rows in two orders, and what puts those of the second into the first."""
    order = torch.randperm(len(digits.test))
    return digits.test, digits.test.select(order), order


def test_a_report_scores_the_rows_that_log_prob_scores(vae, digits):
    found = likelihoods(vae, digits, k=20, seed=3)
    order = torch.randperm(len(digits.test))
    values = vae.log_prob(digits.test.x[order], k=20, seed=3).values
    torch.testing.assert_close(values, found.estimate.values[order], **exact)
    again = likelihoods(vae, digits, k=20, seed=3, entries=999)
    torch.testing.assert_close(again.effective, found.effective, **exact)


def test_one_sample_bounds_do_not_depend_on_the_order(vae, orders):
    some, other, order = orders
    torch.testing.assert_close(relative_scores(vae, other), relative_scores(vae, some)[order], **exact)


def test_the_validation_score_does_not_depend_on_chunks_or_order(vae, orders):
    some, other, _ = orders
    scores = [validation_score(vae, rows, 0, chunk=chunk) for rows in (some, other) for chunk in (7, 1024)]
    assert max(scores) - min(scores) < 1e-9


def test_codes_of_the_aggregate_posterior_belong_to_their_rows(vae, orders):
    some, other, order = orders
    a, b = (coded(vae, rows) for rows in (some, other))
    assert (a.rows.digests[order.numpy()] == b.rows.digests).all()
    first, second = (aggregate_kl(vae, rows) for rows in (some, other))
    assert first.information == pytest.approx(second.information, abs=1e-10)
    assert first.marginal == pytest.approx(second.marginal, abs=1e-10)


def test_features_of_a_row_are_its_own(vae, digits):
    x = digits.test.x[:30]
    whole = features(vae, x)
    assert torch.equal(features(vae, x[11:20]), whole[11:20])
    assert torch.equal(features(vae, x[3:4].repeat(4, 1, 1, 1)), whole[3:4].expand(4, -1))
    assert not torch.equal(features(vae, x, seed=1), whole)
    assert torch.equal(points(digits.preprocessing, x)[5:], points(digits.preprocessing, x[5:]))


def test_reconstructions_from_draws_do_not_depend_on_the_order():
    data = simulacra.load_data("ring")
    model = simulacra.VAE(data.space, latent=2, scale=0.5).double()
    some = lambda rows: replace(data, splits={"test": data.test.select(rows)})
    first, second = (spread(model, some(rows)) for rows in (torch.arange(300), torch.randperm(300)))
    assert second.residual == pytest.approx(first.residual, abs=1e-9)


def test_codes_that_are_looked_for_start_at_the_row():
    torch.manual_seed(1)
    model = simulacra.GAN(simulacra.Real((3,)), latent=2, hidden=(7,)).double()
    x = model.sample(9, seed=2)
    whole = invert(model, x, steps=10).codes
    torch.testing.assert_close(invert(model, x[4:5], steps=10).codes, whole[4:5], **exact)
    torch.testing.assert_close(invert(model, x.flip(0), steps=10).codes, whole.flip(0), **exact)


# ---- energies whose log Z is annealed for each law


def test_log_z_of_a_condition_does_not_depend_on_the_others():
    torch.manual_seed(2)
    model = simulacra.RBM(Binary((6,)), Categorical((), 3), hidden=4).double()
    one = bracket_each(model, torch.arange(3), QUICK)
    for some in ([2], [1, 0], [2, 2, 0]):
        found = bracket_each(model, torch.tensor(some), QUICK)
        torch.testing.assert_close(found.forward, one.forward[some], **exact)
        torch.testing.assert_close(found.reverse, one.reverse[some], **exact)
    other = bracket_each(model, torch.arange(3), QUICK, seed=1)
    assert float((other.forward - one.forward).abs().min()) > 0
    # different laws have different noise, so that their errors even out
    twins = simulacra.RBM(Binary((6,)), Categorical((), 3), hidden=4).double()
    with torch.no_grad():
        for parameter in twins.parameters():
            parameter.zero_()
        twins.W.normal_()
    alike = bracket_each(twins, torch.arange(3), QUICK).forward
    assert len(alike.unique()) == 3


def test_a_sequence_scores_the_same_with_any_others():
    """Frames with the same past are one law, whatever rows they are of."""
    torch.manual_seed(3)
    model = simulacra.RNNRBM(Sequence((6,), of=Binary((14,))), hidden=20, state=4).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.5)
    x = (torch.rand(8, 6, 14) < 0.4).to(torch.uint8)
    x[5, :3] = x[2, :3]
    data = simulacra.from_tensors(x, model.space, valid=0, test=0)
    some = lambda rows: replace(data, splits={"train": data.train.select(torch.tensor(rows))})
    score = lambda rows: likelihoods(model, some(rows), "train", annealing=QUICK).estimate.values
    whole = score(list(range(8)))
    for rows in ([4], [7, 2], [5, 0, 3]):
        torch.testing.assert_close(score(rows), whole[rows], atol=1e-6, rtol=1e-6)
