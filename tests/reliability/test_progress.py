"""One progress object is written by training and by scores; a bar, a log line and a file show it."""

from __future__ import annotations

import io
import json
import logging
import sys
from pathlib import Path

import pytest

import simulacra
from simulacra.core.progress import display as shown
from simulacra.core.progress import tasks as module
from simulacra.core.progress.display import Bar, ProgressFile, Said, goal, sinks
from simulacra.core.progress.estimates import estimated
from simulacra.core.progress.tasks import each, showing, stage
from simulacra.core.storage.files import read_json

pytestmark = pytest.mark.fault("scores 3.4")


class Clock:
    """A clock that a test moves."""

    def __init__(self, monkeypatch):
        self.now = 100.0
        for name in ("perf_counter", "monotonic"):
            monkeypatch.setattr(module.time, name, lambda: self.now)

    def steps(self, progress, n: int, each: float) -> None:
        """n steps of so many seconds."""
        for _ in range(n):
            self.now += each
            progress.advance()


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


class Log:
    """A sink that keeps what it is told."""

    def __init__(self):
        self.told = []

    def begun(self, progress):
        self.told.append(("begun", progress.stage))

    def moved(self, progress):
        self.told.append((progress.stage, progress.step))

    def ended(self, progress):
        self.told.append(("ended", progress.stage))


# ---- the object


def test_the_time_left_is_by_the_pace_without_the_first_step(clock):
    with stage("work", total=50) as progress:
        assert progress.seconds_left is None and not progress.known
        clock.steps(progress, 1, 1.5)
        clock.steps(progress, 9, 0.125)
        assert progress.seconds_left == pytest.approx(40 * 0.125)
        assert progress.whole == pytest.approx(50 * 0.125)
        assert not progress.known
        clock.steps(progress, 11, 0.125)
        assert progress.known
    assert progress.json() == {
        "stage": "work",
        "step": 21,
        "total": 50,
        "seconds_left": 3.6,
        "message": "",
    }


def test_a_resumed_stage_goes_by_its_own_steps(clock):
    with stage("work", total=100, step=90) as progress:
        clock.steps(progress, 5, 2.0)
        assert progress.seconds_left == pytest.approx(10) and progress.whole == pytest.approx(20)


def test_deep_loops_tell_whoever_is_shown_and_nobody_else():
    log = Log()
    with showing(log), stage("outer", total=1) as outer:
        assert list(each("ab", "inner")) == ["a", "b"]
        outer.advance()
    told = [("begun", "outer"), ("begun", "inner"), ("inner", 1), ("inner", 2), ("ended", "inner")]
    assert log.told == [*told, ("outer", 1), ("ended", "outer")]
    list(each("ab", "alone"))
    assert len(log.told) == 7


def test_a_loop_that_is_broken_off_is_nobodys_parent():
    loop = each(range(3), "broken off")
    next(loop)
    with stage("outer") as outer:
        pass
    with stage("later") as later:
        assert outer.over and later.parent is not None and later.parent.stage == "broken off"
    loop.close()
    with stage("last") as last:
        assert last.parent is None


def test_an_action_is_broken_off_when_its_time_is_known(clock):
    made = []

    def action():
        with stage("outer", total=40) as outer:
            for _ in range(4):
                outer.part = 10
                for step in each(range(1000), "inner"):
                    clock.now += 0.25
                    made.append(step)
                outer.advance(10)

    assert estimated(action) == pytest.approx(4 * 1000 * 0.25)
    assert len(made) < 25
    assert estimated(lambda: None) == 0.0


# ---- what is said


def test_what_takes_more_than_five_seconds_is_said_once_and_beforehand(clock, caplog):
    with caplog.at_level(logging.INFO, "simulacra"), showing(Said()):
        with stage("annealing", total=30) as progress:  # a short first run
            clock.steps(progress, 25, 0.1)
        for _ in range(2):
            with stage("annealing", total=1000, unit="temperature", beside=lambda s: s / 2) as progress:
                clock.steps(progress, 25, 0.1)
        with stage("short", total=40) as progress:
            clock.steps(progress, 30, 0.1)
    assert [record.getMessage() for record in caplog.records] == [
        "annealing: about 2 min for 1,000 temperatures"
    ]


def test_one_slow_step_is_enough_to_say_it(clock, caplog):
    with caplog.at_level(logging.INFO, "simulacra"), showing(Said()), stage("rows", total=4) as progress:
        clock.steps(progress, 1, 30.0)
    assert caplog.records[0].getMessage() == "rows: about 2 min for 4 steps"


@pytest.mark.parametrize(
    ("total", "unit", "said"),
    [(1, "row", "1 row"), (1200, "entry", "1,200 entries"), (None, "row", "all of it")],
)
def test_the_goal_is_in_words(total, unit, said):
    with stage("work", total=total, unit=unit) as progress:
        assert goal(progress) == said


def test_the_file_is_whole_and_written_once_a_second(clock, tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr(shown, "write_json", lambda path, content: written.append((path.name, dict(content))))
    with showing(ProgressFile(tmp_path)), stage("work", total=100) as progress:
        clock.steps(progress, 40, 0.125)
    assert {name for name, _ in written} == {"progress.json"}
    # 5 seconds, and how it ended
    assert [content["step"] for _, content in written] == [1, 9, 17, 25, 33, 40]


def test_a_part_is_told_in_the_message_of_the_whole(tmp_path):
    with showing(ProgressFile(tmp_path)), stage("train", total=7, step=3):
        list(each(range(5), "validation", "row"))
        content = read_json(tmp_path / "progress.json")
    assert (content["stage"], content["step"]) == ("train", 3)
    assert content["message"] == "validation: 1 of 5 rows"


def test_of_steps_that_are_not_alike_nothing_is_foretold(clock, tmp_path, caplog):
    with caplog.at_level(logging.INFO, "simulacra"), showing(Said(), ProgressFile(tmp_path)):
        for _ in each("abc", "measures", "measure", even=False):
            clock.now += 30
            with stage("scores", total=8) as progress:
                clock.steps(progress, 3, 2.0)
    assert [record.getMessage() for record in caplog.records] == ["scores: about 16 s for 8 steps"]
    content = read_json(tmp_path / "progress.json")
    assert (content["stage"], content["step"], content["seconds_left"]) == ("measures", 3, None)


def test_a_full_disk_stops_nobody(tmp_path):
    with showing(ProgressFile(tmp_path / "gone")):
        assert len(list(each(range(3), "work"))) == 3


class Terminal(io.StringIO):
    """Standard error of somebody who looks."""

    def isatty(self) -> bool:
        return True


def test_a_bar_comes_for_what_is_long_and_shows_the_message(clock, monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    with showing(Bar(wait=1.0)):
        with stage("short", total=10) as progress:
            clock.steps(progress, 9, 0.1)
        assert screen.getvalue() == ""
        with stage("long", total=10) as progress:
            clock.steps(progress, 8, 0.5)
            progress.at(9, "loss=1.2")
    assert "long" in screen.getvalue() and "/10" in screen.getvalue()
    assert len(sinks(None)) == 2
    monkeypatch.undo()
    assert [type(sink) for sink in sinks(Path(), show=False)] == [Said, ProgressFile]


def test_nothing_is_shown_by_a_library_that_nobody_asked(capsys):
    model = simulacra.RBM(simulacra.Binary((5,)), hidden=3, burn_in=7)
    model.sample(3)
    assert capsys.readouterr() == ("", "")
    assert json.dumps(module.Progress("x", None).json())
