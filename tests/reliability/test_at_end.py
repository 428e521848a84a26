"""What happens when training has ended is a callback, and there is one `fit` and one `resume`."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import simulacra
from contract.sets import real
from simulacra import api
from simulacra.training.state.kept_runs import fit_or_resume

SOURCE = Path(simulacra.__file__).parent
QUIET = {"epochs": 1, "progress": False}


class Ending:
    """A callback that keeps what it was given."""

    def __init__(self):
        self.steps, self.ends = 0, []

    def __call__(self, loop, epoch_ended):
        self.steps += 1

    def at_end(self, run, seconds):
        """Keeps the run and how long it took."""
        self.ends.append((run, seconds))


def ppca():
    """An untrained model of real triples."""
    return simulacra.VAE(simulacra.Real((3,)), latent=1, hidden=(5,))


def test_a_callback_is_given_the_run_when_training_has_ended(tmp_path):
    ending, plain = Ending(), []
    callbacks = (lambda loop, ended: plain.append(ended), ending)
    run = simulacra.fit(ppca(), real(3), out=tmp_path, callbacks=callbacks, **QUIET)
    assert ending.steps == len(plain) > 0 and len(ending.ends) == 1
    given, seconds = ending.ends[0]
    assert given is run and not run.model.training and 0 < seconds < 100
    resumed = simulacra.resume(tmp_path, data=real(3), callbacks=(ending,))
    assert [found for found, _ in ending.ends] == [run, resumed]


def test_the_doctors_look_is_set_in_one_place(tmp_path, monkeypatch):
    ending = Ending()
    monkeypatch.setattr(api, "DoctorsLook", lambda: ending)
    run = simulacra.fit(ppca(), real(3), out=tmp_path / "a", **QUIET)
    simulacra.fit(ppca(), real(3), out=tmp_path / "b", doctor=False, **QUIET)
    again = simulacra.resume(tmp_path / "a", data=real(3))
    fit_or_resume(ppca(), real(3), tmp_path / "c", **QUIET)
    assert [found for found, _ in ending.ends] == [run, again]


def test_the_command_line_trains_by_the_same_functions(tmp_path, monkeypatch):
    from simulacra.cli import main

    ending = Ending()
    monkeypatch.setattr(api, "DoctorsLook", lambda: ending)
    assert main(["train", "ppca", "ring", "--model.latent", "1", "--out", str(tmp_path / "run")]) == 0
    assert main(["train", "--resume", str(tmp_path / "run")]) == 0
    assert len(ending.ends) == 2


def test_there_is_one_function_of_each_name():
    named = {"fit": [], "resume": []}
    for path in SOURCE.rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            trains = isinstance(node, ast.FunctionDef) and node.args.kwonlyargs
            if trains and node.name in named:
                named[node.name].append(path.relative_to(SOURCE).as_posix())
    assert named == {"fit": ["api.py"], "resume": ["api.py"]}
    assert simulacra.fit is api.fit and simulacra.resume is sys.modules["simulacra.api"].resume
