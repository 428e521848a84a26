"""Reports of energies whose log Z cannot be summed: bracketed from both sides, and saying how."""

import json

import numpy as np
import pytest
import torch
from scipy.special import logsumexp

import simulacra
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Binary
from simulacra.evaluation.evaluate import evaluate
from simulacra.evaluation.likelihood.annealing import Annealing
from simulacra.evaluation.likelihood.conditional_annealing import bracket_each
from simulacra.evaluation.likelihood.held_out import has_likelihood, likelihood, likelihoods, needs_bracket
from simulacra.evaluation.report import read_report

QUICK = Annealing(temperatures=60, chains=20, sweeps=30)


def blocks(scale=1.0, seed=0):
    """An RBM of 30 visible and 30 hidden units in 6 blocks of 5, and its log Z by enumeration of each."""
    rng = np.random.default_rng(seed)
    w, b, c = np.zeros((30, 30)), rng.normal(size=30), rng.normal(size=30)
    h = np.array(np.meshgrid(*[[0.0, 1.0]] * 5)).reshape(5, -1).T
    log_z = 0.0
    for i in range(0, 30, 5):
        part = slice(i, i + 5)
        w[part, part] = scale * rng.normal(size=(5, 5))
        log_z += logsumexp(h @ c[part] + np.logaddexp(0, b[part] + h @ w[part, part].T).sum(1))
    model = simulacra.RBM(Binary((30,)), hidden=30).double()
    with torch.no_grad():
        for name, value in (("W", w), ("b", b), ("c", c)):
            getattr(model, name).copy_(torch.tensor(value))
    return model, log_z


def free_energies(model, x):
    """F of the equation in numpy."""
    w, b, c = (getattr(model, name).detach().numpy() for name in ("W", "b", "c"))
    return -x @ b - np.logaddexp(0, c + x @ w).sum(1)


@pytest.fixture(scope="module")
def data():
    generator = torch.Generator().manual_seed(2)
    x = (torch.rand(60, 30, generator=generator) < 0.4).to(torch.uint8)
    return simulacra.from_tensors(x, Binary((30,)), name="noise")


@pytest.mark.system("A7", "A8")
def test_the_report_gives_both_sides_and_how_they_were_made(data, tmp_path):
    model, log_z = blocks()
    report = evaluate(model, data, seed=5, annealing=QUICK)
    best, other = report.likelihood, report.estimates["pessimistic"]
    assert best.kind == "upper" and best is report.estimates["likelihood"]
    assert str(report).startswith("log p(x) <= -")
    details = best.details
    assert (details["temperatures"], details["chains"], details["sweeps"]) == (61, 20, 30)
    assert details["seed"] == details["annealing_seed"] == 5
    # the values are -F(x) less log Z of each side
    free = free_energies(model, data.test.x.double().numpy())
    np.testing.assert_allclose(best.values, -free - details["log_z_forward"], atol=1e-9)
    np.testing.assert_allclose(other.values, -free - details["log_z_reverse"], atol=1e-9)
    for side in ("forward", "reverse"):
        assert abs(details[f"log_z_{side}"] - log_z) < 5 * details[f"log_z_{side}_error"] + 0.05
    # written and read back
    report.write(tmp_path)
    content = json.loads((tmp_path / "report.json").read_text())
    assert content["estimates"]["likelihood"]["kind"] == "upper"
    assert content["estimates"]["likelihood"]["details"]["log_z_reverse"] == details["log_z_reverse"]
    again = read_report(tmp_path)
    assert str(again) == str(report) and set(again.estimates) == set(report.estimates)
    page = (tmp_path / "report.md").read_text()
    assert "forward" in page and "reverse" in page


@pytest.mark.system("A7")
def test_a_bad_bracket_is_called_unreliable_with_its_effective_sample_size(data):
    model, _ = blocks(scale=9.0)
    report = evaluate(model, data, annealing=Annealing(temperatures=2, chains=20, sweeps=5))
    (finding,) = [f for f in report.findings if f.name == "partition function"]
    assert finding.severity == "warning" and "unreliable" in str(finding)
    assert "effective sample size" in str(finding) and finding.options == ("--temperatures 30", "--chains 40")
    assert report.likelihood.details["doubts"]
    fine = evaluate(blocks(scale=0.1)[0], data, annealing=QUICK)
    (finding,) = [f for f in fine.findings if f.name == "partition function"]
    assert finding.severity == "ok" and "effective sample size" in str(finding)


def test_same_seed_same_bracket(data):
    model, _ = blocks()
    first, same, other = (likelihoods(model, data, seed=s, annealing=QUICK) for s in (1, 1, 2))
    assert torch.equal(first.estimate.values, same.estimate.values)
    assert torch.equal(first.pessimistic.values, same.pessimistic.values)
    assert first.bracket.details == same.bracket.details != other.bracket.details
    assert first.pessimistic.kind == "stochastic"
    # a bracket that is known is used as it is
    again = likelihoods(model, data, seed=2, annealing=first.bracket)
    assert torch.equal(again.estimate.values, first.estimate.values)


def test_an_optimistic_score_is_no_lower_bound_and_never_wins_by_being_high(data):
    model, _ = blocks()
    optimistic = likelihoods(model, data, annealing=QUICK).estimate
    exact = likelihood(simulacra.RBM(Binary((30,)), hidden=3).double(), data)
    assert exact.kind == "exact"
    verdict = simulacra.core.scores.estimate.compare_estimates(optimistic, exact)
    if optimistic.mean > exact.mean:
        assert verdict.better == "undecided"
    else:
        assert verdict.better == "second"
    shifted = type(optimistic)(
        optimistic.values + 1000, "upper", optimistic.dims, "too good", {}, optimistic.protocol
    )
    assert simulacra.core.scores.estimate.compare_estimates(shifted, exact).better == "undecided"


def test_which_models_need_a_bracket(data):
    small, large = simulacra.RBM(Binary((30,)), hidden=3), simulacra.RBM(Binary((30,)), hidden=30)
    assert not needs_bracket(small) and needs_bracket(large) and has_likelihood(large)
    small_report = evaluate(small, data)
    assert small_report.likelihood.kind == "exact" and "pessimistic" not in small_report.estimates


@pytest.mark.system("A7", "A8", "A17")
@pytest.mark.thorough
@pytest.mark.slow
def test_each_condition_has_a_log_z_of_its_own():
    model, _ = blocks()
    given = simulacra.RBM(Binary((30,)), Categorical((), 3), hidden=30).double()
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name in ("W", "b", "c"):
            getattr(given, name).copy_(getattr(model, name))
        for weights in (given.A, given.B):
            weights.copy_(torch.randn(weights.shape, generator=generator, dtype=torch.float64))
    log_z = [exact_log_z(given, y) for y in range(3)]
    x = (torch.rand(70, 30, generator=generator) < 0.4).to(torch.uint8)
    labels = torch.randint(0, 2, (70,), generator=generator)
    rows = simulacra.from_tensors(x, Binary((30,)), c=labels, condition=Categorical((), 3), name="noise")
    assert needs_bracket(given) and has_likelihood(given)
    report = evaluate(given, rows, seed=4, annealing=Annealing(300, 500, 100))
    best, other = report.likelihood, report.estimates["pessimistic"]
    assert best.conditional and (best.kind, other.kind) == ("upper", "stochastic")
    # only the two classes that occur are annealed
    assert best.details["laws"] == 2 and "2 log Z" in best.method
    exact = -given.free_energy(rows.test.x, rows.test.c).detach() - torch.tensor(log_z)[rows.test.c]
    for side in (best, other):
        torch.testing.assert_close(side.values, exact, atol=0.2, rtol=0)
    assert [f.severity for f in report.findings if f.name == "partition function"] == ["ok"]
    sharp = evaluate(blocks_given(given, 9.0), rows, annealing=Annealing(2, 20, 5))
    (finding,) = [f for f in sharp.findings if f.name == "partition function"]
    assert finding.severity == "warning" and "unreliable" in str(finding)


def exact_log_z(model, y):
    """By enumeration of each block of 5 hidden units, with the biases of class y."""
    w, b, c = (getattr(model, name).detach().numpy() for name in ("W", "b", "c"))
    b, c = b + model.A.detach().numpy()[:, y], c + model.B.detach().numpy()[:, y]
    h = np.array(np.meshgrid(*[[0.0, 1.0]] * 5)).reshape(5, -1).T
    return sum(
        logsumexp(h @ c[i : i + 5] + np.logaddexp(0, b[i : i + 5] + h @ w[i : i + 5, i : i + 5].T).sum(1))
        for i in range(0, 30, 5)
    )


def blocks_given(model, scale):
    """The same machine with weights `scale` times as large."""
    with torch.no_grad():
        model.W.mul_(scale)
    return model


def test_too_large_a_sum_is_refused_with_its_size_and_time():
    with pytest.raises(ValueError, match=r"2\^30 states.*about .* (minutes|hours).*annealed") as error:
        simulacra.RBM(Binary((31,)), hidden=30).log_z()
    assert "\n" not in str(error.value)
    with pytest.raises(ValueError, match="more than a thousand years"):
        simulacra.RBM(Binary((500,)), hidden=500).log_z()


@pytest.mark.parametrize("options", [{"temperatures": 0}, {"chains": 1}, {"sweeps": 0}])
def test_too_little_annealing_is_refused(options):
    ((name, value),) = options.items()
    with pytest.raises(ValueError, match=f"{name} is {value}, but annealing needs at least"):
        Annealing(**options)


@pytest.mark.system("A8", "A17")
def test_the_reverse_chains_begin_in_the_law_of_their_own_condition():
    """In one step all weight lies on the first states: those of another law would give another mean."""
    torch.manual_seed(6)
    model = simulacra.RBM(Binary((5,)), Categorical((), 2), hidden=3).double()
    with torch.no_grad():
        model.W.normal_(0, 0.4)
        model.A.copy_(torch.tensor([[1.2, -1.2]]).expand(5, 2))
    found = bracket_each(model, torch.arange(2), Annealing(temperatures=1, chains=6000, sweeps=30), seed=3)
    torch.testing.assert_close(found.reverse, model.log_z(torch.arange(2)), atol=0.12, rtol=0)
