"""Killed at any instant at which it writes, a command leaves the old result or the new one."""

import json
import shutil
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import simulacra
from simulacra.cli import main
from simulacra.core.storage.files import read_tensors
from simulacra.evaluation.report import read_report

from .killed_at import Once

scoring = import_module("simulacra.evaluation.evaluate")  # the package has a function of that name, too

pytestmark = [
    pytest.mark.fault("doors 1.2"),
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork"),
]
SCRIPT = Path(__file__).parent / "killed_at.py"
UNDISTURBED, LAST = 10**6, 8  # number of a run that is left alone, and instants of the others
AGAIN = ["evaluate", "run", "--k", "7"]
LESS = pytest.mark.thorough  # a process for each instant, or a case that writes as another does


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A folder with an evaluated run."""
    root = tmp_path_factory.mktemp("template")
    data = simulacra.load_data("ring")
    model = simulacra.VAE(data.space, latent=1, hidden=(5,))
    simulacra.fit(model, data, out=root / "run", epochs=0.1, doctor=False, progress=False)
    simulacra.evaluate(simulacra.load_run(root / "run"), k=5)
    return root


@pytest.fixture
def killed(tmp_path, template, monkeypatch):
    """`killed("evaluate", ...)` gives the folders of all instants, and what the undisturbed one touched."""

    def run(*words, before=template):
        shutil.copytree(before, tmp_path / "before")
        command = [sys.executable, str(SCRIPT), str(tmp_path), *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=900)
        assert done.returncode == 0, done.stderr
        events = json.loads(done.stdout.splitlines()[-1])
        last = len([path for path in tmp_path.iterdir() if path.name.isdecimal()]) - 1
        whole_only(events)
        return [tmp_path / str(n) for n in range(last)], tmp_path / str(last)

    return run


@pytest.fixture
def killed_alone(tmp_path, template):
    """As `killed`, of the last instants, each in a process of its own."""

    def attempt(n, words):
        command = [sys.executable, str(SCRIPT), str(tmp_path), str(n), *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, timeout=300).returncode

    def run(*words, before=template):
        shutil.copytree(before, tmp_path / "before")
        assert attempt(UNDISTURBED, words) == 0
        events = json.loads((tmp_path / "events.json").read_text("utf-8"))
        whole_only(events)
        instants = range(max(0, len(events) - LAST), len(events))
        assert [attempt(n, words) for n in instants] == [-signal.SIGKILL] * len(instants)
        return [tmp_path / str(n) for n in instants], tmp_path / str(UNDISTURBED)

    return run


def whole_only(events):
    """Nothing is written where a reader looks: files are made aside and put in place.

    Metrics are appended to, and a resume brings them back to its checkpoint.
    """
    opened = {Path(path) for event, path in events if event == "open"}
    aside = lambda path: any(part.startswith(".") and part.endswith(".part") for part in path.parts)
    assert [path for path in opened if not aside(path) and path.name not in ("lock", "metrics.csv")] == []


def again(folder, *words):
    """The command in a folder where another one was killed."""
    with pytest.MonkeyPatch.context() as now:
        now.chdir(folder)
        return main([str(word) for word in words])


def same(report, other):
    """True if two reports hold the same numbers and scores."""
    scores = all(e.values.equal(other.estimates[name].values) for name, e in report.estimates.items())
    return report.json() == other.json() and scores


@pytest.mark.thorough
def test_evaluate_leaves_the_old_report_or_the_new_one(killed, template, monkeypatch):
    # all folders hold the same run: its evidence is computed once
    monkeypatch.setattr(scoring, "examined", Once(scoring.examined))
    folders, done = killed(*AGAIN)
    old, new = read_report(template / "run"), read_report(done / "run")
    assert not same(old, new) and len(folders) > 10
    kinds = []
    for folder in folders:
        simulacra.load_run(folder / "run")
        found = read_report(folder / "run")
        assert same(found, old) or same(found, new), folder
        kinds.append(same(found, new))
        assert (folder / "run" / "report.md").read_text("utf-8") == found.page()
        assert again(folder, *AGAIN) == 0 and same(read_report(folder / "run"), new)
    assert again(folders[len(folders) // 2], "compare", "run", "run") == 0
    # once the new report is there it stays
    assert kinds == sorted(kinds) and 0 < sum(kinds) < len(kinds)


@LESS
def test_a_training_goes_on_to_the_same_weights(killed_alone, tmp_path_factory):
    words = ["train", "ppca", "ring", "--model.latent", "1", "--out", "run"]
    folders, done = killed_alone(*words, before=tmp_path_factory.mktemp("empty"))
    expected = read_tensors(done / "run" / "model.safetensors")[0]
    for folder in folders:
        if (folder / "run" / "model.safetensors").is_file():
            simulacra.load_run(folder / "run")
        begun = (folder / "run" / "config.json").is_file()
        assert again(folder, *(["train", "--resume", "run"] if begun else words)) == 0, folder
        found = read_tensors(folder / "run" / "model.safetensors")[0]
        assert all(found[name].equal(expected[name]) for name in expected)
        assert not any(folder.glob("run/.*.part"))


@LESS
def test_explore_leaves_whole_pictures(killed_alone):
    # without a limit of time every run draws the same pictures
    words = ("explore", "run", "--budget", "none")
    folders, done = killed_alone(*words)
    names = sorted(path.relative_to(done) for path in done.rglob("*.png"))
    assert names
    for folder in folders:
        for path in folder.rglob("[!.]*.png"):
            Image.open(path).load()
    assert again(folders[-1], *words) == 0
    assert sorted(path.relative_to(folders[-1]) for path in folders[-1].rglob("[!.]*.png")) == names


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=LESS) for name in ("x.csv", "x.npy", "x.npz", "x.png")]
)
def test_sample_leaves_a_whole_file_or_none(killed_alone, name):
    words = ["sample", "run", "--n", "3", "--seed", "1", "--out", name]
    folders, done = killed_alone(*words)
    expected = content(done / name)
    for folder in folders:
        assert not (folder / name).exists() or content(folder / name) == expected
        assert again(folder, *words) == 0 and content(folder / name) == expected


def content(path):
    """What a file says: an archive has the time in it."""
    if path.suffix == ".npz":
        return np.load(path)["x"].tolist()
    return path.read_bytes()


@LESS
def test_sample_leaves_a_whole_folder_or_none(killed_alone, tmp_path_factory):
    root, data = tmp_path_factory.mktemp("digits"), simulacra.load_data("digits", binarize="static")
    model = simulacra.FVBN(data.space)
    simulacra.fit(model, data, out=root / "run", epochs=0.01, doctor=False, progress=False)
    words = ["sample", "run", "--n", "3", "--seed", "1", "--out", "many/"]
    folders, done = killed_alone(*words, before=root)
    for folder in folders:
        assert not (folder / "many").exists() or len([*(folder / "many").iterdir()]) == 3
    for folder in folders[-3:]:
        shutil.rmtree(folder / "many", ignore_errors=True)
        assert again(folder, *words) == 0
    assert len([*(done / "many").iterdir()]) == 3


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["c.html", *[pytest.param(name, marks=LESS) for name in ("c.md", "c.json")]])
def test_compare_leaves_the_old_page_or_the_new_one(killed, template, tmp_path_factory, name):
    before = tmp_path_factory.mktemp("compared") / "before"
    shutil.copytree(template, before)
    (before / name).write_text("old")
    words = ["compare", "run", "run", "--out", name]
    folders, done = killed(*words, before=before)
    for folder in folders:
        assert (folder / name).read_text("utf-8") in ("old", (done / name).read_text("utf-8"))
        assert again(folder, *words) == 0


@LESS
def test_export_leaves_a_whole_graph_or_none(killed_alone):
    pytest.importorskip("onnxscript")
    onnx = pytest.importorskip("onnx")
    words = ["export", "run", "--out", "decode.onnx"]
    folders, done = killed_alone(*words)
    for folder in [*folders, done]:
        if (folder / "decode.onnx").exists():
            onnx.checker.check_model(onnx.load(folder / "decode.onnx"))
    assert (done / "decode.onnx").exists() and again(folders[-1], *words) == 0
