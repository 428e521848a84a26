"""Annealing and samples within a time, and scores that an interrupt leaves as far as they were made."""

from __future__ import annotations

import itertools
import logging
from importlib import import_module

import pytest
import torch

import simulacra
from simulacra.core.scores.likelihood import CutShort
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Binary
from simulacra.evaluation.budget import Share
from simulacra.evaluation.doctor.diagnose import BRIEF, QUICK
from simulacra.evaluation.evaluate import evaluate
from simulacra.evaluation.likelihood import annealing, lengths
from simulacra.evaluation.likelihood.annealing import Annealing
from simulacra.evaluation.likelihood.brackets import BROKEN_OFF
from simulacra.evaluation.likelihood.conditional_annealing import bracket_each
from simulacra.evaluation.likelihood.held_out import likelihoods
from simulacra.evaluation.likelihood.lengths import RUNGS, Settled, affordable
from simulacra.evaluation.report import read_report

pytestmark = pytest.mark.fault("scores 3.4")
OPEN = (None, None, None)


def noise(rows: int = 60, d: int = 30, **more):
    """Rows that nothing can be learned from."""
    generator = torch.Generator().manual_seed(2)
    x = (torch.rand(rows, d, generator=generator) < 0.4).to(torch.uint8)
    return simulacra.from_tensors(x, Binary((d,)), name="noise", **more)


# ---- lengths


def test_what_fits_is_as_long_as_usual():
    assert affordable(OPEN, 60, (1000, 100), lambda chains: 0.02) == Settled(1000, 100, 1000)


@pytest.mark.parametrize("seconds", [300, 60, 10, 3, 1])
def test_lengths_fit_into_the_time_and_are_the_longest_that_do(seconds):
    cost = lambda how: how.steps * (0.01 + 0.002 * how.chains)
    found = affordable(OPEN, seconds, (1000, 100), lambda chains: 0.01 + 0.002 * chains)
    assert cost(found) <= seconds
    longer = [Settled(t, n, t) for t, n in ((1000, 100), *RUNGS) if (t, n) != found[:2]]
    before = itertools.takewhile(lambda how: how[:2] != found[:2], [Settled(t, n, t) for t, n in RUNGS])
    assert all(cost(how) > seconds for how in before) and len(longer) == len(RUNGS)


def test_the_rungs_fall_in_cost():
    costs = [Settled(t, n, t).steps * (1 + 0.1 * n) for t, n in ((1000, 100), *RUNGS)]
    assert costs == sorted(costs, reverse=True)


def test_with_no_time_at_all_the_shortest_is_taken_and_what_was_given_stays():
    slow = lambda chains: 100.0 * chains
    assert affordable(OPEN, 1, (1000, 100), slow) == Settled(20, 3, 20)
    assert affordable((None, 7, None), 1, (1000, 100), slow) == Settled(20, 7, 20)
    assert Annealing(5, 2, 9, seconds=0.0).affordable(None) == Settled(5, 2, 9)
    assert Annealing().affordable(None, laws=101) == Settled(100, 10, 100)
    assert (QUICK.settled(1), BRIEF.settled(500)) == (Settled(300, 30, 300), Settled(100, 10, 100))


def test_a_slow_machine_anneals_less_and_says_what_a_longer_budget_buys(monkeypatch, caplog):
    monkeypatch.setattr(annealing, "step_seconds", lambda machine, chains, laws, c: 0.01 * chains)
    model = simulacra.RBM(Binary((30,)), hidden=30)
    with caplog.at_level(logging.INFO, "simulacra"):
        report = evaluate(model, noise(), budget=30.0)
    details = report.likelihood.details
    # 0.4 of 30 seconds: 100 temperatures, 300 steps of 10 chains take 30, 30 temperatures 9
    assert (details["temperatures"], details["chains"], details["sweeps"]) == (31, 10, 30)
    said = [record.getMessage() for record in caplog.records if "annealing" in record.getMessage()]
    assert said == [
        "annealing: 30 temperatures and 10 chains, about 9 s (1,000 temperatures and 100 chains would take "
        "50 min: a longer budget buys them)"
    ]
    error = [record.getMessage() for record in caplog.records if record.getMessage().startswith("log Z from")]
    assert len(error) == 1 and " +- " in error[0]
    whole = evaluate(model, noise(), budget=None, annealing=Annealing(chains=20, temperatures=40, sweeps=9))
    assert whole.likelihood.details["temperatures"] == 41


def test_steps_are_timed_with_as_many_chains_as_there_are(monkeypatch):
    sizes = []
    model = simulacra.RBM(Binary((6,)), Categorical((), 3), hidden=4)
    own = model.anneal

    def anneal(state, *more):
        sizes.append(len(state))
        return own(state, *more)

    vars(model)["anneal"] = anneal
    c = torch.arange(3)
    assert lengths.step_seconds(model, 5, 3, c) > 0 and set(sizes) == {15}
    sizes.clear()
    monkeypatch.setattr(lengths, "CHAINS", 10)
    lengths.step_seconds(model, 5, 3, c)
    assert set(sizes) == {10}


@pytest.mark.parametrize(("seconds", "n"), [(None, 1000), (1e4, 1000), (1e-6, 100)])
def test_samples_of_long_chains_are_as_many_as_the_time_pays_for(seconds, n):
    model = simulacra.RBM(Binary((30,)), hidden=30, burn_in=3000)
    drawn = []
    own = model.sweep
    vars(model)["sweep"] = lambda layers, rng, *more: drawn.append(len(rng.rows)) or own(layers, rng, *more)
    assert Share(seconds).samples(model, noise().test) == n
    # a few sweeps of each number of samples are timed, and no chain runs to its end
    assert len(drawn) <= 600 * len(set(drawn)) and (seconds is not None or not drawn)
    assert Share(1e-6).samples(model, noise().test, 200) == 100


# ---- interrupts


def interrupted_after(model, name: str, calls: int):
    """The model, whose function `name` is interrupted after so many calls."""
    own, made = getattr(model, name), []

    def function(*args, **more):
        made.append(args)
        if len(made) > calls:
            raise KeyboardInterrupt
        return own(*args, **more)

    vars(model)[name] = function
    return model


def vae(d: int = 30):
    """A small VAE."""
    torch.manual_seed(3)
    return simulacra.VAE(Binary((d,)), latent=2, hidden=(5,))


def test_scores_of_the_first_rows_are_kept_and_say_so(tmp_path):
    data = noise(600)
    whole = likelihoods(vae(), data, k=3, entries=30 * 3 * 20).estimate
    model = interrupted_after(vae(), "log_weights", 2)
    found = likelihoods(model, data, k=3, entries=30 * 3 * 20)
    assert found.interrupted and len(found.estimate.values) == 40 < len(whole.values)
    torch.testing.assert_close(found.estimate.values, whole.values[:40], rtol=0, atol=1e-6)
    assert found.estimate.protocol.split == f"test[first 40 of {len(whole.values)}: interrupted]"
    assert found.estimate.protocol.digest != whole.protocol.digest
    assert found.estimate.dims == whole.dims


def test_a_report_is_kept_as_far_as_it_was_measured(tmp_path):
    model = interrupted_after(simulacra.RBM(Binary((30,)), hidden=3), "infer", 0)
    with pytest.raises(KeyboardInterrupt) as interrupt:
        evaluate(model, noise())
    report = interrupt.value.done
    assert report.likelihood.kind == "exact" and "reconstruction" not in report.records
    first = report.findings[0]
    assert (first.severity, first.name) == ("warning", "interrupted") and "likelihood" in first.measured
    report.write(tmp_path)
    assert str(read_report(tmp_path)) == str(report) and "interrupted" in (tmp_path / "report.md").read_text()


def test_at_a_prompt_the_report_comes_back(monkeypatch):
    monkeypatch.setattr(import_module("simulacra.evaluation.evaluate"), "interactive", lambda: True)
    model = interrupted_after(simulacra.RBM(Binary((30,)), hidden=3), "infer", 0)
    assert evaluate(model, noise()).findings[0].name == "interrupted"


def test_an_interrupt_before_the_first_score_leaves_a_report_without_any():
    model = interrupted_after(vae(), "log_weights", 0)
    with pytest.raises(CutShort) as interrupt:
        evaluate(model, noise())
    assert not interrupt.value.done.estimates and "no score" in interrupt.value.done.findings[0].measured


def test_annealing_that_is_broken_off_leaves_its_short_first_run():
    model, data = simulacra.RBM(Binary((30,)), hidden=30), noise()
    asked = Annealing(1000, 20, 1000)
    short = likelihoods(model, data, annealing=Annealing(30, 10, 30))
    found = likelihoods(interrupted_after(model, "anneal", 500), data, annealing=asked)
    assert found.interrupted and found.bracket.interrupted and found.bracket.doubts[0] == BROKEN_OFF
    assert (found.bracket.betas, found.bracket.chains) == (31, 10)
    torch.testing.assert_close(found.estimate.values, short.estimate.values)
    assert BROKEN_OFF in found.estimate.details["doubts"]


def test_so_does_annealing_of_several_log_z():
    model = simulacra.RBM(Binary((6,)), Categorical((), 3), hidden=4)
    found = bracket_each(interrupted_after(model, "anneal", 500), torch.arange(3), Annealing(1000, 20, 1000))
    assert found.interrupted and (found.betas, found.chains) == (31, 10)
    assert ((found.forward - model.log_z(torch.arange(3))).abs() < 0.2).all()


def test_the_short_run_does_not_change_the_long_one():
    model = simulacra.RBM(Binary((6,)), hidden=4)
    assert Annealing(400, 20, 400).bracket(model).details == annealing.bracket(model, 400, 20, 400).details
