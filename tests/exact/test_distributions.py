"""Distributions on a space: mass one, scipy's values, tails, broadcasting, masks, gradients."""

from __future__ import annotations

import itertools
import math
from decimal import Decimal, localcontext

import numpy as np
import pytest
import scipy
import torch
from oracles import states

from simulacra.core.distributions.elementary import (
    Bernoulli,
    Categorical,
    DiscretizedLogistic,
    Gaussian,
    Mixture,
)

LOCS = (-50.0, -0.3, 0.0, 0.52, 1.0, 7.0)
LOG_SCALES = (-7.0, -3.0, -1.0, 0.0, 4.0, 30.0)
LEVELS = (2, 17, 256)


def logistic(loc, log_scale, levels, events=0):
    return DiscretizedLogistic(torch.as_tensor(loc), torch.as_tensor(log_scale), levels, events)


def mixture(levels: int, seed: int = 0, *shape: int) -> Mixture:
    """Three logistic components at each entry of `shape`, for one row."""
    g = torch.Generator().manual_seed(seed)
    draw = lambda: torch.randn(1, 3, *shape, generator=g, dtype=torch.get_default_dtype())
    parts = DiscretizedLogistic(draw() + 0.5, draw() - 2, levels, len(shape))
    return Mixture(2 * draw(), parts, len(shape))


@pytest.mark.system("E1")
@pytest.mark.parametrize("logit", [-700.0, -30.0, -1.3, 0.0, 2.0, 19.9, 20.1, 700.0])
def test_bernoulli_sums_to_one_and_is_scipys(float64, logit):
    p = Bernoulli(torch.tensor([[logit]]), 1)
    x = torch.tensor([[0.0], [1.0]])
    assert p.log_prob(x).exp().sum().item() == pytest.approx(1, abs=1e-14)
    expected = -np.logaddexp(0, [logit, -logit])
    np.testing.assert_allclose(p.log_prob(x).numpy(), expected, rtol=1e-15, atol=1e-14)


@pytest.mark.system("E1")
def test_bernoulli_is_exact_to_the_last_digit_of_its_logit(float64):
    """log p(x = 1) = -log (1 + e^-l) in 50 digits, for logits from -50 to 50, and its gradient."""
    logits = torch.linspace(-50, 50, 403).unsqueeze(1).requires_grad_()
    log_p = Bernoulli(logits, 1).log_prob(torch.ones(403, 1))
    (slope,) = torch.autograd.grad(log_p.sum(), logits)
    with localcontext() as context:
        context.prec = 50
        found = torch.cat([logits, log_p.unsqueeze(1), slope], 1).tolist()
        for logit, value, gradient in (map(Decimal, row) for row in found):
            odds = (-logit).exp()
            assert abs(value + (1 + odds).ln()) < Decimal(math.ulp(50.0))
            assert abs(gradient - odds / (1 + odds)) < Decimal("3e-16")


@pytest.mark.system("E1")
@pytest.mark.parametrize("classes", [1, 2, 7])
def test_categorical_sums_to_one_and_is_scipys(float64, classes):
    logits = 5 * torch.randn(1, classes)
    p = Categorical(logits, 0)
    values = p.log_prob(torch.arange(classes)).numpy()
    assert np.exp(values).sum() == pytest.approx(1, abs=1e-12)
    weights = np.exp(logits[0].numpy())
    np.testing.assert_allclose(values, np.log(weights / weights.sum()), atol=1e-12)
    np.testing.assert_allclose(p.probs[0].numpy(), weights / weights.sum(), atol=1e-12)


@pytest.mark.system("E1")
@pytest.mark.parametrize("levels", LEVELS)
def test_discretized_logistic_sums_to_one_at_any_place_and_scale(float64, levels):
    for loc, log_scale in itertools.product(LOCS, LOG_SCALES):
        p = logistic([[loc]], [[log_scale]], levels, 1)
        total = p.log_prob(torch.arange(levels).unsqueeze(1)).exp().sum().item()
        assert total == pytest.approx(1, abs=1e-10), (loc, log_scale)


def decimal_mass(x: int, loc: float, log_scale: float, levels: int) -> float:
    """log of the mass of bin x with a hundred digits: the definition, cancellation and all."""
    with localcontext() as context:
        context.prec = 400
        scale, top = Decimal(log_scale).exp(), Decimal(levels - 1)
        cdf = lambda edge: 1 / (1 + (-(edge - Decimal(loc)) / scale).exp())
        upper = cdf((x + Decimal("0.5")) / top) if x < levels - 1 else Decimal(1)
        lower = cdf((x - Decimal("0.5")) / top) if x > 0 else Decimal(0)
        return float((upper - lower).ln())


@pytest.mark.system("E1")
@pytest.mark.parametrize("levels", LEVELS)
@pytest.mark.parametrize(
    ("loc", "log_scale"), [(0.4, -2.0), (-0.3, -5.0), (1.2, -5.5), (0.5, 9.0), (3.0, 0.5)]
)
def test_discretized_logistic_is_the_difference_of_two_distribution_functions(
    float64, levels, loc, log_scale
):
    p = logistic([[loc]], [[log_scale]], levels, 1)
    for x in sorted({0, 1, levels // 2, levels - 2, levels - 1}):
        expected = decimal_mass(x, loc, log_scale, levels)
        assert p.log_prob(torch.tensor([[x]])).item() == pytest.approx(expected, rel=1e-10, abs=1e-12)


@pytest.mark.system("E1")
@pytest.mark.parametrize("levels", LEVELS)
def test_mixture_sums_to_one_and_is_the_weighted_sum(float64, levels):
    p = mixture(levels, 3, 2)
    x = torch.arange(levels).unsqueeze(1).expand(levels, 2)
    entries = p.entries(x)
    np.testing.assert_allclose(entries.exp().sum(0).numpy(), 1, atol=1e-10)
    weights = p.logits.softmax(1)
    loop = sum(
        weights[:, k]
        * DiscretizedLogistic(p.components.loc[:, k], p.components.log_scale[:, k], levels, 1)
        .entries(x)
        .exp()
        for k in range(3)
    )
    torch.testing.assert_close(entries.exp(), loop, atol=1e-12, rtol=1e-12)


@pytest.mark.system("E1")
def test_entries_are_independent_so_a_joint_sums_to_one(float64):
    x = torch.tensor(states(4)).view(-1, 2, 2)
    p = Bernoulli(3 * torch.randn(1, 2, 2), 2)
    assert p.log_prob(x).exp().sum().item() == pytest.approx(1, abs=1e-10)
    x = torch.tensor(states(3, 4))
    assert mixture(4, 1, 3).log_prob(x).exp().sum().item() == pytest.approx(1, abs=1e-10)
    assert Categorical(torch.randn(1, 4, 3), 1).log_prob(x).exp().sum().item() == pytest.approx(1, abs=1e-10)


@pytest.mark.system("E1")
@pytest.mark.parametrize(("loc", "scale"), [(0.0, 1.0), (-3.0, 0.01), (2.0, 50.0)])
def test_gaussian_integrates_to_one_and_is_scipys(float64, loc, scale):
    p = Gaussian(torch.tensor([[loc]]), torch.tensor(math.log(scale)), 1)
    density = lambda v: p.log_prob(torch.tensor([[v]])).exp().item()
    total, _ = scipy.integrate.quad(density, loc - 15 * scale, loc + 15 * scale, points=[loc], epsabs=1e-11)
    assert total == pytest.approx(1, abs=1e-9)
    v = loc + scale * np.linspace(-40, 40, 17)
    ours = p.log_prob(torch.tensor(v).unsqueeze(1)).numpy()
    np.testing.assert_allclose(ours, scipy.stats.norm.logpdf(v, loc, scale), rtol=1e-11)


@pytest.mark.system("E1")
def test_tails_are_finite_in_single_precision_with_finite_gradients():
    for levels, loc, log_scale in itertools.product(
        LEVELS, (-1e4, -1.0, 0.5, 2.0, 1e4), (-7.0, 0.0, 20.0, 100.0)
    ):
        a = torch.tensor([[loc]], requires_grad=True)
        s = torch.tensor([[log_scale]], requires_grad=True)
        x = torch.arange(levels, dtype=torch.float32).unsqueeze(1)
        value = DiscretizedLogistic(a, s, levels, 1).log_prob(x)
        value.sum().backward()
        for t in (value, a.grad, s.grad):
            assert torch.isfinite(t).all(), (levels, loc, log_scale)
    for logit in (-1e6, 1e6):
        assert torch.isfinite(
            Bernoulli(torch.tensor([[logit]]), 1).log_prob(torch.tensor([[0.0], [1.0]]))
        ).all()
        k = Categorical(torch.tensor([[logit, 0.0, -logit]]), 0)
        assert torch.isfinite(k.log_prob(torch.arange(3))).all()
        w = Mixture(torch.tensor([[logit, 0.0]]), logistic([[1e4, -1e4]], [[-7.0, -7.0]], 256), 0)
        assert torch.isfinite(w.log_prob(torch.arange(256))).all()
    assert torch.isfinite(
        Gaussian(torch.tensor([[1e6]]), torch.tensor(-7.0), 1).log_prob(torch.zeros(1, 1))
    ).all()


@pytest.mark.system("E1")
def test_single_precision_keeps_the_mass_of_every_bin():
    for loc, log_scale in ((0.5, -7.0), (0.2, -4.0), (0.5, 3.0), (0.5, 12.0)):
        p = logistic([[loc]], [[log_scale]], 256, 1)
        ours = p.log_prob(torch.arange(256).unsqueeze(1)).double().numpy()[[0, 1, 51, 128, 255]]
        exact = [decimal_mass(x, loc, log_scale, 256) for x in (0, 1, 51, 128, 255)]
        np.testing.assert_allclose(ours, exact, rtol=2e-4, atol=2e-4)


def lifted(name: str, lead: tuple[int, ...], g: torch.Generator):
    """A distribution over events (2, 3) with parameters of leading shape `lead`, and its slices."""
    draw = lambda *s: torch.randn(*lead, *s, generator=g, dtype=torch.float64)
    if name == "bernoulli":
        a = draw(2, 3)
        return Bernoulli(a, 2), lambda i: Bernoulli(a[i], 2)
    if name == "gaussian":
        a, b = draw(2, 3), draw(2, 3)
        return Gaussian(a, b, 2), lambda i: Gaussian(a[i], b[i], 2)
    if name == "logistic":
        a, b = draw(2, 3), draw(2, 3)
        return DiscretizedLogistic(a, b, 9, 2), lambda i: DiscretizedLogistic(a[i], b[i], 9, 2)
    if name == "categorical":
        a = draw(9, 2, 3)
        return Categorical(a, 2), lambda i: Categorical(a[i], 2)
    a, b, w = draw(4, 2, 3), draw(4, 2, 3), draw(4, 2, 3)
    build = lambda a, b, w: Mixture(w, DiscretizedLogistic(a, b, 9, 2), 2)
    return build(a, b, w), lambda i: build(a[i], b[i], w[i])


NAMES = ("bernoulli", "gaussian", "logistic", "categorical", "mixture")


@pytest.mark.system("E9")
@pytest.mark.parametrize("name", NAMES)
def test_leading_sample_dimensions_broadcast_as_a_loop(float64, name):
    g = torch.Generator().manual_seed(5)
    x = torch.randint(0, 2, (4, 2, 3), generator=g).double()
    many, at = lifted(name, (4, 5), g)
    values = many.log_prob(x.unsqueeze(1))
    assert values.shape == (4, 5)
    for i, k in itertools.product(range(4), range(5)):
        one = at((slice(i, i + 1), k)).log_prob(x[i : i + 1])
        torch.testing.assert_close(values[i, k], one[0], atol=1e-12, rtol=1e-12)
    # more leading dimensions in x than in the parameters
    few, at = lifted(name, (4,), g)
    xs = torch.randint(0, 2, (6, 4, 2, 3), generator=g).double()
    values = few.log_prob(xs)
    assert values.shape == (6, 4)
    for s in range(6):
        torch.testing.assert_close(values[s], few.log_prob(xs[s]), atol=1e-12, rtol=1e-12)


@pytest.mark.system("E1")
@pytest.mark.parametrize("name", NAMES)
def test_known_sums_only_the_observed_entries(float64, name):
    g = torch.Generator().manual_seed(6)
    p, _ = lifted(name, (4,), g)
    x = torch.randint(0, 2, (4, 2, 3), generator=g).double()
    known = torch.rand(4, 2, 3, generator=g) < 0.5
    entries, expected = p.entries(x), torch.zeros(4)
    for i, a, b in itertools.product(range(4), range(2), range(3)):
        if known[i, a, b]:
            expected[i] += entries[i, a, b]
    torch.testing.assert_close(p.log_prob(x, known), expected)
    other = torch.where(known, x, 1 - x)
    torch.testing.assert_close(p.log_prob(other, known), expected)
    torch.testing.assert_close(p.log_prob(x, torch.ones_like(known)), p.log_prob(x))


@pytest.mark.system("E1")
@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_finite_differences(float64, name):
    g = torch.Generator().manual_seed(7)
    draw = lambda *s: torch.randn(*s, generator=g, dtype=torch.float64).requires_grad_()
    x = torch.tensor([[0.0, 4.0, 8.0], [1.0, 7.0, 3.0]])
    build = {
        "bernoulli": (lambda a: Bernoulli(a, 1), [draw(2, 3)]),
        "gaussian": (lambda a, b: Gaussian(a, b, 1), [draw(2, 3), draw(2, 3)]),
        "logistic": (lambda a, b: DiscretizedLogistic(a, b, 9, 1), [draw(2, 3), draw(2, 3)]),
        "categorical": (lambda a: Categorical(a, 1), [draw(2, 9, 3)]),
        "mixture": (
            lambda a, b, w: Mixture(w, DiscretizedLogistic(a, b, 9, 1), 1),
            [draw(2, 4, 3), draw(2, 4, 3), draw(2, 4, 3)],
        ),
    }[name]
    values = (x > 3).double() if name == "bernoulli" else x
    assert torch.autograd.gradcheck(lambda *p: build[0](*p).log_prob(values), build[1], atol=1e-7)
