"""The rules of a verdict stand in the queue before the run; entries that break one are refused."""

from __future__ import annotations

import copy
import threading

import pytest
from headline_queue import FAST, figures

from headlines import entries
from simulacra.training.run import locked


def interrupted(toys):
    """A run of which the first figure is measured."""
    toys.add("one", "yield FIGURES[0].measured(-3.45)\nraise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        toys.run_here()


def test_a_tolerance_that_changed_after_the_start_is_refused(toys, tool):
    interrupted(toys)
    assert "begun" in tool("--list")[1]
    toys.entries[0]["figures"] = figures(tolerance=10.0)
    toys.write()
    code, _, err = tool()
    assert code == 2 and "tolerance of 'first' was 0.1, now 10.0" in err and "one --again" in err
    assert "refused: entry or recipe changed" in tool("--list")[1]
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
    toys.entries = [toys.entries[0], copy.deepcopy(toys.entries[0])]
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
