"""The queue of long runs: what runs next, what is recorded, and what stops or refuses a run."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import time

import pytest
from headline_queue import FAST, HANG, TOOL, TRAINS, Toys, figures

from simulacra.cli.recipes import find
from simulacra.cli.reproduce import imported
from simulacra.core.files import read_tensors
from simulacra.training.run import locked

sys.path.insert(0, str(TOOL.parent))
from headlines import command, entries
from headlines.meter import Meter, cpu_seconds
from headlines.running import Place, run

FIELDS = {
    *("figure", "published", "source", "ours", "error", "unit", "published_protocol", "protocol"),
    *("share", "verdict", "note", "minutes", "device", "version", "date", "cpu_minutes"),
}
RUN_FIELDS = {
    *("began", "ended", "commit", "recipe_sha256", "machine", "limit_minutes", "cpu_minutes", "wall_minutes"),
    *("starts", "entry", "records"),
}
windows = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals for a single process")


@pytest.fixture
def toys(tmp_path, monkeypatch):
    """An empty queue; runs in this process keep its priority."""
    monkeypatch.setattr(command, "lowest_priority", lambda: None)
    monkeypatch.setenv("SIMULACRA_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    return Toys(tmp_path)


@pytest.fixture
def tool(toys, capsys):
    """`tool("--list")`: exit status, output and errors."""

    def run_tool(*words):
        code = command.main([*words, *toys.options])
        return code, *capsys.readouterr()

    return run_tool


def recorded(toys, name):
    """The run that was recorded of a recipe."""
    file = toys.recipes / "results" / f"{name}.json"
    return json.loads(file.read_text(encoding="utf-8"))["headline"]


def run_here(toys, said=lambda line: None):
    """The first entry in this process, whose CPU seconds count from now on."""
    place = Place(entries.read(toys.queue)[0], toys.queue, toys.cache)
    place.folder.mkdir(parents=True, exist_ok=True)
    run(place, said, Meter(place.folder, place.entry.minutes, since=cpu_seconds()))


# ---- which entry, and what is kept of it


def test_the_next_entry_without_a_record_is_taken(toys, tool):
    for name in ("one", "two"):
        toys.add(name, FAST)
    assert tool()[0] == 0 and tool()[0] == 0
    assert recorded(toys, "one")["began"] <= recorded(toys, "two")["began"]
    code, out, _ = tool()
    assert code == 0 and "nothing to run" in out
    code, _, err = tool("one")
    assert code == 2 and "one has a record" in err and "--again" in err
    assert tool("one", "--again")[0] == 0
    assert recorded(toys, "one")["began"] >= recorded(toys, "two")["began"]


def test_a_record_holds_figure_verdict_minutes_machine_and_commit(toys, tool):
    toys.add("one", FAST)
    file = toys.recipes / "results" / "one.json"
    file.parent.mkdir()
    file.write_text('{"format": 1, "page": "a table", "records": []}', encoding="utf-8")
    assert tool()[0] == 0
    found = recorded(toys, "one")
    assert set(found) == RUN_FIELDS and all(set(record) == FIELDS for record in found["records"])
    assert [record["figure"] for record in found["records"]] == ["first", "second"]
    assert [record["verdict"] for record in found["records"]] == ["reproduced", "budget too small"]
    assert found["records"][0]["ours"] == -3.45 and found["records"][1]["share"] == 0.5
    assert found["entry"]["figures"][0]["tolerance"] == 0.1 and "core" in found["machine"]
    assert found["commit"] == "unknown" and found["starts"] == 1 and found["cpu_minutes"] > 0
    assert json.loads(file.read_text(encoding="utf-8"))["page"] == "a table"


def test_the_list_shows_the_state_of_each(toys, tool):
    toys.add("one", FAST)
    assert tool()[0] == 0
    toys.add("two", FAST, data=["gone/some.csv"])
    toys.add("three", FAST)
    toys.add("four", FAST)
    code, out, _ = tool("--list")
    states = {line.split()[0]: " ".join(line.split()[1:]) for line in out.splitlines()[1:]}
    assert code == 0 and states["one"].startswith("recorded: reproduced, budget too small")
    assert states["two"].startswith("waiting: data (gone/some.csv)")
    assert states["three"].startswith("next") and states["four"].startswith("queued 0.0 of 10 -3.5 +- 0.1")


def test_an_entry_that_waits_for_data_is_passed_over(toys, tool):
    toys.add("one", FAST, data=["there/x.csv", "gone/*.csv"])
    toys.add("two", FAST, data=["there/x.csv"])
    data = toys.recipes.parent / "data"
    (data / "there").mkdir(parents=True)
    (data / "there" / "x.csv").touch()
    code, out, _ = tool()
    assert code == 0 and "one: waiting: data (gone/*.csv)" in out and recorded(toys, "two")
    code, _, err = tool("one")
    assert code == 2 and "there is no gone/*.csv" in err and "SIMULACRA_DATA" in err
    (data / "gone").mkdir()
    (data / "gone" / "y.csv").touch()
    assert tool()[0] == 0 and recorded(toys, "one")


# ---- minutes of the processor


def test_minutes_are_those_of_the_processor(toys):
    toys.add("one", f"time.sleep(1.5)\n{FAST}", minutes=0.02)
    run_here(toys)
    found = recorded(toys, "one")
    assert 60 * found["cpu_minutes"] < 1.0 and 60 * found["wall_minutes"] > 1.4
    assert found["records"][0]["verdict"] == "reproduced"


def test_the_limit_stops_a_run_and_gives_a_verdict(toys):
    toys.add("one", "yield FIGURES[0].measured(-3.45)\nwhile True:\n    sum(range(1000))", minutes=0.02)
    run_here(toys)
    first, second = recorded(toys, "one")["records"]
    assert first["verdict"] == "reproduced"
    assert (second["ours"], second["share"], second["verdict"]) == (None, 0.0, "budget too small")
    assert "limit of 0.02 CPU minutes" in second["note"]
    assert 1.2 <= 60 * recorded(toys, "one")["cpu_minutes"] < 5


def test_a_run_without_time_left_is_recorded_and_not_run(toys, tool):
    toys.add("one", "raise AssertionError")
    place = Place(entries.read(toys.queue)[0], toys.queue, toys.cache)
    place.folder.mkdir(parents=True)
    spent = {"format": 1, "cpu": 600.0, "wall": 900.0, "starts": 3}
    (place.folder / "spent.json").write_text(json.dumps(spent), encoding="utf-8")
    assert tool()[0] == 0
    assert {record["verdict"] for record in recorded(toys, "one")["records"]} == {"budget too small"}


@windows
def test_a_stop_that_is_not_heard_ends_the_process(tmp_path, monkeypatch):
    """A computation that does not come to its signals is ended after the grace, with a last word."""
    ends, said = threading.Event(), []

    def end(code):
        said.append(code)
        ends.set()

    monkeypatch.setattr("headlines.meter.GRACE", 0.2)
    monkeypatch.setattr(os, "_exit", end)
    meter = Meter(tmp_path, 10, since=cpu_seconds())
    with meter.watching(lambda: said.append("last")), contextlib.suppress(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)
    assert not said, "it was heard"
    with meter.watching(lambda: said.append("last")):
        with contextlib.suppress(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(60)
        assert ends.wait(HANG)
    assert said == ["last", 130]


# ---- rules that stand before the run


def interrupted(toys):
    """A run of which the first figure is measured."""
    toys.add("one", "yield FIGURES[0].measured(-3.45)\nraise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        run_here(toys)


def test_a_tolerance_that_changed_after_the_start_is_refused(toys, tool):
    interrupted(toys)
    assert "begun" in tool("--list")[1]
    toys.entries[0]["figures"] = figures(tolerance=10.0)
    toys.write()
    code, _, err = tool()
    assert code == 2 and "tolerance of 'first' was 0.1, now 10.0" in err and "one --again" in err
    assert "refused: entry changed" in tool("--list")[1]
    assert not (toys.recipes / "results").exists()


def test_a_recipe_that_changed_after_the_start_is_refused(toys, tool):
    interrupted(toys)
    path = toys.recipes / "one.py"
    path.write_text(path.read_text(encoding="utf-8") + "\n# another\n", encoding="utf-8")
    code, _, err = tool()
    assert code == 2 and "one.py changed after its run began" in err


def test_an_entry_that_changed_during_the_run_is_not_recorded(toys, tool):
    change = "queue = Path(__file__).parent / 'queue.yaml'\n"
    change += "queue.write_text(queue.read_text().replace('tolerance: 0.1', 'tolerance: 9.0'))\n"
    toys.add("one", change + FAST)
    code, _, err = tool()
    assert code == 2 and "now 9.0" in err and not (toys.recipes / "results").exists()


def test_an_entry_whose_rules_are_not_those_of_the_recipe(toys, tool):
    toys.add("one", FAST, figures=figures(tolerance=10.0))
    code, _, err = tool()
    assert code == 2 and "tolerance of 'first' is 10.0 in the queue and 0.1 in the recipe one" in err
    toys.entries[0]["figures"] = figures(name="frist")
    toys.write()
    code, _, err = tool()
    assert code == 2 and "measures no 'frist'" in err and "did you mean 'first'?" in err
    assert not (toys.cache / "one").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"recipe": "onne"}, "did you mean 'one'?"),
        ({"minutes": 61}, "up to 60; an entry with `long: true` has up to 150"),
        ({"minutes": 151, "long": True}, "up to 150"),
        ({"minutes": 0}, "above 0"),
        ({"minuts": 5}, "did you mean 'minutes'?"),
        ({"figures": []}, "has no figures"),
        ({"figures": [{"name": "first", "published": 1.0}]}, "has no tolerance and wide"),
        ({"figures": [{"name": "first"}]}, "has no 'published'"),
    ],
)
def test_entries_that_break_a_rule(toys, tool, change, said):
    toys.add("one", FAST)
    toys.entries[0] |= change
    toys.write()
    code, _, err = tool("--list")
    assert code == 2 and said in err and len(err.splitlines()) == 1


def test_two_entries_of_a_recipe_and_too_many_long_ones(toys, tool):
    for name in ("one", "two", "three", "four"):
        toys.add(name, FAST, long=True, minutes=150)
    assert "4 long entries (one, two, three, four), but 3 may be" in tool("--list")[2]
    toys.entries = [toys.entries[0]] * 2
    toys.write()
    assert "two entries of one" in tool("--list")[2]


def test_names_that_the_queue_does_not_have(toys, tool):
    toys.add("one", FAST)
    code, _, err = tool("onee")
    assert code == 2 and "did you mean 'one'?" in err and "--draft" in err
    assert "--again needs" in tool("--again")[2]
    toys.queue.unlink()
    assert "cannot be read" in tool("--list")[2] and "--queue" in tool("--list")[2]


def test_a_draft_is_an_entry(toys, tool):
    toys.add("one", FAST)
    out = tool("--draft", "one")[1]
    toys.queue.write_text(out, encoding="utf-8")
    (found,) = entries.read(toys.queue)
    assert found.data == ("there/x.csv",) and found.minutes == 60
    assert found.figures == tuple(entries.Target(**figure) for figure in figures())


def test_one_run_at_a_time(toys, tool):
    toys.add("one", FAST)
    toys.cache.mkdir()
    told = []
    with locked(toys.cache.resolve()):
        other = threading.Thread(target=lambda: told.append(tool()))
        other.start()
        other.join()
    assert told[0][0] == 2 and "another process runs an entry" in told[0][2]


# ---- stopped and killed


def wait_for(holds, process):
    """Wait until a process has come so far."""
    end = time.monotonic() + HANG
    while not holds():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "the run did not come so far"
        time.sleep(0.02)


def in_its_middle(toys, name):
    """Whether a training has made steps that its checkpoint holds."""
    path = toys.cache / "one" / "work" / name / "checkpoint.safetensors"
    return path.is_file() and read_tensors(path)[1]["position"]["step"] > 0


@windows
@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_figures(tmp_path, toys):
    """One SIGTERM and one SIGKILL, each in the middle of a training; the other run nobody disturbs."""
    body = f"PASSES = (3, 25)\n{TRAINS}"
    whole = Toys(tmp_path / "whole")
    for place in (toys, whole):
        place.add("one", body)
    run_here(whole)

    process = toys.start()
    wait_for(lambda: in_its_middle(toys, "vae-1"), process)
    process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    out, err = process.communicate(timeout=HANG)
    assert process.returncode == 130 and "goes on from there" in out, err
    assert time.monotonic() - began < 60
    weights = toys.cache / "one" / "work" / "vae-1" / "model.safetensors"
    assert not weights.exists()

    finished = weights.parents[1] / "vae-0" / "model.safetensors"
    written = finished.stat().st_mtime_ns
    checkpoint = weights.with_name("checkpoint.safetensors")
    step = read_tensors(checkpoint)[1]["position"]["step"]
    process = toys.start()
    wait_for(lambda: read_tensors(checkpoint)[1]["position"]["step"] > step, process)
    process.kill()
    process.communicate(timeout=HANG)
    assert not weights.exists()

    process = toys.start()
    out, err = process.communicate(timeout=HANG)
    assert process.returncode == 0, err
    found, expected = recorded(toys, "one"), recorded(whole, "one")
    assert [r["ours"] for r in found["records"]] == [r["ours"] for r in expected["records"]]
    assert [r["verdict"] for r in found["records"]] == [r["verdict"] for r in expected["records"]]
    assert found["starts"] == 3 and expected["starts"] == 1
    assert not any(r["note"] for r in found["records"])
    assert finished.stat().st_mtime_ns == written, "a finished training is kept"


# ---- the queue of the project


def test_the_queue_of_the_project_agrees_with_its_recipes():
    for found in entries.read(command.QUEUE):
        recipe = find(found.recipe)
        assert list(found.data) == recipe.needed, found.recipe
        entries.check_figures(found, imported(recipe).FIGURES)
