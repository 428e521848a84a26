"""The bidirectional Helmholtz machine against enumeration: Z, its bound, its gradient, draws of p*."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from belief_nets import (
    apart,
    as_draws,
    central,
    expected_gradient,
    gradients,
    hidden_states,
    log_p,
    net,
    tensor_of,
)
from oracles import chi_square, within

from simulacra.core.batch import Batch
from simulacra.core.capabilities import general as can
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Binary
from simulacra.models.beliefs import BiHM
from simulacra.models.beliefs.bidirectional import Proposals, normalizer

pytestmark = pytest.mark.system("B7")
POWERS = torch.tensor([4.0, 2.0, 1.0], dtype=torch.float64)


def machine(hidden=(3, 2), **options) -> BiHM:
    return net(hidden, BiHM, **options)


def log_tilde(model, x, c=None):
    """log p~(x) = 2 log sum_h sqrt(p(x, h) q(h|x)) by enumeration, shape (B,)."""
    h = as_draws(hidden_states(model), len(x))
    return 2 * ((model.log_joint(x, h, c) + model.log_q(h, x, c)) / 2).logsumexp(1)


def masses_of(model, c=None):
    """p*(x) of all eight x by enumeration."""
    return log_tilde(model, tensor_of(3), c).softmax(0).detach().numpy()


@pytest.mark.parametrize("kind", ["sbn", "darn"])
def test_z_is_at_most_one_and_normalizes_the_geometric_mean(float64, kind):
    model, x = machine(layers=kind, recognition=kind), tensor_of(3)
    tilde, h = log_tilde(model, x).exp(), as_draws(hidden_states(model), 8)
    Z = float(tilde.sum().sqrt())
    assert Z < 0.99
    assert (tilde < log_p(model, x).exp()).all()
    # (1), where the marginal of q(x, h) is p*(x) itself
    star = tilde / Z**2
    joint = (model.log_joint(x, h).exp() * model.log_q(h, x).exp() * star[:, None]).sqrt() / Z
    assert abs(float(joint.sum()) - 1) < 1e-12
    assert (joint.sum(1) - star).abs().max() < 1e-12


def test_z_is_one_if_q_is_the_posterior(float64):
    """The posterior of a single unit is a logistic function that is linear in x."""
    model, x = machine(hidden=(1,)), tensor_of(3)
    U, b, a = model.x_given.shift.U[:, 0], model.x_given.shift.b, model.p_layers[0].bias
    q = model.q_layers[0].shift
    with torch.no_grad():
        off, on = torch.nn.functional.softplus(b), torch.nn.functional.softplus(b + U)
        q.U.copy_(U[None])
        q.b.copy_(a + (off - on).sum())
        tilde = log_tilde(model, x)
        assert abs(float(tilde.exp().sum()) - 1) < 1e-12
        assert (tilde - log_p(model, x)).abs().max() < 1e-12
        # all draws then have the same weight: the bound is exact, and Z has no error
        assert (model.bound(x, None, Rng(1, rows=range(8)), 2) - tilde).abs().max() < 1e-12
        found = normalizer(model, draws=50)
    assert abs(found.squared - 1) < 1e-12 and found.error < 1e-12 and abs(found.nats) < 1e-12
    with torch.no_grad():
        q.b.add_(0.5)
        assert float(log_tilde(model, x).exp().sum()) < 1 - 1e-3


def expected_bound(model, x, k: int) -> float:
    """E of the bound with k draws at one row, by enumeration of the k-tuples."""
    h = as_draws(hidden_states(model), 1)
    log_q = model.log_q(h, x)[0]
    log_w = model.log_joint(x, h)[0] - log_q
    which = torch.cartesian_prod(*[torch.arange(len(log_q))] * k).reshape(-1, k)
    value = 2 * (log_w[which].div(2).exp().mean(1)).log()
    return float((log_q[which].sum(1).exp() * value).sum())


def test_the_bound_rises_with_k_to_its_limit_below_log_p(float64):
    model, x, rows = machine(hidden=(2,)), tensor_of(3)[3:4], 400
    limit = float(log_tilde(model, x))
    exact = [expected_bound(model, x, k) for k in (1, 2, 4, 6)]
    assert exact[0] < exact[1] < exact[2] < exact[3] < limit < float(log_p(model, x))
    for k, truth in ((1, exact[0]), (4, exact[2])):
        with torch.no_grad():
            found = model.bound(x.expand(rows, -1), None, Rng(1, rows=range(rows)), k)
        assert within(float(found.mean()), truth, float(found.std()) / math.sqrt(rows))
    with torch.no_grad():
        # more draws than a block holds
        many = model.bound(x.expand(20, -1), None, Rng(2, rows=range(20)), 3000)
        one = model.elbo(x, None, Rng(3, rows=range(1)))
    assert within(float(many.mean()), limit, float(many.std()) / math.sqrt(20))
    assert one.shape == (1,)


def test_scores_name_the_bound_and_have_no_weights_of_p():
    model = BiHM(Binary((5,)), hidden=(3,))
    score = model.log_prob(torch.ones(2, 5), k=20)
    assert score.kind == "lower" and "BiHM bound, k=20" in str(score)
    assert model.supports(can.TightensBound) and not model.supports(can.HasImportanceWeights)


def test_the_loss_is_the_bound_and_its_gradient_that_of_fixed_draws(float64):
    """The draws are fixed, so that the bound is a function of the parameters of p alone."""
    model, batch, k = machine(k=4), Batch.of(tensor_of(3)[:5]), 4
    rng = Rng(3, rows=batch.rows)
    (u,) = model.updates()
    loss = u.loss(model, batch, rng).loss["bound"]
    slopes = gradients(loss.sum(), model)
    with torch.no_grad():
        drawn = model.recognize(batch.x, None, rng, k)
        log_q = model.log_q(drawn.h, batch.x)
        bound = lambda: 2 * ((model.log_joint(batch.x, drawn.h) - log_q) / 2).exp().mean(1).log()
        assert (loss + bound()).abs().max() < 1e-12
        for name, p in model.named_parameters():
            if name.startswith(("p.", "x_given.")):
                for i in range(0, p.numel(), 3):
                    found = -float(slopes[name].view(-1)[i])
                    assert abs(found - central(lambda: bound().sum(), p, i)) < 1e-6


def test_the_gradient_tends_to_that_of_the_limit_as_k_grows(float64):
    """The expectation over all k-tuples of draws, without noise, for p and q."""
    x = tensor_of(3)[2:3]
    model = machine(hidden=(2,), gain=0.7)
    exact = gradients(-log_tilde(model, x).sum(), model)
    biases = []
    for k in (2, 4, 6):
        model.k = k
        found = expected_gradient(model, x, k)
        biases.append([apart(found, exact, part) for part in (("p.", "x_given."), ("q.",))])
    for before, after in pairwise(biases):
        assert all(0.0001 < b < a for a, b in zip(before, after))


def test_the_gradient_of_5000_draws_is_that_of_enumeration(float64):
    x, rows, k = tensor_of(3)[2:3], 30, 5000
    model = machine(hidden=(2,), k=k, gain=0.7)
    exact = gradients(-log_tilde(model, x).sum(), model)
    batch = Batch.of(x.expand(rows, -1))
    (u,) = model.updates()
    each = [gradients(t, model) for t in u.loss(model, batch, Rng(3, rows=range(rows))).loss["bound"]]
    for n, truth in exact.items():
        found = torch.stack([g[n] for g in each])
        error = found.std(0) / rows**0.5
        assert ((found.mean(0) - truth).abs() <= 4 * error + 10 / k).all(), n
        assert error.max() < 0.02


@pytest.mark.parametrize("condition", [None, Categorical((), 2)])
def test_z_is_estimated(float64, condition):
    model = machine(condition=condition)
    c = None if condition is None else torch.tensor([1])
    of = None if c is None else c.expand(8)
    exact = float(log_tilde(model, tensor_of(3), of).exp().sum())
    found = normalizer(model, draws=4000, c=c)
    assert within(found.squared, exact, found.error)
    assert 0 < found.error < 0.02 and found.nats == -math.log(found.squared)


def test_samples_are_draws_of_the_geometric_mean(float64):
    model, rows = machine(proposals=200), 1500
    p_of = log_p(model, tensor_of(3)).exp().detach().numpy()
    drawn = (model.draw(Rng(4, rows=range(rows))) @ POWERS).detach().numpy()
    assert chi_square(drawn, masses_of(model)) > 1e-3
    assert chi_square(drawn, p_of) < 1e-3
    one = Proposals(1)
    plain = (model.draw(Rng(4, rows=range(rows)), how=one) @ POWERS).detach().numpy()
    assert chi_square(plain, p_of) > 1e-3


@pytest.mark.parametrize("visible", ["sbn", "darn"])
def test_completions_have_the_conditional_probabilities(float64, visible, monkeypatch):
    model = machine(visible=visible)
    x, known, rows = torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([[True, False, False]]), 1500
    masses = masses_of(model)[4:]
    monkeypatch.setattr("simulacra.models.beliefs.bidirectional.PROPOSALS", 200)
    filled = model.fill(x.expand(rows, -1), known.expand(rows, -1), Rng(6, rows=range(rows)))
    assert (filled[:, 0] == 1).all()
    values = (filled[:, 1:] @ POWERS[1:]).numpy()
    assert chi_square(values, masses / masses.sum()) > 1e-3
    p_of = log_p(model, tensor_of(3)).exp().detach()[4:]
    assert chi_square(values, (p_of / p_of.sum()).numpy()) < 1e-3


def test_options_out_of_range_are_refused():
    with pytest.raises(ValueError, match="k is 1, but q learns from differences between draws: take k=10"):
        BiHM(Binary((3,)), k=1)
    with pytest.raises(ValueError, match="proposals is 0"):
        BiHM(Binary((3,)), proposals=0)
    with pytest.raises(ValueError, match="proposals is 0"):
        BiHM(Binary((3,))).sample(2, proposals=0)


def test_a_row_has_its_sample_and_its_bound_in_any_batch(float64):
    model = machine(proposals=7)
    whole = model.draw(Rng(5, rows=range(50)))
    assert torch.equal(model.sample(3, seed=1, proposals=7), model.sample(3, seed=1))
    assert not torch.equal(model.sample(50, seed=1, proposals=2), model.sample(50, seed=1))
    for n in (2, 3):
        assert torch.equal(model.draw(Rng(5, rows=range(n))), whole[:n])
    x = whole.detach()
    bounds = model.bound(x, None, Rng(5, rows=range(50)), 3)
    for n in (2, 3):
        assert (model.bound(x[:n], None, Rng(5, rows=range(n)), 3) - bounds[:n]).abs().max() < 1e-12
