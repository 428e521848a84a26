"""Reports, pictures and metrics in a stranger's folder are refused in one sentence, never copied."""

import json
import os
import shutil

import numpy as np
import pytest

import simulacra
from simulacra.evaluation.compare.page import picture_of
from simulacra.evaluation.report import read_report
from simulacra.training.state.metrics import Metrics, read_numbers

pytestmark = pytest.mark.fault("outside 2.19")


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    """A run with a report."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    x = np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32)
    data = simulacra.from_tensors(x, simulacra.Real((2,)))
    simulacra.fit(simulacra.PPCA(data.space, latent=1), data, out=folder, progress=False, doctor=False)
    simulacra.evaluate(folder, data=data, limit=20)
    return folder


@pytest.fixture
def run(evaluated, tmp_path):
    return shutil.copytree(evaluated, tmp_path / "run")


def edited(run, change):
    """The run with a change in its report, and no other reports."""
    shutil.rmtree(run / "evaluations", ignore_errors=True)
    content = json.loads((run / "report.json").read_text())
    change(content)
    (run / "report.json").write_text(json.dumps(content))
    return run


def test_a_link_is_refused_also_where_nothing_else_says_that_the_folder_is_a_run(run, tmp_path):
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    for name in ("report.json", "scores.safetensors"):
        shutil.copy(run / name, stranger)
    edited(stranger, lambda content: content.update(provenance=None))
    (tmp_path / "secret").write_text("a key")
    (stranger / "samples.png").symlink_to(tmp_path / "secret")
    with pytest.raises(ValueError, match="a link that leads out of it"):
        simulacra.compare(stranger, run)


def test_only_pictures_of_a_sensible_size_are_shown(tmp_path):
    (tmp_path / "samples").mkdir()
    os.mkfifo(tmp_path / "samples" / "z.png")
    assert picture_of(tmp_path) is None
    with open(tmp_path / "samples" / "y.png", "wb") as file:
        file.truncate(2**36)
    (tmp_path / "samples.png").write_text("a key")
    assert picture_of(tmp_path) is None
    (tmp_path / "samples" / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n and so on")
    assert picture_of(tmp_path) == tmp_path / "samples" / "a.png"


EDITS = {
    "provenance is a text": lambda c: c.update(provenance="x"),
    "quality is a number": lambda c: c.update(quality=0),
    "kind is a number": lambda c: c["estimates"]["likelihood"].update(kind=9),
    "a mean is beyond doubles": lambda c: c["estimates"]["likelihood"].update(mean_nats=10**400),
    "a unit is an object": lambda c: c["reconstruction"].update(unit={"a": 1}),
    "a list is a number": lambda c: c["memorization"].update(samples=[]),
    "a count is beyond 64 bits": lambda c: c["memorization"].update(exact_copies=10**400),
}


@pytest.mark.parametrize("edit", EDITS)
def test_a_value_of_another_type_is_a_damaged_report(run, edit):
    content = json.loads((run / "report.json").read_text())
    try:
        EDITS[edit](content)
    except (KeyError, AttributeError, TypeError):
        pytest.skip("the report has no such record")
    with pytest.raises(ValueError, match=r"report\.json is damaged .*: evaluate again"):
        read_report(edited(run, EDITS[edit]))


def test_provenance_without_its_entries_is_told(run, tmp_path):
    edited(run, lambda content: content.update(provenance={"a": 1}))
    with pytest.raises(ValueError, match="the provenance of its report is damaged"):
        simulacra.compare(run, run)


def test_metrics_with_a_field_without_end_are_damaged_by_name(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text("stage,step,total_step\ntrain,1,1\n" + "x" * 200_000 + ",1,1\n")
    for read in (read_numbers, lambda path: Metrics(path, 5)):
        with pytest.raises(ValueError, match=r"metrics\.csv is damaged .*remove the line"):
            read(path)


def test_names_on_a_page_have_no_control_characters(run, tmp_path):
    strange = tmp_path / "a\u202eb\x1bc"
    shutil.move(run, strange)
    from simulacra.evaluation.compare.page import as_html

    page = as_html(simulacra.compare(strange, strange.parent / strange.name))
    assert "\x1b" not in page and "\u202e" not in page
