"""`kill -9` at any moment, then on from the checkpoint: the final weights are equal bit for bit.

Each run goes on in a model that was initialized by another seed, so that nothing of the result can
come from the initial weights; the process that dies is a forked one, killed by the kernel.
"""

from __future__ import annotations

import random
import signal
import time
from functools import partial

import pytest

from contract.cases import Case, named
from contract.declared import declared, supports
from contract.harness import (
    NAME,
    differing,
    in_child,
    killed_after_save,
    killed_at,
    killed_in_start,
    position,
    stages_of,
    state,
    train,
    trained,
)
from contract.representatives import move_represented, represented
from simulacra.core.capabilities.general import HasBound, HasDensity
from simulacra.training.callbacks.validation import validation_score

OFTEN, RARELY = 0.0, 1e9
FRESH = 99  # seed of the weights into which a run is resumed


def moves(case: Case) -> bool:
    """Say whether the case takes steps in which it can be killed."""
    return declared(case.name).moves


def staged(case: Case) -> bool:
    """Say whether a stage of the case follows another one."""
    return moves(case) and len(declared(case.name).stages) > 1


def starts(case: Case, stage: int) -> bool:
    """Say whether a stage of the case begins with work of its own."""
    stages = declared(case.name).stages
    return len(stages) > stage and "start" in stages[stage]


def scored(case: Case) -> bool:
    """Say whether the case has a score by which training can stop early."""
    return moves(case) and supports(case.name, HasBound, HasDensity)


def resumes(case: Case, folder, hook, expected, spent=None, **settings) -> None:
    """Train in a process that `hook` (or the CPU time spent) kills; go on here; compare with `expected`."""
    folder.mkdir()
    ended_by = in_child(lambda: train(case, folder, hook=hook, **settings), spent)
    assert spent is not None or ended_by == signal.SIGKILL
    resumable = (folder / NAME).exists()
    assert resumable or spent is not None
    model = train(case, folder, init=FRESH if resumable else 0, resume=resumable, **settings)
    assert not differing(expected, state(model))
    assert not model.training


def moments(case: Case, n: int) -> list[int]:
    """Steps at which to die: inside the first epoch, inside the last stage, and at random."""
    past = stages_of(case)
    total = sum(stage["steps"] for stage in past)
    some = random.Random(case.name)
    others = [step for step in range(1, total - 1) if step != 2]
    return [2, total - 1, *some.sample(others, n - 2)]


@move_represented(where=moves)
def test_killed_with_frequent_checkpoints(case, tmp_path):
    expected = state(trained(case))
    for step in moments(case, 3):
        resumes(case, tmp_path / f"{step}", killed_at(step), expected, checkpoint_seconds=OFTEN)


@move_represented(where=moves)
def test_killed_with_rare_checkpoints_and_an_average(case, tmp_path):
    settings = {"checkpoint_seconds": RARELY, "ema": 0.8}
    expected = state(train(case, **settings))
    resumes(case, tmp_path / "rare", killed_at(moments(case, 3)[1]), expected, **settings)
    often = settings | {"checkpoint_seconds": OFTEN}
    resumes(case, tmp_path / "often", killed_at(moments(case, 3)[2]), expected, **often)


@move_represented(where=scored)
@pytest.mark.parametrize("ema", [None, 0.8], ids=["weights", "average"])
def test_killed_with_early_stopping(case, ema, tmp_path):
    # far steps make the score fall: the run stops early and keeps other weights than the last
    settings = {"checkpoint_seconds": OFTEN, "patience": 1, "ema": ema, "lr": 0.3}
    (tmp_path / "whole").mkdir()
    expected = state(train(case, tmp_path / "whole", **settings))
    resumes(case, tmp_path / "a", killed_at(3), expected, **settings)
    folder = tmp_path / "b"
    folder.mkdir()
    # dead on the checkpoint that says that patience is at its end: not one step more is made
    stopping = killed_after_save(lambda loop: loop.position.worse >= 1)
    if in_child(lambda: train(case, folder, hook=stopping, **settings)):
        assert not differing(expected, state(train(case, folder, init=FRESH, resume=True, **settings)))
        assert position(folder)["past"] == position(tmp_path / "whole")["past"]


@move_represented(where=lambda case: moves(case) and not case.coupled)
def test_killed_with_accumulation(case, tmp_path):
    settings = {"checkpoint_seconds": OFTEN, "accumulate": 2, "clip": 1.0}
    expected = state(train(case, **settings))
    resumes(case, tmp_path / "a", killed_at(moments(case, 3)[2]), expected, **settings)


@represented(where=staged)
def test_killed_at_the_very_end_of_a_stage(case, tmp_path):
    expected = state(trained(case))
    last = killed_after_save(lambda loop: loop.position.step == loop.total > 0)
    resumes(case, tmp_path / "a", last, expected, checkpoint_seconds=OFTEN)


@represented(where=lambda case: starts(case, 0))
def test_killed_within_a_start(case, tmp_path):
    resumes(case, tmp_path / "a", killed_in_start(0), state(trained(case)), checkpoint_seconds=OFTEN)


@represented(where=lambda case: staged(case) and starts(case, 1))
def test_killed_within_a_later_start(case, tmp_path):
    resumes(case, tmp_path / "a", killed_in_start(1), state(trained(case)), checkpoint_seconds=RARELY)


@represented(where=moves)
def test_killed_at_a_random_moment(case, tmp_path):
    began = time.process_time()
    expected = state(train(case, tmp_path, checkpoint_seconds=OFTEN))
    whole = time.process_time() - began
    moment = random.Random(f"moment of {case}").uniform(0.1, 1.0) * whole
    resumes(case, tmp_path / "a", lambda loop: None, expected, spent=moment, checkpoint_seconds=OFTEN)


def test_killed_again_and_again(tmp_path):
    """A run that dies every few steps still arrives, from other initial weights at each attempt."""
    case, deaths = named("growing"), 0
    expected = state(trained(case))
    in_child(lambda: train(case, tmp_path, hook=killed_at(4), checkpoint_seconds=OFTEN))
    while not position(tmp_path)["finished"]:
        deaths += 1
        go_on = partial(train, case, tmp_path, init=FRESH + deaths, resume=True, checkpoint_seconds=OFTEN)
        in_child(partial(go_on, hook=killed_at(position(tmp_path)["total_steps"] + 4)))
    assert deaths > 5
    assert not differing(expected, state(train(case, tmp_path, init=FRESH, resume=True)))


@pytest.mark.parametrize("ema", [None, 0.8], ids=["weights", "average"])
@pytest.mark.parametrize("name", ["vae/real", "rbm"])
def test_early_stopping_keeps_the_best_weights(name, ema):
    """The score of what is kept is the best that was seen."""
    case, loops, scores = named(name), [], []

    def hook(loop) -> None:
        loops.append(loop)
        judge = loop.validator.judge
        loop.validator.judge = lambda *arguments: scores.append(judge(*arguments)) or scores[-1]

    model = train(case, hook=hook, patience=2, epochs=8, lr=0.3, ema=ema)
    assert max(scores) > scores[-1] and len(scores) == scores.index(max(scores)) + 3
    assert validation_score(model, case.data().valid, 0) == max(scores)


def test_what_the_stages_recorded_is_the_same(tmp_path):
    """A later stage may depend on it: also when the run died on the last checkpoint of a stage."""
    case = named("growing")
    last = killed_after_save(lambda loop: loop.position.step == loop.total)
    in_child(lambda: train(case, tmp_path, hook=last, checkpoint_seconds=OFTEN))
    train(case, tmp_path, init=FRESH, resume=True)
    past = position(tmp_path)["past"]
    assert past == stages_of(case)
    assert all(stage["terms"].keys() == {"D/real", "D/fake", "G/loss"} for stage in past)


def test_metrics_are_cut_back_to_the_checkpoint(tmp_path):
    """Each step has one row, though some steps were done twice."""
    case = named("vae")
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    settings = {"log_every": 1, "checkpoint_seconds": RARELY}
    train(case, tmp_path / "a", **settings)
    in_child(lambda: train(case, tmp_path / "b", hook=killed_at(11), **settings))
    train(case, tmp_path / "b", init=FRESH, resume=True, **settings)
    a, b = (_rows(tmp_path / name / "metrics.csv") for name in "ab")
    assert a == b


def _rows(path):
    import csv

    with open(path, newline="", encoding="utf-8") as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]
