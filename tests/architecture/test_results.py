"""The results page says what the records and the recipes' headers say."""

import json
import sys

import pytest
import sources

sys.path.insert(0, str(sources.ROOT / "tools"))
import results

KEYS = {
    *("figure", "published", "source", "ours", "error", "unit", "published_protocol", "protocol"),
    *("share", "verdict", "note", "minutes", "device", "version", "date"),
}
RECORDS = sorted((sources.ROOT / "recipes" / "results").glob("*.json"))


def test_page_is_what_the_tool_writes():
    assert results.PAGE.read_text(encoding="utf-8") == results.page(), "run `python tools/results.py --write`"


def broken(path) -> list[str]:
    """The rules that a file of records breaks."""
    content = json.loads(path.read_text(encoding="utf-8"))
    records = content.get("records", [])
    rules = {
        "of a recipe": (sources.ROOT / "recipes" / f"{path.stem}.py").is_file(),
        "format 1": content["format"] == 1,
        "its keys": all(set(record) == KEYS for record in records),
        "a share of the protocol": all(0 < record["share"] <= 1 for record in records),
    }
    return [rule for rule, holds in rules.items() if not holds]


def test_records_are_whole_and_of_a_recipe():
    assert not sources.offenders(broken, RECORDS)


def record(**more):
    """A record with what a test asks for."""
    return {
        **dict.fromkeys(KEYS, ""),
        "published": 2.0,
        "ours": 1.5,
        "error": None,
        "share": 0.25,
        "minutes": 3,
        "source": "A 1999",
        **more,
    }


@pytest.fixture
def folder(tmp_path):
    """Three recipes: with records, with a page, and without either."""
    (tmp_path / "results").mkdir()
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.py").write_text(
            f'"""Shows {name}|{name}.\n\nours        {name} = 1\ndevice      1 core\n"""\n', encoding="utf-8"
        )
    write = lambda name, content: (tmp_path / "results" / f"{name}.json").write_text(
        json.dumps({"format": 1, **content}), encoding="utf-8"
    )
    write("a", {"records": [record(figure="f1", protocol="here"), record(figure="f2", verdict="recorded")]})
    write("b", {"page": "## Board\n\ntable", "command": "python b.py", "minutes": 5.0, "date": "2026-01-01"})
    return tmp_path


def test_the_page_has_its_parts_in_order(folder):
    page = results.page(folder)
    places = [page.index(text) for text in ("# Results", "## Board", "### a\n", "## Measured", "### c\n")]
    assert places == sorted(places)
    assert "| f1 | 2 (A 1999) | 1.5 | 0.25 of it |" in page and "Shows a\\|a." in page
    assert "`python b.py`: 5 minutes" in page and "- ours: c = 1" in page
    assert "### b" not in page, "a recipe with a page needs no header"


def test_both_protocols_are_said_where_they_differ(folder):
    assert "Protocol of f1: published ; ours here" in results.page(folder)
