"""VAE and IWAE of mixed fields against quadrature: bounds, exact marginals, masks, completions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy
import torch
from oracles import chi_square
from scipy.special import logsumexp
from tables import (
    MIXED,
    class_masses,
    codes_and_numbers,
    law,
    log_evidence_of,
    log_joint,
    small_table_model,
    table_rows,
    values,
)

from simulacra.core.batch import Batch
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Count, Positive, Real
from simulacra.data import load_data
from simulacra.models.variational import IWAE, VAE

MODELS = pytest.mark.parametrize("build", [VAE, IWAE])
NAMES = pytest.mark.parametrize("name", MIXED)


def some_known(rows: int, d: int) -> torch.Tensor:
    """Masks of every kind, one field known or all but one: never all, never the same in two rows running."""
    return torch.tensor([[(i + j) % (2 + (i // d) % 2) == 0 for j in range(d)] for i in range(rows)])


def importance(
    model, x: torch.Tensor, known: torch.Tensor | None, k: int = 20001
) -> tuple[np.ndarray, np.ndarray]:
    """Log of the mean of k weights of each row, and the standard error of that mean over its value."""
    with torch.no_grad():
        log_w = model.log_weights(x, None, Rng(11, rows=range(len(x))), k, known=known).numpy()
    value = logsumexp(log_w, axis=1) - math.log(k)
    return value, np.exp(log_w - value[:, None]).std(1) / math.sqrt(k)


@MODELS
@NAMES
def test_importance_bounds_reach_the_exact_evidence(float64, build, name):
    model, x = small_table_model(build, name), table_rows(name)
    exact = log_evidence_of(model, x.numpy())
    value, error = importance(model, x, None)
    assert error.max() < 0.05
    assert (abs(np.expm1(value - exact)) < 4 * error).all()
    scored = model.log_prob(x, k=5003, seed=3)
    assert scored.kind == "lower" and scored.dims == x.shape[1]
    assert (abs(np.expm1(scored.values.numpy() - exact)) < 4 * error * 2).all()


@NAMES
def test_the_evidence_of_all_tables_is_one(float64, name):
    model, space = small_table_model(VAE, name), MIXED[name]
    # one field at a time is integrated out, so that this is the oracle's own check
    x = table_rows(name, 3).numpy()
    for j, (_, field) in enumerate(space.fields):
        known = np.ones(x.shape, bool)
        known[:, j] = False
        grid, log_w = values(field)
        for i in range(3):
            rows = np.repeat(x[i : i + 1], len(grid), 0)
            rows[:, j] = grid
            summed = logsumexp(log_evidence_of(model, rows) + log_w)
            marginal = log_evidence_of(model, x[i : i + 1], known[i : i + 1])[0]
            assert summed == pytest.approx(marginal, abs=1e-8)


@MODELS
@NAMES
def test_scores_of_incomplete_rows_are_those_of_the_exact_marginal(float64, build, name):
    model, x = small_table_model(build, name), table_rows(name, 6)
    known = some_known(*x.shape)
    exact = log_evidence_of(model, x.numpy(), known.numpy())
    value, error = importance(model, x, known)
    assert error.max() < 0.05
    assert (abs(np.expm1(value - exact)) < 4 * error).all()
    scored = model.log_prob(x, known=known, k=5003, seed=3).values.numpy()
    assert (abs(np.expm1(scored - exact)) < 4 * error * 2).all()


@NAMES
@pytest.mark.parametrize("masked", [False, True])
def test_bounds_lie_below_the_evidence_and_rise_with_k(float64, name, masked):
    n = 4001
    model, x = small_table_model(IWAE, name, k=7), table_rows(name, 3)
    known = some_known(*x.shape) if masked else torch.ones_like(x, dtype=torch.bool)
    exact = log_evidence_of(model, x.numpy(), known.numpy())
    rows, mask = x.repeat_interleave(n, 0), known.repeat_interleave(n, 0)
    rng = Rng(7, rows=range(len(rows)))
    with torch.no_grad():
        elbo = model.elbo(rows, None, rng, known=mask).view(3, n).numpy()
        loss = model.updates()[0].loss(model, Batch.of(rows, known=mask), rng).loss
    bound = -sum(loss.values()).view(3, n).numpy()
    error = [v.std(1) / math.sqrt(n) for v in (elbo, bound)]
    assert (elbo.mean(1) < exact + 4 * error[0]).all() and (elbo.mean(1) < exact - 1e-4).any()
    assert (bound.mean(1) < exact + 4 * error[1]).all()
    assert (bound.mean(1) > elbo.mean(1) - 4 * np.hypot(*error)).all()
    assert bound.mean() > elbo.mean()
    ratio = np.exp(bound - exact[:, None])
    assert (abs(ratio.mean(1) - 1) < 4 * ratio.std(1) / math.sqrt(n)).all()


@NAMES
@pytest.mark.parametrize("kl", ["analytic", "monte-carlo"])
def test_the_bound_is_the_integral_over_the_posterior(float64, name, kl):
    """The means of `elbo` and of the loss are E_q of log p(x_known, z) - log q(z|x_known), by quadrature."""
    n, model, x = 5003, small_table_model(VAE, name, kl=kl), table_rows(name, 4)
    known = some_known(*x.shape)
    rows, mask = x.repeat_interleave(n, 0), known.repeat_interleave(n, 0)
    rng = Rng(9, rows=range(len(rows)))
    with torch.no_grad():
        q = model.posterior(x, known=known)
        elbo = model.elbo(rows, None, rng, known=mask)
        terms = model.updates()[0].loss(model, Batch.of(rows, known=mask), rng)
    z = np.linspace(-12, 12, 2001)
    joint = log_joint(model, x.numpy(), known.numpy()) - math.log(z[1] - z[0])
    for drawn in (elbo, -sum(terms.loss.values())):
        for i, values_of in enumerate(drawn.view(4, n).numpy()):
            log_q = scipy.stats.norm.logpdf(z, q.loc[i].item(), math.exp(q.log_scale[i].item()))
            exact = (np.exp(log_q) * (joint[:, i] - log_q)).sum() * (z[1] - z[0])
            assert abs(values_of.mean() - exact) < 4 * values_of.std() / math.sqrt(n) + 1e-9


def seen_and_other(name: str, rows: int = 7) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Rows, their mask, and rows that differ from them exactly where they are missing."""
    x, other = table_rows(name, rows), table_rows(name, rows, seed=21)
    known = some_known(*x.shape)
    return x, torch.where(known, x, other), known


@MODELS
@NAMES
def test_what_stands_at_a_missing_entry_changes_nothing(float64, build, name):
    model = small_table_model(build, name)
    x, other, known = seen_and_other(name)
    assert not torch.equal(x, other)
    off = torch.where(known, x, -3.5)
    gone = torch.where(known, x, torch.nan)
    results = []
    for rows, mask in ((x, known), (other, known), (off, known), (gone, known), (gone, None)):
        results.append(
            [
                model.log_prob(rows, known=mask, k=50).values,
                model.encode(rows, known=mask),
                model.reconstruct(rows, known=mask),
                model.complete(rows, mask, seed=4),
            ]
        )
    for result in results[1:]:
        for a, b in zip(results[0], result, strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=0)


@MODELS
@NAMES
def test_training_does_not_see_a_missing_entry(float64, build, name):
    model = small_table_model(build, name)
    x, other, known = seen_and_other(name)
    losses, gradients = [], []
    for rows in (x, other):
        model.zero_grad()
        terms = model.updates()[0].loss(model, Batch.of(rows, known=known), Rng(2, rows=range(len(x))))
        loss = sum(v for v in terms.loss.values())
        loss.sum().backward()
        losses.append(loss.detach())
        gradients.append(torch.cat([p.grad.flatten() for p in model.parameters()]))
    torch.testing.assert_close(losses[0], losses[1], rtol=0, atol=1e-13)
    torch.testing.assert_close(gradients[0], gradients[1], rtol=0, atol=1e-12)
    assert gradients[0].isfinite().all() and gradients[0].abs().max() > 1e-3
    # and the gradient with everything known is another
    model.zero_grad()
    terms = model.updates()[0].loss(model, Batch.of(x), Rng(2, rows=range(len(x))))
    sum(v for v in terms.loss.values()).sum().backward()
    full = torch.cat([p.grad.flatten() for p in model.parameters()])
    assert (full - gradients[0]).abs().max() > 1e-3


@MODELS
@pytest.mark.parametrize("centre", [1e-6, 1.0, 7e4])
def test_gaps_in_a_column_of_any_unit_leave_gradients_finite(build, centre):
    rng = np.random.default_rng(3)
    weight, other = centre * np.exp(0.03 * rng.normal(size=90)), rng.normal(size=90)
    weight[::3] = other[1::3] = np.nan
    table = {"weight": weight.tolist(), "other": other.tolist()}
    data = load_data(table, types={"weight": "positive", "other": "real"}, missing="mask")
    torch.manual_seed(1)
    model = build(data.space, latent=1, hidden=(5,))
    batch = data.train.all()
    terms = model.updates()[0].loss(model, batch, Rng(2, rows=range(len(batch))))
    sum(terms.loss.values()).sum().backward()
    assert all(p.grad.isfinite().all() for p in model.parameters())


def test_draws_are_not_rounded_to_the_type_of_whole_rows(float64):
    """Rows of whole numbers may come as integers: what is drawn for a real column is still real."""
    model = VAE(Table(n=Count(), r=Real(), p=Positive()), latent=1, hidden=(5,))
    x = torch.tensor([[1, 1, 2], [3, 0, 5]]).repeat(20, 1)
    done = model.complete(x, torch.tensor([True, False, False]), seed=1).double()
    model.space.check(done)
    assert (done[:, 1:] != done[:, 1:].round()).all()


def test_the_encoder_sees_zeros_where_an_entry_is_missing(float64):
    model, (x, _, known) = small_table_model(VAE, "three"), seen_and_other("three")
    seen = model.space.features(x) * model.space.features_known(known)
    expected = model.encoder(seen).detach().view(len(x), 2)[:, :1]
    torch.testing.assert_close(model.encode(x, known=known), expected, rtol=0, atol=1e-13)
    q = model.posterior(x, known=known)
    torch.testing.assert_close(q.loc.detach(), expected, rtol=0, atol=1e-13)
    # a row of which all is known is encoded as without a mask
    full = torch.ones_like(known)
    torch.testing.assert_close(model.encode(x, known=full), model.encode(x), rtol=0, atol=0)


def test_a_row_of_which_nothing_is_known_scores_zero(float64):
    for build in (VAE, IWAE):
        model, x = small_table_model(build, "three"), table_rows("three", 3)
        known = torch.zeros_like(x, dtype=torch.bool)
        value, error = importance(model, x, known)
        assert (abs(np.expm1(value)) < 4 * error + 1e-12).all()


@MODELS
@NAMES
def test_completions_are_drawn_from_the_exact_conditional(float64, build, name):
    n, space = 4000, MIXED[name]
    model, row = small_table_model(build, name), table_rows(name, 1, seed=5)
    for j, (_, field) in enumerate(space.fields):
        known = torch.ones(1, len(space.fields), dtype=torch.bool)
        known[:, j] = False
        mask = known.expand(n, -1)
        done = model.complete(row.expand(n, -1), mask, seed=j)
        torch.testing.assert_close(done[mask], row.expand(n, -1)[mask], rtol=0, atol=0)
        space.check(done)
        joint = log_joint(model, row.numpy(), known.numpy())[:, 0]
        posterior = np.exp(joint - logsumexp(joint))
        p, draws = codes_and_numbers(model)[1][j], done[:, j].double().numpy()
        if not field.discrete:
            nodes = np.quantile(draws, np.linspace(0, 1, 401))
            below = np.array([posterior @ law(field, p).cdf(v)[:, 0] for v in nodes])
            assert scipy.stats.kstest(draws, lambda v, n=nodes, b=below: np.interp(v, n, b)).pvalue > 1e-4
        else:
            counts = type(field).__name__ == "Count"
            masses = law(field, p).pmf(np.arange(300)) if counts else class_masses(field, p)
            assert chi_square(draws, posterior @ masses) > 1e-4


def test_completions_keep_what_is_known_to_the_last_bit_and_fill_pairs_jointly(float64):
    """Two missing entries of one row hang together through the code."""
    n, name = 6000, "three"
    model, row = small_table_model(VAE, name, gain=3.0), table_rows(name, 1, seed=5)
    known = torch.tensor([[True, False, False]])
    done = model.complete(row.expand(n, -1), known[0], seed=1)
    assert torch.equal(done[:, :1], row[:, :1].expand(n, 1))
    joint = log_joint(model, row.numpy(), known.numpy())[:, 0]
    posterior = np.exp(joint - logsumexp(joint))
    parts = codes_and_numbers(model)[1]
    b, c = (class_masses(field, p) for (_, field), p in zip(MIXED[name].fields[1:], parts[1:], strict=True))
    masses = np.einsum("z,zb,zc->bc", posterior, b, c)
    assert abs(masses - np.outer(masses.sum(1), masses.sum(0))).max() > 0.005
    assert chi_square((done[:, 1] * 2 + done[:, 2]).numpy(), masses.ravel()) > 1e-4
