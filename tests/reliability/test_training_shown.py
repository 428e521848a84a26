"""Training tells where it is, says what all of it will take, and answers requests to stop."""

from __future__ import annotations

import io
import os
import signal
import sys

import pytest

import simulacra
from contract.cases import named
from contract.harness import differing, options_of, state
from simulacra.core.progress.tasks import began, start
from simulacra.core.storage.files import read_json
from simulacra.exploration.live.watch import SamplePictures
from simulacra.training.callbacks import looks
from simulacra.training.callbacks.looks import shown_of
from simulacra.training.callbacks.progress import beside

pytestmark = pytest.mark.fault("scores 3.4")


class Terminal(io.StringIO):
    """Standard error of somebody who looks."""

    def isatty(self) -> bool:
        return True


# ---- training


def test_training_leaves_its_progress_in_the_run(tmp_path):
    case = named("vae")
    simulacra.fit(case.build(), case.data(), out=tmp_path, options=options_of(case, epochs=3))
    content = read_json(tmp_path / "progress.json")
    assert content["stage"] == "train" and content["step"] == content["total"] > 1
    assert content["seconds_left"] == 0.0 and "samples/s=" in content["message"]
    assert not list(tmp_path.glob(".*.part"))


def test_the_bar_of_training_looks_as_before(tmp_path, monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    case = named("vae")
    options = options_of(case, epochs=3, progress=None)
    simulacra.fit(case.build(), case.data(), out=tmp_path, options=options)
    last = screen.getvalue().split("\r")[-1]
    assert last.startswith("train: 100%|") and "step/s" in last and "kl=" in last and "samples/s=" in last


class Slow:
    """A callback that says what it costs."""

    def __call__(self, loop, ended):
        self.loop = loop

    def seconds(self, loop, steps):
        return 3.0 + steps


def test_what_is_said_has_start_up_validation_and_watchers_in_it(tmp_path, monkeypatch):
    case, callback = named("vae"), Slow()
    with began(1000.0):
        monkeypatch.setattr(looks, "SHORT", 0.0)
        options = options_of(case, epochs=1)
        simulacra.fit(case.build(), case.data(), out=tmp_path, options=options, callbacks=(callback,))
        loop = callback.loop
        loop.entered, loop.position.past, loop.position.step = 1004.0, [], 0
        loop.validator.seconds = lambda: 2.0
        epochs = loop.total / loop.per_epoch
        # 4 of start-up, 3 + 50 of the callback, 2 an epoch, and the doctor's look
        assert beside(loop, 50.0) == pytest.approx(4 + 53 + 2 * epochs + 0.04 * 50)
        assert beside(loop, 0.1) == 0.0
        assert start(7.0) == 1000.0
    assert start(7.0) == 7.0


def test_of_many_stages_few_have_pictures(tmp_path):
    assert [shown_of(i) for i in range(8)] == [True] * 8
    assert sum(map(shown_of, range(0, 100, 2))) == 19
    # and what they cost is told
    case = named("vae")
    callback = Slow()
    simulacra.fit(
        case.build(), case.data(), out=tmp_path, options=options_of(case, epochs=2), callbacks=(callback,)
    )
    pictures, callback.loop.stage = SamplePictures(), case.build().stage(0, [])
    callback.loop.position.stage = 0
    assert pictures.seconds(callback.loop, 1.0) >= 2 * looks.DRAWING
    callback.loop.position.stage = 9  # the second of those beyond eight
    assert pictures.seconds(callback.loop, 1.0) == 0.0


# ---- requests to stop


def interrupted_validation(case, folder, at: int, **more):
    """A run that is asked to stop while it validates for the `at`-th time."""
    calls = []
    model, data = case.build(), case.data()
    own = model.elbo

    def elbo(*args, **known):
        calls.append(args)
        if len(calls) == at:
            os.kill(os.getpid(), signal.SIGTERM)
            list(range(1000))  # the handler runs between two instructions
            raise AssertionError("training did not answer")
        return own(*args, **known)

    vars(model)["elbo"] = elbo
    with pytest.raises(KeyboardInterrupt):
        simulacra.fit(model, data, out=folder, options=options_of(case, **more))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM for a single process")
def test_a_request_during_validation_is_answered_at_once_and_nothing_is_lost(tmp_path):
    case = named("vae")
    more = {"epochs": 4, "patience": 9, "validate": True}
    whole = simulacra.fit(case.build(), case.data(), out=tmp_path / "a", options=options_of(case, **more))
    interrupted_validation(case, tmp_path / "b", 2, **more)
    resumed = simulacra.resume(tmp_path / "b", data=case.data())
    assert not differing(state(whole.model), state(resumed.model))
    scores = [[row.get("valid_score") for row in run.metrics] for run in (whole, resumed)]
    assert scores[0] == scores[1] and len([s for s in scores[0] if s]) == 4
