"""After a fit the doctor looks at the run within a share of its time, and never loses it."""

import logging
import time

import pytest
import torch

import simulacra
from simulacra.core.capabilities import general as can
from simulacra.core.spaces.plain import Real
from simulacra.evaluation.doctor import at_end as module
from simulacra.evaluation.doctor.advice import setting_of
from simulacra.evaluation.doctor.at_end import examined
from simulacra.evaluation.doctor.quick_check import TimeBudget, last_diagnostics, quick_check
from simulacra.evaluation.measures.checked import SETTING
from simulacra.evaluation.measures.history import History
from simulacra.evaluation.measures.measure import Evidence
from simulacra.evaluation.measures.registry import GENERALIZATION, HISTORY, MIXING
from simulacra.training.run import Run


@pytest.fixture(scope="module")
def digits():
    return simulacra.load_data("digits", binarize="dynamic")


@pytest.fixture(scope="module")
def vae(digits, tmp_path_factory):
    """A run of a VAE that has hardly begun."""
    torch.manual_seed(0)
    model = simulacra.VAE(digits.space, latent=3, hidden=(21,))
    folder = tmp_path_factory.mktemp("vae")
    return simulacra.fit(model, digits, out=folder, epochs=1, progress=False, doctor=False)


def test_a_long_fit_is_told_of_a_collapse(vae, caplog):
    with caplog.at_level(logging.INFO, "simulacra"):
        assert examined(vae, 100.0) is vae
    names = {f.name: f.severity for f in vae.findings}
    assert names["posterior collapse"] == "warning"
    assert {"overfitting", "dead hidden units", "terms of the loss"} <= set(names)
    # one line for each warning and note, none for what is well
    said = [record for record in caplog.records if "posterior collapse" in record.getMessage()]
    assert len(said) == 1 and said[0].levelname == "WARNING" and "\n" not in said[0].getMessage()
    assert len(caplog.records) == sum(f.severity in ("note", "warning") for f in vae.findings)


def test_a_short_fit_gets_what_is_free(vae):
    assert {f.name for f in examined(vae, 1.0).findings} <= {
        "terms of the loss",
        "validation score",
        "training length",
    }


def test_the_doctor_can_be_left_out(digits, tmp_path):
    torch.manual_seed(1)
    make = lambda: simulacra.VAE(digits.space, latent=2, hidden=(9,))
    assert simulacra.fit(make(), digits, out=tmp_path / "a", epochs=1, doctor=False).findings == []
    run = simulacra.fit(make(), digits, out=tmp_path / "b", epochs=1)
    assert {f.name for f in run.findings} == {"terms of the loss", "training length"}
    again = simulacra.resume(tmp_path / "b", doctor=True)
    assert {f.name for f in again.findings} == {"terms of the loss", "training length"}


def test_last_diagnostics_come_from_the_metrics(tmp_path):
    ring = simulacra.load_data("ring")
    torch.manual_seed(2)
    run = simulacra.fit(simulacra.GAN(ring.space, latent=2, hidden=(9,)), ring, out=tmp_path, epochs=1)
    found = last_diagnostics(run, run.metrics)
    assert set(found.numbers) == {"accuracy", "gradient", "diversity"}
    # an interrupted run ends with terms
    assert last_diagnostics(run, run.metrics[:1]) is None and last_diagnostics(run, run.metrics[:-1]) is None
    assert "discriminator" in {f.name for f in run.findings}


def test_a_purse_is_not_overdrawn(monkeypatch):
    now, calls = [0.0], []
    monkeypatch.setattr("simulacra.evaluation.doctor.quick_check.time.perf_counter", lambda: now[0])

    def measure(n):
        calls.append(n)
        now[0] += n * 1e-3
        return n

    budget = TimeBudget(0.3)
    # a probe of 10 ms leaves 140 ms of the half
    assert budget.buy(measure, probe=10, least=20, most=1000, share=0.5) in (139, 140)
    assert calls[0] == 10 and len(calls) == 2 and budget.left == pytest.approx(0.15, abs=0.002)
    assert budget.buy(measure, 10, 500, 1000, 1.0) is None and calls[2:] == [10]
    assert TimeBudget(0.0).buy(measure, 1, 1, 1, 1.0) is None


def test_a_model_that_refuses_does_not_lose_the_run(digits, tmp_path, monkeypatch):
    run = simulacra.fit(simulacra.RBM(digits.space, hidden=5), digits, out=tmp_path, epochs=1, doctor=False)

    def refuse(*args, **more):
        raise ValueError("not these rows.")

    monkeypatch.setattr(type(run.model), "free_energy", refuse)
    assert quick_check(run, TimeBudget(9.0))[GENERALIZATION] is None

    def wrong(*args, **more):
        raise RuntimeError("a mistake of the program.")

    monkeypatch.setattr(type(run.model), "free_energy", wrong)
    with pytest.raises(RuntimeError, match="a mistake"):
        quick_check(run, TimeBudget(9.0))


class Wrong(simulacra.MADE, can.Encodes):
    """A class of one's own with a mistake in what training never calls."""

    def infer(self, x, c=None, known=None):
        """Fails."""
        raise TypeError("infer() has no such argument")


def test_a_mistake_of_a_class_does_not_take_the_run_away(digits, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(module, "SHORT", 0.0)
    monkeypatch.setattr(module, "SHARE", 100.0)
    torch.manual_seed(4)
    run = simulacra.fit(Wrong(digits.space, hidden=(9,)), digits, out=tmp_path, epochs=1, progress=False)
    assert run.findings == [] and run.model.sample(3).shape == (3, 1, 8, 8)
    said = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert said == ["the doctor could not look at the run: TypeError: infer() has no such argument"]


@pytest.mark.parametrize("part", ["quick_check.last_diagnostics", "at_end.diagnose"])
def test_nor_does_one_in_what_is_free(vae, caplog, monkeypatch, part):
    def wrong(*args):
        raise KeyError("accuracy")

    monkeypatch.setattr(f"simulacra.evaluation.doctor.{part}", wrong)
    assert examined(vae, 1.0) is vae
    assert "KeyError: 'accuracy'" in caplog.records[-1].getMessage()


def test_an_interrupt_is_no_mistake(vae, monkeypatch):
    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "quick_check", interrupted)
    with pytest.raises(KeyboardInterrupt):
        examined(vae, 100.0)


def test_an_energy_is_asked_without_its_log_z(digits, tmp_path, monkeypatch):
    run = simulacra.fit(simulacra.RBM(digits.space, hidden=18), digits, out=tmp_path, epochs=1, doctor=False)
    monkeypatch.setattr(type(run.model), "log_z", lambda *args: pytest.fail("log Z was summed"))
    found = quick_check(run, TimeBudget(20.0))
    scores = found[GENERALIZATION]
    assert scores is not None and abs(scores.training.mean - scores.held_out.mean) < 5
    assert found[MIXING] is not None and found[MIXING].kept >= 100


def test_data_from_memory_and_few_rows(tmp_path):
    data = simulacra.from_tensors(torch.randn(12, 3), Real((3,)))
    run = simulacra.fit(simulacra.PPCA(data.space, latent=1), data, out=tmp_path)
    history = {HISTORY: History(run.metrics, options=run.config["options"])}
    setting = setting_of(run.model, data, (), run.config["options"])
    assert quick_check(run, TimeBudget(9.0)) == Evidence.of({**history, SETTING: setting})
    unknown = Run(run.path, run.model, None, run.config)
    assert quick_check(unknown, TimeBudget(9.0)) == Evidence.of(
        {**history, SETTING: setting_of(run.model, None, (), run.config["options"])}
    )


def test_the_doctor_takes_little_of_a_fit(digits, tmp_path, monkeypatch):
    spent = {}

    def timed(run, seconds):
        began = time.perf_counter()
        found = examined(run, seconds)
        spent["share"] = (time.perf_counter() - began) / seconds
        return found

    monkeypatch.setattr(module, "examined", timed)
    monkeypatch.setattr(module, "SHORT", 0.0)
    # one clock for training, budget and test, which stands still while others have the cores
    monkeypatch.setattr(time, "perf_counter", time.process_time)
    torch.manual_seed(3)
    model = simulacra.VAE(digits.space, latent=8)
    run = simulacra.fit(model, digits, out=tmp_path, epochs=80, progress=False)
    bought = {f.name for f in run.findings} - {"terms of the loss", "validation score", "training length"}
    assert spent["share"] < 0.05 and "posterior collapse" in bought
