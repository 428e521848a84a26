"""Bounds that tighten with k: importance weights give theirs, and one without weights has its own name."""

from __future__ import annotations

import math

import pytest
import torch

import simulacra
from contract.sets import binary
from contract.toys.rws import WakeSleep
from simulacra.core.capabilities.general import HasImportanceWeights, Samples, TightensBound
from simulacra.core.model import Model
from simulacra.core.random.keyed import Rng
from simulacra.core.scores.likelihood import importance_bound, score, tightened
from simulacra.core.spaces.plain import Binary
from simulacra.evaluation.likelihood.held_out import likelihoods

pytestmark = pytest.mark.fault("wider.m")
H = 3


class Rooted(Model, Samples, TightensBound):
    """2 log (1/k) sum_j sqrt(w_j): at most log p(x), but no log mean of weights (row B7)."""

    bound_name = "root bound"

    def __init__(self, space, hidden: int = H):
        super().__init__(space)
        self.net = WakeSleep(space, hidden)

    def updates(self) -> list:
        """None: the weights stay as they are."""
        return []

    def bound(self, x, c, rng, k):
        """The bound of k draws, shape (B,)."""
        return 2 * ((self.net.log_weights(x, c, rng, k) / 2).logsumexp(1) - math.log(k))

    def elbo(self, x, c, rng):
        """The log weight of one draw, shape (B,)."""
        return self.net.elbo(x, c, rng)

    def draw(self, rng, c=None):
        """Rows of the net."""
        return self.net.draw(rng)


def rows(n: int, d: int = 4) -> torch.Tensor:
    """Random binary rows."""
    return Rng(3, "rows", rows=range(n)).bernoulli("x", torch.full((n, d), 0.4)).double()


def model(d: int = 4, spread: float = 1.0) -> Rooted:
    """A net with weights that are no zeros."""
    torch.manual_seed(1)
    made = Rooted(Binary((d,))).double()
    with torch.no_grad():
        for p in made.parameters():
            p.normal_(0, spread)
    return made


def root_of_expectation(net: WakeSleep, x: torch.Tensor) -> torch.Tensor:
    """2 log sum_h sqrt(p(x, h) q(h|x)) by enumeration, the limit of the bound."""
    h = torch.cartesian_prod(*[torch.arange(2.0, dtype=x.dtype)] * H)
    log_p = net.log_joint(x.unsqueeze(1), h.unsqueeze(0))
    logits = net.q(x).unsqueeze(1)
    log_q = -torch.nn.functional.binary_cross_entropy_with_logits(
        logits.expand(-1, len(h), -1), h.expand(len(x), -1, -1), reduction="none"
    ).sum(2)
    return 2 * ((log_p + log_q) / 2).logsumexp(1), log_p.logsumexp(1)


def test_the_score_of_a_bound_without_weights_reaches_its_limit_below_log_p(float64):
    made, x = model(), rows(5)
    limit, log_p = root_of_expectation(made.net, x)
    assert bool((limit < log_p - 1e-3).all()), "the example has a gap"
    found = score(made, x, None, torch.zeros(5), 40000, Rng(0, rows=range(5)))
    assert (found.kind, found.method, found.effective) == ("lower", "root bound, k=40000", None)
    torch.testing.assert_close(found.value, limit.detach(), rtol=0, atol=0.05)
    torch.testing.assert_close(found.elbo, made.elbo(x, None, Rng(0, rows=range(5))).detach())


def test_a_score_keeps_to_its_budget_and_to_its_row(float64):
    made, x = model(), rows(50)
    whole = tightened(made, x, None, 7, Rng(0, rows=range(50)))
    for entries in (4 * 7, 4 * 7 * 3):
        parts = tightened(made, x, None, 7, Rng(0, rows=range(50)), entries)
        torch.testing.assert_close(parts, whole, rtol=1e-12, atol=1e-12)
    for n in (2, 3):
        torch.testing.assert_close(tightened(made, x[:n], None, 7, Rng(0, rows=range(n))), whole[:n])


@pytest.mark.parametrize("k", [1, 3, 300])
def test_importance_weights_give_the_bound(float64, k):
    net, x = model().net, rows(6)
    rng = Rng(0, rows=range(6))
    with torch.no_grad():
        assert torch.equal(net.bound(x, None, rng, k), importance_bound(net, x, None, k, rng).bound)
    assert net.supports(TightensBound) and issubclass(HasImportanceWeights, TightensBound)


def test_evaluation_names_the_bound_and_compares_elbos_of_one_draw():
    data = binary(3)
    made = Rooted(data.space)
    made.preprocessing = data.preprocessing
    found = likelihoods(made, data, k=9, limit=30)
    assert found.estimate.method == "root bound, k=9" and found.estimate.details["k"] == 9
    assert found.effective is None and found.elbo.method == "ELBO"
    # training rows are scored with fewer draws: the bound of one draw is what both have
    report = simulacra.evaluate(made, data, k=50, limit=30)
    assert report.estimates["training rows"].method == "ELBO"
    assert "root bound, k=50" in report.headline()
    assert made.log_prob(data.test.x[:2], k=3).method == "root bound, k=3"
