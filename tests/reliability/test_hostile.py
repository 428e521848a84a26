"""1,000 malformed files and 500 odd options are read or refused in one sentence, within limits.

Each is tried in a forked process (`hostile.reading`): no traceback, at most 30 s of CPU time and 1.5 GB of
memory, and after a refusal nothing is left half-written. The quick tier tries every twentieth.
"""

from __future__ import annotations

import shutil
import sys

import pytest
import torch
from PIL import Image

import simulacra
from contract.representatives import quick
from reliability.hostile.malformed import BOMBS, malformed
from reliability.hostile.odd_options import odd_option
from reliability.hostile.reading import forked
from reliability.hostile.run_files import spoil
from reliability.hostile.samples import samples, sound, table
from simulacra.api import resume
from simulacra.evaluation.report import read_report
from simulacra.training.fit import load_run

FEW = ("gzipped line", "nested music", "picture", "ragged music")

pytestmark = [
    pytest.mark.fault("doors 1.7"),
    pytest.mark.skipif(sys.platform != "linux", reason="limits and counts the memory of forked processes"),
]

FILES, RUNS, OPTIONS = 700, 300, 500
QUICK = 20  # every so many in the quick tier
FINISHED = ("checkpoint", "config", "model", "report", "scores")
HALF = ("checkpoint.safetensors", "config.json")


def some(count: int):
    """Groups of numbers: a few for the quick tier, and all."""
    return [
        pytest.param(range(0, count, QUICK), id="some"),
        pytest.param(range(count), id="all", marks=[pytest.mark.slow, pytest.mark.thorough]),
    ]


def content_of(folder):
    """Every file with its bytes, but the lock."""
    return {p.name: p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.name != "lock"}


@pytest.fixture(scope="module", autouse=True)
def imported(tmp_path_factory):
    """What readers import stands in memory before processes are forked."""
    for name, content in samples().items():
        _load(tmp_path_factory.mktemp("valid"), name, content, "/")


def _load(folder, name, content, answers):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    given = path.parent if "/" in name else path
    work = lambda: simulacra.load_data(given, validation=0, test=0)
    if answers == "/":
        if path.suffix not in (".mid", ".txt"):
            work()
        return None
    return forked(work, answers)


@pytest.mark.parametrize("numbers", some(FILES))
def test_malformed_files_are_read_or_refused(numbers, tmp_path):
    faults, valid = {}, samples()
    for number in numbers:
        name, content = malformed(number, valid)
        outcome = _load(tmp_path / str(number), name, content, tmp_path / "answer")
        left = content_of(tmp_path / str(number))
        assert list(left.values()) == [content]
        if outcome.fault:
            faults[number, name] = outcome.fault
    assert not faults


@pytest.mark.parametrize("name", quick(BOMBS, FEW.__contains__))
def test_files_that_unpack_to_gigabytes_are_refused(name, tmp_path):
    file, make = BOMBS[name]
    outcome = _load(tmp_path, file, make(), tmp_path / "answer")
    assert outcome.fault is None
    assert outcome.ended == "refused"


@pytest.mark.thorough
def test_a_refused_file_is_read_with_the_memory_that_is_suggested(tmp_path):
    path = tmp_path / "long.csv.gz"
    import gzip

    path.write_bytes(gzip.compress(b"1\n0\n" * (2**20 + 2**19), mtime=0))
    with pytest.raises(ValueError, match=r"load it with memory=2\."):
        simulacra.load_data(path)
    assert (
        forked(lambda: simulacra.load_data(path, memory=2, limit=1000), tmp_path / "answer").ended
        == "returned"
    )


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A finished run with its report, and one that stopped after three steps."""
    home = tmp_path_factory.mktemp("runs")
    data = simulacra.load_data("digits", limit=40, binarize="static")
    model = lambda: simulacra.VAE(data.space, latent=2, hidden=(8,))
    run = simulacra.fit(model(), data, out=home / "done", epochs=2, progress=False)
    simulacra.evaluate(run).write(home / "done")

    def stop(loop, ended):
        if loop.position.total_steps == 3:
            raise RuntimeError

    with pytest.raises(RuntimeError):
        settings = {"epochs": 2, "batch_size": 10, "progress": False, "checkpoint_seconds": 0.0}
        simulacra.fit(model(), data, out=home / "half", callbacks=(stop,), **settings)
    return home


def _use(folder):
    load_run(folder)
    read_report(folder)


@pytest.mark.parametrize("numbers", some(RUNS))
def test_runs_with_odd_entries_are_read_or_refused(numbers, runs, tmp_path):
    faults = {}
    finished = tuple(sorted(p.name for p in (runs / "done").iterdir() if p.name.split(".")[0] in FINISHED))
    finished = tuple(name for name in finished if not name.endswith(".md"))
    for number in numbers:
        folder = tmp_path / str(number)
        half = number % 2
        shutil.copytree(runs / ("half" if half else "done"), folder)
        how = spoil(number // 2, folder, HALF if half else finished)
        before = content_of(folder)
        outcome = forked(
            (lambda f=folder: resume(f)) if half else (lambda f=folder: _use(f)), tmp_path / "answer"
        )
        if outcome.fault:
            faults[number, how] = outcome.fault
        assert not [name for name in content_of(folder) if name.endswith(".part")]
        if outcome.ended == "refused" and "not finite" not in outcome.said:
            assert content_of(folder) == before, (number, how, outcome.said)
        shutil.rmtree(folder)
    assert not faults


@pytest.mark.parametrize("numbers", some(OPTIONS))
def test_odd_options_are_taken_or_refused(numbers, tmp_path):
    given = _data(tmp_path)
    ring = simulacra.load_data("ring", limit=40)
    faults = {}
    for number in numbers:
        owner, name, value = odd_option(number)
        out = tmp_path / f"run-{number}"
        if owner == "fit":
            outcome = forked(lambda o={name: value}, f=out: _fit(ring, f, o), tmp_path / "answer")
        else:
            outcome = forked(lambda o={name: value}: _load_each(given, o), tmp_path / "answer")
        if outcome.fault:
            faults[number, owner, name, repr(value)[:40]] = outcome.fault
        # a training that diverges may have written its first checkpoint
        if outcome.ended == "refused" and "not finite" not in outcome.said and out.exists():
            assert not content_of(out), (name, value)
    assert not faults


def _data(folder):
    """A table, images, recordings, and a toy."""
    (folder / "table.csv").write_bytes(table())
    for kind in ("images", "sounds"):
        (folder / kind).mkdir()
    for i in range(6):
        Image.new("RGB", (8, 8), (i, 0, 0)).save(folder / "images" / f"{i}.png")
        (folder / "sounds" / f"{i}.wav").write_bytes(sound("WAV"))
    return [folder / "table.csv", folder / "images", folder / "sounds", "ring"]


def _fit(data, folder, odd):
    torch.set_num_threads(1)
    usual = {"epochs": 1, "progress": False, "batch_size": 20}
    simulacra.fit(simulacra.VAE(data.space, latent=1, hidden=(4,)), data, out=folder, **{**usual, **odd})


def _load_each(given, odd):
    """Load all of them; the last refusal is raised."""
    refused = None
    for path in given:
        try:
            simulacra.load_data(path, **odd)
        except ValueError as error:
            refused = error
    if refused is not None:
        raise refused
