"""The queue of long runs: what runs next, what is recorded, what its minutes are."""

from __future__ import annotations

import json
import subprocess
import sys

from headline_queue import FAST

from headlines import command, entries
from headlines.meter import cpu_seconds
from simulacra.cli.commands.recipes import find
from simulacra.cli.commands.reproduce import imported

FIELDS = {
    *("figure", "published", "source", "ours", "error", "unit", "published_protocol", "protocol"),
    *("share", "verdict", "note", "minutes", "device", "version", "date", "cpu_minutes"),
}
RUN_FIELDS = {
    *("began", "ended", "commit", "recipe_sha256", "machine", "limit_minutes", "cpu_minutes", "wall_minutes"),
    *("starts", "entry", "records"),
}


# ---- which entry, and what is kept of it


def test_the_next_entry_without_a_record_is_taken(toys, tool):
    for name in ("one", "two"):
        toys.add(name, FAST)
    assert tool()[0] == 0 and tool()[0] == 0
    assert toys.recorded("one")["began"] <= toys.recorded("two")["began"]
    code, out, _ = tool()
    assert code == 0 and "nothing to run" in out
    code, _, err = tool("one")
    assert code == 2 and "one has a record" in err and "--again" in err
    assert tool("one", "--again")[0] == 0
    assert toys.recorded("one")["began"] >= toys.recorded("two")["began"]


def test_a_record_holds_figure_verdict_minutes_machine_and_commit(toys, tool):
    toys.add("one", FAST)
    file = toys.recipes / "results" / "one.json"
    file.parent.mkdir()
    file.write_text('{"format": 1, "page": "a table", "records": []}', encoding="utf-8")
    assert tool()[0] == 0
    found = toys.recorded("one")
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
    assert code == 0 and "one: waiting: data (gone/*.csv)" in out and toys.recorded("two")
    code, _, err = tool("one")
    assert code == 2 and "there is no gone/*.csv" in err and "SIMULACRA_DATA" in err
    (data / "gone").mkdir()
    (data / "gone" / "y.csv").touch()
    assert tool()[0] == 0 and toys.recorded("one")


# ---- minutes of the processor


def test_minutes_are_those_of_the_processor(toys):
    toys.add("one", f"time.sleep(1.5)\n{FAST}", minutes=0.02)
    toys.run_here()
    found = toys.recorded("one")
    assert 60 * found["cpu_minutes"] < 1.0 and 60 * found["wall_minutes"] > 1.4
    assert found["records"][0]["verdict"] == "reproduced"


def test_minutes_of_children_count():
    before = cpu_seconds()
    subprocess.run([sys.executable, "-c", "while __import__('time').process_time() < 0.4: pass"], check=True)
    assert cpu_seconds() - before > 0.35 or sys.platform == "win32"  # which counts no children


def test_the_limit_stops_a_run_and_gives_a_verdict(toys):
    toys.add("one", "yield FIGURES[0].measured(-3.45)\nwhile True:\n    sum(range(1000))", minutes=0.02)
    toys.run_here()
    first, second = toys.recorded("one")["records"]
    assert first["verdict"] == "reproduced"
    assert (second["ours"], second["share"], second["verdict"]) == (None, 0.0, "budget too small")
    assert "limit of 0.02 CPU minutes" in second["note"]
    assert 1.2 <= 60 * toys.recorded("one")["cpu_minutes"] < 5


def test_a_run_without_time_left_is_recorded_and_not_run(toys, tool):
    toys.add("one", "raise AssertionError")
    place = toys.place
    place.folder.mkdir(parents=True)
    spent = {"format": 1, "cpu": 600.0, "wall": 900.0, "starts": 3}
    (place.folder / "spent.json").write_text(json.dumps(spent), encoding="utf-8")
    assert tool()[0] == 0
    assert {record["verdict"] for record in toys.recorded("one")["records"]} == {"budget too small"}


# ---- the queue of the project


def test_the_queue_of_the_project_agrees_with_its_recipes():
    for found in entries.read(command.QUEUE):
        recipe = find(found.recipe)
        assert list(found.data) == recipe.needed, found.recipe
        entries.check_figures(found, imported(recipe).FIGURES)
