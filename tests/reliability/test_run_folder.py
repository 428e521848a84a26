"""A run folder belongs to one run and one process; what does not fit is refused in one sentence."""

from __future__ import annotations

import json
import os
import pickle
import signal
import time

import pytest
import torch

import simulacra
from contract.cases import CATALOGUED, classes, named, real
from contract.harness import NAME, die, differing, fork, in_child, options_of, stages_of, state
from contract.representatives import move_represented
from simulacra.core.preprocessing.chain import Preprocessing
from simulacra.core.preprocessing.transforms import Affine
from simulacra.data.dataset import Dataset
from simulacra.data.sources.tensors import from_tensors
from simulacra.training.run import locked

CASE = named("vae")


def fit(folder, case=CASE, **settings):
    """The case through the public function."""
    callbacks = settings.pop("callbacks", ())
    options = options_of(case, **settings)
    return simulacra.fit(case.build(), case.data(), out=folder, options=options, callbacks=callbacks)


def snapshot(folder) -> dict[str, bytes]:
    """Every file's content."""
    return {p.name: p.read_bytes() for p in folder.iterdir()}


@pytest.fixture
def finished(tmp_path):
    """The folder of a finished run."""
    fit(tmp_path / "run")
    return tmp_path / "run"


def kill_at_7(loop, ended) -> None:
    """A callback that ends the process as `kill -9` does."""
    if loop.position.total_steps == 7:
        die()


@move_represented(CATALOGUED)
def test_fit_and_resume_of_the_whole_catalogue(case, tmp_path):
    """Through the public functions: the model is rebuilt from its configuration alone."""
    settings = {"checkpoint_seconds": 0.0}
    expected = state(fit(tmp_path / "a", case, **settings).model)
    ended = in_child(lambda: fit(tmp_path / "b", case, callbacks=(kill_at_7,), **settings))
    assert ended == (signal.SIGKILL if stages_of(case)[0]["steps"] else 0)
    run = simulacra.resume(tmp_path / "b", data=case.data())
    assert not differing(expected, state(run.model))
    assert not differing(expected, state(simulacra.load(tmp_path / "b")))


def test_a_folder_that_holds_a_run_is_refused(finished):
    before = snapshot(finished)
    with pytest.raises(ValueError, match="already holds a run; go on with"):
        fit(finished)
    assert snapshot(finished) == before


def test_resuming_a_finished_run_changes_nothing(finished):
    before = state(simulacra.load(finished))
    simulacra.resume(finished, data=CASE.data())
    assert not differing(before, state(simulacra.load(finished)))


def test_two_processes_on_one_folder(tmp_path):
    """The second gets one sentence; the first is not disturbed; its death frees the folder."""
    folder, ready = tmp_path / "run", tmp_path / "ready"

    def wait(loop, ended) -> None:
        if loop.position.total_steps == 7:
            ready.touch()
            time.sleep(600)

    pid = fork()
    if pid == 0:
        fit(folder, callbacks=(wait,), checkpoint_seconds=0.0)
    try:
        while not ready.exists():
            time.sleep(0.01)
        for attempt in (lambda: fit(folder), lambda: simulacra.resume(folder, data=CASE.data())):
            with pytest.raises(ValueError, match="another process is training in"):
                attempt()
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    run = simulacra.resume(folder, data=CASE.data())
    assert not differing(state(fit(tmp_path / "alone").model), state(run.model))


def test_what_a_killed_process_wrote_aside_is_removed(finished):
    (finished / f".{NAME}.123.part").write_bytes(b"half")
    with locked(finished):
        assert not list(finished.glob(".*"))


# ---- resuming with what does not belong


def test_other_rows_are_refused(finished):
    before = snapshot(finished)
    x = CASE.data().train.x.clone()
    x[3, 3] = 1 - x[3, 3]
    other = from_tensors(x, CASE.data().space, valid=0.0, test=0.0)
    with pytest.raises(ValueError, match="the training rows of tensors are not those"):
        simulacra.resume(finished, data=other)
    assert snapshot(finished) == before


def test_other_preprocessing_is_refused(tmp_path):
    case = named("vae/real")
    fit(tmp_path / "run", case)
    data = case.data()
    chain = Preprocessing(data.space, (Affine((0.0,), (2.0,)),))
    splits = {name: type(s)(s.x, chain) for name, s in data.splits.items()}
    with pytest.raises(ValueError, match="is prepared as standardized"):
        simulacra.resume(tmp_path / "run", data=Dataset("real", splits, chain))


def test_data_from_memory_must_be_passed(finished):
    with pytest.raises(ValueError, match="pass them, as in resume"):
        simulacra.resume(finished)


def damage(folder, change) -> None:
    """Change the configuration's content."""
    path = folder / "config.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.pop("options"),
        lambda c: c.pop("arguments"),
        lambda c: c.pop("preprocessing"),
        lambda c: c.update(model=3),
        lambda c: c.update(model="nonesuch"),
        lambda c: c.update(format="x"),
        lambda c: c.update(format=99),
        lambda c: c["arguments"].pop("space"),
        lambda c: c["arguments"].update(unknown=1),
        lambda c: c["options"].update(unknown=1),
        lambda c: c["options"].update(epochs=-1),
        lambda c: c["preprocessing"].pop("raw"),
        lambda c: c["data"].pop("digest"),
    ],
)
def test_a_damaged_configuration_is_refused(change, finished):
    damage(finished, change)
    before = snapshot(finished)
    with pytest.raises(ValueError) as error:
        simulacra.resume(finished, data=CASE.data())
    assert len(str(error.value).splitlines()) == 1 and len(str(error.value)) > 20
    assert snapshot(finished) == before


@pytest.mark.parametrize("text", ["", "{", "[]", "\x00\x01", '{"a": 1}'])
def test_a_configuration_that_is_none_is_refused(text, finished):
    (finished / "config.json").write_text(text)
    for attempt in (lambda: simulacra.resume(finished), lambda: simulacra.load(finished)):
        with pytest.raises(ValueError, match=r"config.json"):
            attempt()


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(ValueError, match="neither a run nor a saved model"):
        simulacra.resume(tmp_path)
    CASE.build().save(tmp_path / "model")
    with pytest.raises(ValueError, match="a saved model, not a run"):
        simulacra.resume(tmp_path / "model")


def test_a_run_that_has_not_finished_is_no_model(tmp_path):
    assert in_child(lambda: fit(tmp_path / "run", callbacks=(kill_at_7,))) == signal.SIGKILL
    with pytest.raises(ValueError, match="its training has not finished"):
        simulacra.load(tmp_path / "run")


# ---- runs that never begin leave the folder free


@pytest.mark.parametrize(
    "case, settings, said",
    [
        ("gan", {"patience": 2}, "gives no validation score"),
        ("vae", {"accumulate": 300, "batch_size": 400}, "do not fill"),
    ],
)
def test_a_refused_run_leaves_nothing(case, settings, said, tmp_path):
    with pytest.raises(ValueError, match=said):
        fit(tmp_path / "run", named(case), **settings)
    left = {p.name for p in (tmp_path / "run").iterdir()} if (tmp_path / "run").exists() else set()
    assert left <= {"lock"}
    fit(tmp_path / "run", named(case))


def test_spaces_that_do_not_fit_are_refused(tmp_path):
    model = named("vae/real").build()
    with pytest.raises(ValueError, match="was built for"):
        simulacra.fit(model, real(3), out=tmp_path / "run")
    conditional = named("vae/conditional").build()
    with pytest.raises(ValueError, match="needs a condition"):
        simulacra.fit(conditional, real(3), out=tmp_path / "run")
    assert classes(3).condition is not None and not (tmp_path / "run").exists()


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="cannot be made"):
        fit(tmp_path / "file" / "run")


# ---- no pickle


def test_no_pickle_is_read_or_written(tmp_path, monkeypatch):
    def forbidden(*arguments, **more):
        raise AssertionError("pickle was used")

    for name in ("load", "loads", "dump", "dumps", "Unpickler", "Pickler"):
        monkeypatch.setattr(pickle, name, forbidden)
    for name in ("load", "save"):
        monkeypatch.setattr(torch, name, forbidden)
    settings = {"checkpoint_seconds": 0.0, "ema": 0.8, "patience": 2}
    assert in_child(lambda: fit(tmp_path / "run", callbacks=(kill_at_7,), **settings)) == signal.SIGKILL
    simulacra.resume(tmp_path / "run", data=CASE.data())
    simulacra.load(tmp_path / "run").sample(3)
    kinds = {p.suffix for p in (tmp_path / "run").iterdir()}
    assert kinds <= {".json", ".csv", ".safetensors", ""}
