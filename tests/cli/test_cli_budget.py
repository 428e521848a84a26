"""Commands that take long: a time, a line beforehand, an answer to SIGTERM, and what is kept."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time

import pytest
from cli_process import HANG, begin

import simulacra
from simulacra.cli import timed
from simulacra.core.interface import Interface
from simulacra.core.storage.files import read_json
from simulacra.evaluation.budget import Share
from simulacra.exploration.latent import inversion
from simulacra.exploration.pictures import album
from simulacra.training.callbacks.looks import DRAWING

pytestmark = pytest.mark.fault("scores 3.4")
TERMINABLE = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM for a single process")


@pytest.fixture
def run(trained, tmp_path):
    """A run that a test may change."""
    return shutil.copytree(trained / "plain", tmp_path / "run")


def killed(*args, **more):
    """In place of something long: the process is asked to end."""
    os.kill(os.getpid(), signal.SIGTERM)
    list(range(1000))  # the handler runs between two instructions
    raise AssertionError("the command did not answer")


@pytest.mark.thorough
@TERMINABLE
def test_a_kill_of_evaluate_leaves_the_scores_so_far(cli, run, monkeypatch):
    before = signal.getsignal(signal.SIGTERM)
    own, calls = Interface.sample, []

    def sample(*args, **more):
        # the first samples tell how long others take
        calls.append(args)
        return own(*args, **more) if len(calls) == 1 else killed()

    monkeypatch.setattr(Interface, "sample", sample)
    done = cli("evaluate", run, "--k", 3)
    assert done.code == 130 and "warning: interrupted: " in done.out and "log p(x) >=" in done.out
    assert "interrupted" in (run / "report.md").read_text()
    content = json.loads((run / "report.json").read_text())
    assert content["estimates"]["likelihood"]["kind"] == "lower" and content.get("memorization") is None
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.thorough
@TERMINABLE
def test_a_kill_of_explore_leaves_the_pictures_so_far(cli, run, monkeypatch):
    monkeypatch.setattr(album, "embed", killed)
    done = cli("explore", run)
    assert done.code == 130 and "samples" in done.out and "interrupted" in done.err
    assert (run / "samples.png").is_file()


@TERMINABLE
@pytest.mark.thorough
@pytest.mark.slow
def test_a_kill_of_the_process_is_answered(trained, tmp_path):
    """The whole process: annealing of a machine that would take minutes."""
    data = simulacra.load_data("digits", binarize="threshold")
    simulacra.fit(
        simulacra.RBM(data.space, hidden=500, burn_in=5),
        data,
        out=tmp_path / "rbm",
        epochs=0.1,
        doctor=False,
        progress=False,
    )
    annealing = ["--temperatures", "1000000", "--chains", "100", "--sweeps", "10", "--budget", "none"]
    process = begin("evaluate", "rbm", *annealing, cwd=tmp_path)
    said = next((line for line in process.stderr if line.startswith("annealing forward: about ")), None)
    assert said is not None and said.endswith("for 1,000,000 temperatures\n")
    # at most a second later
    assert waited(lambda: " of 1,000,000 temperatures" in content_of(tmp_path / "rbm")["message"])
    assert content_of(tmp_path / "rbm")["stage"] == "measures"
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=HANG)
    assert process.returncode == 130
    assert "interrupted" in out and "31 temperatures" in out


def content_of(folder):
    """The progress that a run tells."""
    return read_json(folder / "progress.json")


def waited(met) -> bool:
    """Whether something comes true before the test gives up."""
    end = time.monotonic() + HANG
    while not met() and time.monotonic() < end:
        time.sleep(0.1)
    return met()


@pytest.mark.parametrize("command", ["evaluate", "doctor", "explore"])
def test_a_budget_that_is_no_time_is_refused(cli, trained, command):
    done = cli(command, trained / "plain", "--budget", "soon")
    assert done.code == 2 and "--budget is 'soon'" in done.err and "as in 20m" in done.err


def test_a_budget_of_none_is_none(cli, run, monkeypatch):
    seen: list[float | None] = []
    monkeypatch.setattr(
        "simulacra.evaluation.doctor.diagnose.Share", lambda seconds: seen.append(seconds) or Share(seconds)
    )
    assert cli("doctor", run, "--budget", "none", "--k", 2, "--limit", 20).code == 0
    assert cli("doctor", run, "--budget", "90s", "--k", 2, "--limit", 20).code == 0
    assert seen == [None, 90.0]


def test_evaluate_leaves_its_progress_in_the_run(cli, run, monkeypatch):
    (run / "progress.json").unlink(missing_ok=True)
    assert cli("evaluate", run, "--k", 3, "--limit", 20).code == 0
    content = read_json(run / "progress.json")
    assert (
        set(content) >= {"stage", "step", "total", "seconds_left", "message"}
        and content["stage"] == "measures"
    )


# ---- what is announced


def test_the_time_of_training_has_start_up_pictures_and_the_doctor_in_it(monkeypatch):
    data = simulacra.load_data("bars-and-stripes")
    model = simulacra.VAE(data.space, latent=1, hidden=(5,))
    monkeypatch.setattr(timed, "seconds_of", lambda *args: 100.0)
    monkeypatch.setattr(timed, "picture_seconds", lambda model, **given: DRAWING + 1.0)
    found = timed.whole_seconds(model, data, 1000, before=3.0)
    assert found == pytest.approx(3.0 + 100.0 + 8 * (DRAWING + 1.0) + 0.04 * 100.0)


def test_searches_for_codes_keep_to_their_time_and_say_so(monkeypatch, caplog):
    caplog.set_level("INFO", "simulacra")
    model = simulacra.GAN(simulacra.Real((3,)), latent=2)
    x = model.sample(4)
    monkeypatch.setattr(inversion, "estimated", lambda action: 90.0)
    short = inversion.invert(model, x, seconds=20.0)
    # of 300 steps of 0.3 s, 50 take 15 s and 75 take 22
    assert (short.codes == inversion.invert(model, x, steps=50).codes).all()
    assert caplog.messages == ["inversion: 50 steps, about 15 s (300 would take 2 min)"]
    assert (inversion.invert(model, x, seconds=1e3).codes == inversion.invert(model, x).codes).all()
