"""One run folder, several trainings that begin at once or a move while it trains; metrics after a kill."""

from __future__ import annotations

import os
import sys
import time

import pytest

import simulacra
from contract.cases import named
from contract.harness import die, fork, in_child, train
from simulacra.cli.app import main
from simulacra.cli.options.plan import plan_of
from simulacra.cli.start import claimed
from simulacra.training import run as runs
from simulacra.training.run import locked
from simulacra.training.state.metrics import Metrics

pytestmark = [
    pytest.mark.fault("doors 1.7"),
    pytest.mark.skipif(sys.platform == "win32", reason="processes are forked, and open files moved"),
]


@pytest.fixture
def held(tmp_path):
    """A folder whose lock another process holds."""
    folder = tmp_path / "run"
    folder.mkdir()
    ready = tmp_path / "ready"
    pid = fork()
    if pid == 0:
        with locked(folder):
            ready.touch()
            time.sleep(60)
        os._exit(0)
    while not ready.exists():
        time.sleep(0.01)
    yield folder
    os.kill(pid, 9)
    os.waitpid(pid, 0)


def test_who_comes_second_leaves_nothing(held, capsys):
    assert main(["train", "ppca", "ring", "--model.latent", "1", "--out", str(held)]) == 2
    assert "another process is training" in capsys.readouterr().err
    assert [path.name for path in held.iterdir()] == ["lock"]


def test_of_many_that_begin_at_once_one_trains_and_its_plan_stands(tmp_path):
    folder = tmp_path / "run"
    data = simulacra.load_data("ring", limit=40)
    children = []
    for seed in range(6):
        pid = fork()
        if pid == 0:
            plan = plan_of("ppca", "ring", [("out", str(folder)), ("seed", str(seed))])
            try:
                with claimed(plan, data) as path:
                    time.sleep(0.3)
                    simulacra.fit(simulacra.PPCA(data.space, latent=1), data, out=path, seed=seed)
            except ValueError:
                os._exit(2)
            except BaseException:
                os._exit(3)
            os._exit(0)
        children.append(pid)
    codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
    assert sorted(codes) == [0, 2, 2, 2, 2, 2]
    winner = codes.index(0)
    assert simulacra.load_run(folder).config["options"]["seed"] == winner
    assert f"seed: {winner}" in (folder / "config.yaml").read_text(encoding="utf-8")


def test_a_lock_that_its_holder_removed_locks_nobody(tmp_path, monkeypatch):
    """Between opening the file and locking it the holder removes it, and a removed file locks nobody."""
    lock, removed = runs._lock, []

    def late(file):
        lock(file)
        if not removed:
            removed.append(True)
            (tmp_path / "lock").unlink()

    monkeypatch.setattr(runs, "_lock", late)
    with locked(tmp_path):
        assert removed
        # another opening of the file that stands there now cannot be locked
        with open(tmp_path / "lock", "a+", encoding="utf-8") as other, pytest.raises(OSError):
            lock(other)


def test_a_folder_that_is_moved_while_it_trains_is_named(tmp_path):
    folder, there = tmp_path / "run", tmp_path / "moved"
    data = simulacra.load_data("ring", limit=40)

    def move(loop, ended):
        if folder.exists():
            folder.rename(there)

    with (
        pytest.raises(ValueError, match="run is gone, moved or removed"),
        claimed(_plan(folder), data) as path,
    ):
        model = simulacra.VAE(data.space, latent=1, hidden=(4,))
        simulacra.fit(
            model, data, out=path, epochs=2, checkpoint_seconds=0.0, callbacks=(move,), progress=False
        )
    assert (there / "checkpoint.safetensors").is_file()
    with pytest.raises(ValueError, match="gone"), locked(folder):
        pass


def _plan(folder):
    return plan_of("vae", "ring", [("out", str(folder)), ("epochs", "2")])


@pytest.mark.parametrize("kill", [4, 5, 11])
def test_metrics_are_those_of_an_uninterrupted_run(kill, tmp_path):
    """A row is a mean over several steps, some of which were made before the checkpoint."""
    case = named("vae")
    settings = {"log_every": 3, "checkpoint_seconds": 0.0}
    rows = {}
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
    train(case, tmp_path / "whole", **settings)
    in_child(lambda: train(case, tmp_path / "killed", hook=_dies_after_saving(kill), **settings))
    train(case, tmp_path / "killed", init=99, resume=True, **settings)
    for name in ("whole", "killed"):
        kept = Metrics(tmp_path / name / "metrics.csv", 10**9)
        kept.close()
        rows[name] = [{k: v for k, v in row.items() if k != "seconds"} for row in kept.rows]
    assert len(rows["whole"]) > 3
    assert rows["whole"] == rows["killed"]


def _dies_after_saving(total_steps):
    def hook(loop):
        save = loop.save

        def save_and_die():
            save()
            if loop.position.total_steps == total_steps:
                die()

        loop.save = save_and_die

    return hook
