"""Score function, baselines, leave-one-out, NVIL and straight-through against gradients by enumeration."""

from __future__ import annotations

import pytest
import torch
from belief_nets import apart, elbo, expected_gradient, gradients, hidden_states, net, tensor_of

from simulacra.core.batch import Batch
from simulacra.core.gradients import Baseline, leave_one_out, score_function, straight_through
from simulacra.core.random.keyed import Rng

ESTIMATORS = {"nvil": 1, "score-function": 2, "leave-one-out": 2}
Q = ("q.",)


def row() -> torch.Tensor:
    return tensor_of(3)[5:6]


@pytest.mark.system("B9")
@pytest.mark.system("B10")
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_the_expected_gradient_is_that_of_the_bound(float64, estimator):
    k = ESTIMATORS[estimator]
    model = net(hidden=(2, 2), estimator=estimator, k=k)
    if model.baseline is not None:
        model.baseline.mean.fill_(-1.7)
    truth = gradients(-elbo(model, row()).sum(), model)
    assert apart(expected_gradient(model, row(), k), truth) < 1e-10
    assert max(float(g.abs().max()) for g in truth.values()) > 0.1


@pytest.mark.system("B10")
def test_the_running_variance_scales_the_signal_of_q_alone(float64):
    model = net(hidden=(2,), estimator="nvil", k=1)
    truth = gradients(-elbo(model, row()).sum(), model)
    model.baseline.variance.fill_(9.0)
    found = expected_gradient(model, row())
    scaled = {n: g / 3 if n.startswith("q.") else g for n, g in truth.items()}
    assert apart(found, scaled) < 1e-10
    model.baseline.variance.fill_(0.04)  # signals are never made larger
    assert apart(expected_gradient(model, row()), truth) < 1e-10


@pytest.mark.system("B10")
def test_the_baseline_learns_the_mean_signal(float64):
    """The square's gradient is 2 (C(x) + m - E l) dC/dx, in expectation."""
    model = net(hidden=(2,), estimator="nvil", k=1)
    found = expected_gradient(model, row())
    b = model.baseline(model.evidence(row()).squeeze(1))
    mean = elbo(model, row()).detach()
    truth = gradients((2 * (b - mean).detach() * b).sum(), model)
    names = [n for n in truth if n.startswith("baseline")]
    assert len(names) == 4 and max(float((found[n] - truth[n]).abs().max()) for n in names) < 1e-10


@pytest.mark.system("B10")
def test_the_loss_is_the_negative_bound_and_moments_follow_the_signal(float64):
    model = net(estimator="nvil", k=3)
    (update,) = model.updates()
    batch = Batch.of(tensor_of(3))
    rng = Rng(1, rows=batch.rows)
    model.baseline.mean.fill_(0.3)
    terms = update.loss(model, batch, rng)
    log_w = model.log_weights(batch.x, None, rng, 3)
    assert (terms.loss["bound"] + log_w.mean(1)).abs().max() < 1e-12
    c = model.baseline(model.evidence(batch.x).squeeze(1)) - 0.3
    l = log_w - c  # noqa: E741, the paper's letter
    update.after(model, {n: t.mean() for n, t in {**terms.loss, **terms.log}.items()}, 0.5)
    decay = model.baseline.decay
    assert float(model.baseline.mean) == pytest.approx(decay * 0.3 + (1 - decay) * float(l.mean()), abs=1e-12)
    variance = float(l.var(correction=0))
    assert float(model.baseline.variance) == pytest.approx(decay + (1 - decay) * variance, abs=1e-12)


def spread(model, x: torch.Tensor, b: float | torch.Tensor) -> float:
    """The total variance of the gradient of q by one draw with baseline b, by enumeration."""
    (h,) = hidden_states(model)
    total, mean = 0.0, None
    log_q = model.log_q([h[None]], x)[0]
    log_p = model.log_joint(x, [h[None]])[0]
    for j, weight in enumerate(log_q.exp().detach()):
        surrogate = score_function(log_p[j] - log_q[j], log_q[j], b)
        g = torch.cat([t.flatten() for n, t in gradients(surrogate, model).items() if n.startswith("q.")])
        mean = weight * g if mean is None else mean + weight * g
        total += float(weight * g.square().sum())
    return total - float(mean.square().sum())


@pytest.mark.system("B9")
def test_a_baseline_lowers_the_variance(float64):
    model = net(hidden=(3,))
    with torch.no_grad():
        model.x_given.shift.b -= 6.0  # a bound far below 0, as on data of many entries
    mean = elbo(model, row()).detach()
    assert float(mean) < -5
    assert spread(model, row(), mean) < 0.5 * spread(model, row(), 0.0)


@pytest.mark.system("B9")
@pytest.mark.parametrize("dim", [1, 5])
def test_the_score_function_varies_more_than_reparameterization(float64, dim):
    """d/dm E f(z), f(z) = -|z - a|^2, z ~ N(m, I): the truth is -2 (m - a)."""
    m, a, n = torch.full((dim,), 0.4), torch.full((dim,), 1.5), 4000
    z = m + Rng(0, rows=range(n)).normal("z", dim)
    f = -(z - a).square().sum(1)
    pathwise = -2 * (z - a)
    mean = f.mean().item()  # a baseline is allowed
    own = m.expand(n, dim).clone().requires_grad_()  # a mean for each draw, for its own gradient
    log_q = -0.5 * (z - own).square().sum(1)
    (score,) = torch.autograd.grad(score_function(f, log_q, mean).sum(), own)
    truth = -2 * (m - a)
    for g in (pathwise, score):
        assert ((g.mean(0) - truth).abs() < 4 * g.std(0) / n**0.5).all()
    assert (score.var(0) > 3 * pathwise.var(0)).all()


@pytest.mark.system("B9")
def test_leave_one_out_is_the_mean_of_the_others(float64):
    values = torch.randn(3, 4)
    for i in range(3):
        for j in range(4):
            others = [values[i, t] for t in range(4) if t != j]
            assert float(leave_one_out(values)[i, j]) == pytest.approx(float(sum(others)) / 3, abs=1e-12)
    with pytest.raises(ValueError, match="two draws or more"):
        leave_one_out(values[:, :1])


@pytest.mark.system("B8")
def test_the_straight_through_gradient_is_biased(float64, record_property):
    model = net(hidden=(2, 2), estimator="straight-through", k=1)
    with torch.no_grad():
        h = hidden_states(model)
        weight = model.log_q([t[None] for t in h], row())[0].exp()
    truth = gradients(-elbo(model, row()).sum(), model)
    found = {n: torch.zeros_like(g) for n, g in truth.items()}
    (update,) = model.updates()
    for j, w in enumerate(weight):
        one = [t[None, None, j] for t in h]
        value = update.loss(model, Batch.of(row()), Chosen([t[j] for t in h])).loss["bound"]
        bound = model.log_joint(row(), one) - model.log_q(one, row())
        assert float(value + bound) == pytest.approx(0, abs=1e-12)  # the loss is the bound at the draws
        for n, g in gradients(value.sum(), model).items():
            found[n] += w * g
    # p's gradient is right; that of q is off by much more than rounding, and the test says by how much
    assert apart(found, truth, ("p.", "x_given.")) < 1e-10
    norm = lambda of: sum(float(g.square().sum()) for n, g in of.items() if n.startswith(Q)) ** 0.5
    bias = norm({n: found[n] - truth[n] for n in truth}) / norm(truth)
    record_property("relative bias of the straight-through gradient", bias)
    print(f"relative bias of the straight-through gradient of q: {bias:.3f}")
    assert bias > 0.05


class Chosen:
    """A generator with which q draws given states of its layers."""

    def __init__(self, h: list[torch.Tensor]):
        self.h = {f"q{i + 1}": t for i, t in enumerate(h)}

    def bernoulli(self, name: str, p: torch.Tensor) -> torch.Tensor:
        return self.h[name].expand_as(p)


@pytest.mark.system("B8")
def test_straight_through_is_exact_where_the_function_is_linear(float64):
    """f(h) = a'h: E df/dp = a, whatever p."""
    logits, a = torch.randn(3, requires_grad=True), torch.randn(3)
    p = logits.sigmoid()
    h = straight_through(p, torch.tensor([1.0, 0.0, 1.0]))
    assert torch.equal(h.detach(), torch.tensor([1.0, 0.0, 1.0]))
    (found,) = torch.autograd.grad((a * h).sum(), logits, retain_graph=True)
    (truth,) = torch.autograd.grad((a * p).sum(), logits)
    assert (found - truth).abs().max() < 1e-12


@pytest.mark.system("B10")
def test_a_baseline_without_a_network_is_the_running_mean(float64):
    baseline = Baseline(scaled=False)
    baseline.mean.fill_(2.0)
    assert baseline(torch.zeros(3, 4)).tolist() == [[2.0]] * 3
    assert baseline.signal(torch.tensor([[5.0]]), 2.0).tolist() == [[3.0]]
