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
RUN_KEYS = {
    *("began", "ended", "commit", "recipe_sha256", "machine", "limit_minutes", "cpu_minutes", "wall_minutes"),
    *("starts", "entry", "records"),
}
RECORDS = sorted((sources.ROOT / "recipes" / "results").glob("*.json"))


def test_page_is_what_the_tool_writes():
    assert results.PAGE.read_text(encoding="utf-8") == results.page(), "run `python tools/results.py --write`"


def broken(path) -> list[str]:
    """The rules that a file of records breaks."""
    content = json.loads(path.read_text(encoding="utf-8"))
    records, run = content.get("records", []), content.get("headline")
    figures = [figure["name"] for figure in run["entry"]["figures"]] if run else []
    rules = {
        "of a recipe": (sources.ROOT / "recipes" / f"{path.stem}.py").is_file(),
        "format 1": content["format"] == 1,
        "its keys": all(set(record) == KEYS for record in records),
        "a share of the protocol": all(0 < record["share"] <= 1 for record in records),
        "keys of a run": run is None or set(run) == RUN_KEYS,
        "every figure of its entry": run is None or [r["figure"] for r in run["records"]] == figures,
        "keys of its records": run is None
        or all(set(record) == {*KEYS, "cpu_minutes"} for record in run["records"]),
        "a commit": run is None or "unknown" not in run["commit"],
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


def headline(**more):
    """A run of the queue: a figure that was measured, and one that its limit left out."""
    figures = [
        {"name": "f1", "published": 2.0, "tolerance": 0.1, "wide": 0.5, "better": "lower"},
        {"name": "f2", "published": None, "tolerance": 0.0, "wide": 0.0, "better": "neither"},
    ]
    left_out = {"ours": None, "share": 0.0, "verdict": "budget too small", "published": None, "note": "late"}
    return {
        **dict.fromkeys(RUN_KEYS, ""),
        "starts": 2,
        "cpu_minutes": 7.26,
        "limit_minutes": 10,
        "commit": "abc123",
        "entry": {"figures": figures},
        "records": [
            record(figure="f1", verdict="not reproduced", cpu_minutes=7.21, share=1.0),
            record(figure="f2", cpu_minutes=0.0, **left_out),
        ],
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


def test_a_run_of_the_queue_is_shown_with_what_decided(folder):
    content = {"format": 1, "headline": headline()}
    (folder / "results" / "c.json").write_text(json.dumps(content), encoding="utf-8")
    page = results.page(folder)
    assert "### c\n" in page[page.index("## Headline runs") : page.index("## Recipes")]
    assert "| f1 | 2 (A 1999) | 0.1, 0.5 | 1.5 | whole | not reproduced | 7.21 |" in page
    assert "| f2 | none | none | not measured | not to its end | budget too small | 0 |" in page
    assert "- f2: late" in page and "commit abc123; 7.26 CPU minutes of 10, 2 starts" in page


def test_both_protocols_are_said_where_they_differ(folder):
    assert "Protocol of f1: published ; ours here" in results.page(folder)
