"""The deep Boltzmann machine against enumeration of all its states."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from layers import binary_entropy, everything, log_p_visible, parts, posterior, randomised, score
from oracles import chi_square, states
from scipy.special import expit, logsumexp

import simulacra
from simulacra.api import fit
from simulacra.core.batch import Batch
from simulacra.core.capabilities.general import HasBound
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary, Real
from simulacra.data.sources.tensors import from_tensors
from simulacra.evaluation.likelihood.annealing import bracket
from simulacra.models.boltzmann.deep.dbm import DBM, recentre
from simulacra.models.boltzmann.machine.energy_model import Machine

SHAPES = [(4, (3, 2)), (3, (2, 4, 2)), (2, (3, 1, 2, 2))]
small = pytest.mark.parametrize(("d", "hidden"), SHAPES, ids=str)


def dbm(
    d: int = 4, hidden: tuple[int, ...] = (3, 2), scale: float = 1.0, offsets: bool = True, **options
) -> DBM:
    """A machine with random numbers everywhere."""
    return randomised(DBM(Binary((d,)), hidden=hidden, **options), scale, offsets)


def bound(model: DBM, v: np.ndarray, q: dict) -> np.ndarray:
    """E_q[-E] + H(q) - log Z of means q, by the equations."""
    mu = [v, *[q[name].detach().numpy() for name in model.names[1:]]]
    return score(model, mu) + sum(map(binary_entropy, mu[1:])) - logsumexp(everything(model)[1])


@pytest.mark.system("A10")
@small
def test_energy_and_fields_are_the_equations(float64, d, hidden):
    model = dbm(d, hidden)
    x, s = everything(model)
    layers = {name: torch.tensor(value) for name, value in zip(model.names, x)}
    np.testing.assert_allclose(-model.energy(layers).detach().numpy(), s, atol=1e-12)
    for name in model.names:
        torch.testing.assert_close(model.field(name, layers), Machine.field(model, name, layers))
    (e, fields), (e2, fields2) = model.opened(layers), Machine.opened(model, layers)
    torch.testing.assert_close(e, e2)
    torch.testing.assert_close(fields, fields2)


@pytest.mark.system("A10", "A5")
@small
def test_log_z_and_the_energy_of_a_chain_are_enumerated(float64, d, hidden):
    model = dbm(d, hidden)
    x, s = everything(model)
    assert model.log_z().item() == pytest.approx(logsumexp(s), abs=1e-10)
    # the odd layers are summed out
    rest = np.concatenate(x[::2], 1)
    code = rest @ 2 ** np.arange(rest.shape[1])
    for number in (0, 3, int(code.max())):
        state = torch.tensor(rest[code == number][:1])
        ours = -model.marginal(model.unpacked(state)).item()
        assert ours == pytest.approx(logsumexp(s[code == number]), abs=1e-10)


@pytest.mark.system("A10")
@small
def test_the_bound_misses_log_p_by_the_divergence_of_q_from_the_posterior(float64, d, hidden):
    model = dbm(d, hidden, mean_field_steps=3)
    v = states(d)
    log_p, elbo = log_p_visible(model), model.log_prob(torch.tensor(v))
    assert elbo.kind == "lower" and (elbo.values.numpy() <= log_p + 1e-12).all()
    q = model.posterior_means(torch.tensor(v))
    np.testing.assert_allclose(elbo.values.numpy(), bound(model, v, q), atol=1e-10)
    for row in range(len(v)):
        h, log_post = posterior(model, v[row])
        mu = [q[name][row].detach().numpy() for name in model.names[1:]]
        log_q = sum(np.log(np.where(s == 1, m, 1 - m)).sum(1) for s, m in zip(h, mu))
        gap = (np.exp(log_q) * (log_q - log_post)).sum()
        assert gap > 1e-6 and log_p[row] - elbo.values[row].item() == pytest.approx(gap, abs=1e-10)


@pytest.mark.system("A10")
@small
def test_updates_in_turn_never_lower_the_bound_and_end_at_the_fixed_point(float64, d, hidden):
    model, v = dbm(d, hidden, scale=1.5), states(d)
    given = model.given(torch.tensor(v))
    q = model.upwards(given, {})
    values, names = [bound(model, v, q)], []
    for turn in model.turns * 60:
        q = model.updated(turn, q, given, {})
        values.append(bound(model, v, q))
        names.append(turn)
    steps = np.diff(values, axis=0)
    assert (steps > -1e-12).all() and (steps[0] > 1e-6).all()
    torch.testing.assert_close(q, model.mean_field(given, steps=60))
    w, b, o = parts(model)
    mu = [q[name].detach().numpy() for name in model.names]
    for i in range(1, len(mu)):
        f = b[i] + (mu[i - 1] - o[i - 1]) @ w[i - 1]
        f = f + (mu[i + 1] - o[i + 1]) @ w[i].T if i + 1 < len(mu) else f
        np.testing.assert_allclose(mu[i], expit(f), atol=1e-6)
    assert torch.equal(model.encode(torch.tensor(v)), model.posterior_means(torch.tensor(v))[model.names[-1]])


@pytest.mark.system("A10")
def test_the_bound_of_a_row_with_gaps_is_one_on_what_is_known(float64):
    model, v = dbm(mean_field_steps=20), states(4)
    known = np.array([True, False, True, False])
    rows = torch.tensor(known).expand(16, 4)
    rng = Rng(0, rows=range(16))
    elbo = model.elbo(torch.tensor(v), None, rng, rows).detach().numpy()
    # log p(v_1, v_3) is a sum over the others
    log_p = log_p_visible(model).reshape(2, 2, 2, 2)
    marginal = np.broadcast_to(logsumexp(log_p, axis=(1, 3), keepdims=True), log_p.shape).ravel()
    assert (elbo <= marginal + 1e-12).all() and (elbo > log_p.ravel()).all()
    changed = torch.where(rows, torch.tensor(v), 1 - torch.tensor(v))
    np.testing.assert_allclose(model.elbo(changed, None, rng, rows).detach().numpy(), elbo)


@pytest.mark.system("A10", "A30")
def test_chains_reach_the_enumerated_moments(float64):
    n = 4000
    model = dbm(scale=0.7, chains=n, gibbs_steps=1)
    update = model.stage(0, []).updates[0]
    model.learning = type(model.learning)(k=1, chains=n, centred=False)
    for step in range(60):
        update.before(model, Batch.of(torch.ones(7, 4)), Rng(1, "step", step, rows=range(7)))
    x, s = everything(model)
    p, rest = np.exp(s - logsumexp(s)), np.concatenate(x[::2], 1)
    chains = model.persistent.numpy()
    for moment in (lambda t: t, lambda t: np.einsum("ni,nj->nij", t, t).reshape(len(t), -1)):
        truth = p @ moment(rest)
        error = np.sqrt(truth * (1 - truth) / n) + 1e-12
        assert (abs(moment(chains).mean(0) - truth) < 4 * error).all()


@pytest.mark.system("A10", "A30")
def test_samples_and_completions_have_the_enumerated_law(float64):
    n = 6000
    model = dbm(scale=0.8, burn_in=40)
    bits = 2 ** np.arange(3, -1, -1)
    p = np.exp(log_p_visible(model))
    assert chi_square(model.sample(n, seed=3).numpy() @ bits, p) > 1e-3
    # p(v_2, v_4 | v_1 = 1, v_3 = 0)
    known = torch.tensor([True, False, True, False])
    given = torch.tensor([1.0, 0.0, 0.0, 1.0]).expand(n, 4)
    filled = model.complete(given, known, seed=5).numpy()
    assert (filled[:, [0, 2]] == [1, 0]).all()
    table = p.reshape(2, 2, 2, 2)[1, :, 0, :].ravel()
    assert chi_square(filled[:, 1] * 2 + filled[:, 3], table / table.sum()) > 1e-3


@pytest.mark.system("A10")
def test_the_gradient_climbs_the_bound(float64):
    """By finite differences of E_q[-E] + H(q) - log Z with q held, which is that of `exact`."""
    model = dbm(estimator="exact")
    v = states(4)[[1, 6, 6, 11, 15]]
    q = model.posterior_means(torch.tensor(v))
    loss = model.stage(0, []).updates[0].loss(model, Batch.of(torch.tensor(v)), Rng(0)).loss["nll"]
    np.testing.assert_allclose(loss.detach().numpy(), -bound(model, v, q), atol=1e-10)
    loss.mean().backward()
    step = 1e-5
    for p in model.parameters():
        flat = p.data.view(-1)
        for i in range(0, len(flat), 3):
            kept = flat[i].item()
            flat[i] = kept + step
            up = bound(model, v, q).mean()
            flat[i] = kept - step
            down = bound(model, v, q).mean()
            flat[i] = kept
            assert p.grad.view(-1)[i].item() == pytest.approx(-(up - down) / (2 * step), abs=1e-8)


@pytest.mark.system("A10")
def test_the_gradient_over_chains_is_data_less_model(float64):
    """v mu_1' of the data less <v h_1'> of the chains, in the mean."""
    model = dbm(chains=50, centred=False, offsets=False)
    v = torch.tensor(states(4)[[2, 7, 9]])
    terms = model.stage(0, []).updates[0].loss(model, Batch.of(v), Rng(0)).loss
    sum(t.mean() for t in terms.values()).backward()
    chain = model.unpacked(model.persistent)
    h1 = torch.sigmoid(model.b[1] + chain["v"] @ model.W[0] + chain["h2"] @ model.W[1].T)
    q = model.posterior_means(v)
    expected = -(v.T @ q["h1"]) / 3 + chain["v"].T @ h1 / 50
    torch.testing.assert_close(model.W[0].grad, expected)
    torch.testing.assert_close(model.W[1].grad, -(q["h1"].T @ q["h2"]) / 3 + h1.T @ chain["h2"] / 50)


@pytest.mark.system("A10")
def test_moving_the_offsets_leaves_the_law(float64):
    model = dbm(3, (2, 4, 2), centred=True)
    before, offset = everything(model)[1], model.offset(1).clone()
    with torch.no_grad():
        recentre(model, Batch.of(torch.tensor(states(3)[[1, 5]])), Rng(0))
    after = everything(model)[1]
    assert not torch.equal(offset, model.offset(1))
    np.testing.assert_allclose(after - logsumexp(after), before - logsumexp(before), atol=1e-10)


@pytest.mark.system("A10", "A7")
def test_annealing_brackets_log_z(float64):
    model = dbm(3, (2, 4, 2), scale=0.8)
    model.base.copy_(torch.randn(3))
    found = bracket(model, 200, chains=300, sweeps=50)
    truth = logsumexp(everything(model)[1])
    assert abs(found.forward.log_z - truth) < 4 * found.forward.error
    assert abs(found.reverse.log_z - truth) < 4 * found.reverse.error
    # what a machine too large for an exact log Z is scored by
    x, rng = torch.tensor(states(3)), Rng(0)
    torch.testing.assert_close(model.elbo(x, None, rng), -model.bound_energy(x, None, rng) - truth)


def bars(n: int = 400) -> torch.Tensor:
    """Images 3 x 3 of columns that are each on or off, or of such rows."""
    rng = Rng(2, "bars", rows=range(n))
    lines = rng.bernoulli("lines", torch.full((n, 3, 1), 0.5))
    turned = rng.bernoulli("turned", torch.full((n, 1, 1), 0.5))
    return torch.where(turned == 1, lines.expand(n, 3, 3), lines.expand(n, 3, 3).mT).reshape(n, 9)


@pytest.mark.system("A10")
def test_training_raises_the_bound_above_independent_units(float64, tmp_path):
    data = from_tensors(bars(), Binary((9,)), valid=0.0, test=0.0)
    model = DBM(data.space, hidden=(6, 5), chains=50, gibbs_steps=1, lr=0.5, burn_in=50)
    run = fit(model, data, out=tmp_path / "run", epochs=20, batch_size=25, progress=False)
    x = data.train.x
    mean = x.mean(0)
    alone = float((x * mean.log() + (1 - x) * (1 - mean).log()).sum(1).mean())
    found = model.log_prob(x)
    assert found.mean > alone + 0.5
    # the upper layer takes part: its weights began at 0.01
    assert model.W[1].square().mean().sqrt() > 0.04
    again = simulacra.load(run.path, kind=DBM)
    assert torch.equal(again.log_prob(x).values, found.values)
    assert torch.equal(again.sample(5, seed=1), model.sample(5, seed=1))


@pytest.mark.system("A10")
@pytest.mark.parametrize("estimator", ["cd", "tempering"])
def test_other_estimators_train_it(float64, estimator):
    data = from_tensors(bars(60), Binary((9,)), valid=0.0, test=0.0)
    model = DBM(data.space, hidden=(5, 3), chains=11, estimator=estimator, temperatures=3, burn_in=2)
    before = model.W[1].clone()
    fit(model, data, epochs=2, batch_size=17, progress=False)
    assert not torch.equal(before, model.W[1])
    assert all(bool(torch.isfinite(p).all()) for p in model.parameters())


def test_large_machines_have_no_bound_but_an_energy_bound():
    model = DBM(Binary((30,)), hidden=(25, 21), chains=3)
    assert not model.supports(HasBound)
    x = torch.zeros(4, 30)
    assert model.bound_energy(x, None, Rng(0)).shape == (4,)


def test_what_does_not_fit_is_said():
    with pytest.raises(ValueError, match=r"hidden is \(7,\), but a deep Boltzmann machine has two or more"):
        DBM(Binary((3,)), hidden=(7,))
    with pytest.raises(ValueError, match="every layer of a deep Boltzmann machine has at least one unit"):
        DBM(Binary((3,)), hidden=(7, 0))
    with pytest.raises(ValueError, match="a deep Boltzmann machine needs binary data"):
        DBM(Real((3,)))
    with pytest.raises(ValueError, match="mean_field_steps is 0"):
        DBM(Binary((3,)), hidden=(2, 2), mean_field_steps=0)
