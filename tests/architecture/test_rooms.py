"""The rooms: no imports in a circle, a picture that is up to date, and a page whose paths exist."""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ElementTree
from itertools import pairwise

import pytest
import sources

sys.path.insert(0, str(sources.ROOT / "tools"))
import rooms

PAGE = sources.ROOT / "docs" / "architecture.md"
FULLEST = 14  # files of a folder


@pytest.fixture(scope="module")
def edges():
    """The imports of the library."""
    return rooms.graph()


def test_no_imports_form_a_circle(edges):
    assert rooms.cycles(edges) == [], "ask through a protocol, or move what both need below them"


def test_no_folder_is_too_full():
    assert {name: n for name, n in rooms.files_by_folder().items() if n > FULLEST} == {}


def test_the_picture_shows_the_imports(edges):
    assert rooms.of_picture() == rooms.named(rooms.drawn_arrows(edges)), "run `python tools/rooms.py --write`"


def test_every_room_has_a_line_on_the_page(edges):
    told = re.findall(r"^\| `(\w+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    found = {rooms.room(module) for module in edges} - {"__init__", "__main__", "version"}
    assert sorted(told) == sorted(found)


def paths_on(page) -> list[str]:
    """The paths that a page names."""
    words = re.findall(r"`([\w./*-]+)`", page.read_text(encoding="utf-8"))
    return [word for word in words if "/" in word or word.endswith((".py", ".md"))]


def test_every_path_of_the_page_exists():
    roots = (sources.ROOT, sources.SOURCE)
    named = [path for path in paths_on(PAGE) if path not in ("config.json", "metrics.csv")]
    assert len(named) > 60
    assert [path for path in named if not any((root / path).exists() for root in roots)] == []


def test_every_name_of_the_table_exists():
    """`NAME` beside a path: `READERS` (`data/readers.py`)."""
    text = PAGE.read_text(encoding="utf-8")
    pairs = re.findall(r"`(\w+)` \(`([\w/]+\.py)`\)", text) + re.findall(r"`([\w/]+\.py)` \(`(\w+)`\)", text)
    assert len(pairs) >= 8
    for one, other in pairs:
        name, path = (one, other) if other.endswith(".py") else (other, one)
        assert re.search(rf"\b{name}\b", sources.text(sources.SOURCE / path)), (name, path)


# ---- the tool


@pytest.fixture
def package(tmp_path):
    """A package with a circle of two modules, and an import for annotations only."""
    files = {
        "__init__.py": "",
        "a/__init__.py": "",
        "a/one.py": "from pack.a import two\nfrom pack.b.three import f\n",
        "a/two.py": "def g():\n    from pack.a.one import x\n",
        "b/__init__.py": "",
        "b/three.py": "import typing\nif typing.TYPE_CHECKING:\n    from pack.a import one\n",
    }
    for name, text in files.items():
        (tmp_path / "pack" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "pack" / name).write_text(text, encoding="utf-8")
    return tmp_path / "pack"


def test_what_runs_is_counted_and_annotations_are_not(package):
    found = rooms.graph(package)
    assert found["pack.a.one"] == {"pack.a.two", "pack.b.three"} and found["pack.b.three"] == set()
    assert rooms.cycles(found) == [["pack.a.one", "pack.a.two"]]
    assert rooms.arrows(found) == {("a", "b"): 1}
    told = "\n".join(rooms.counts(package))
    assert "6 modules, 3 imports, 1 cycles" in told and "pack/a 2" in told and "a (3, 4): b 1" in told


def test_arrows_that_a_way_says_already_are_left_out():
    found = {"p.a.x": {"p.b.x", "p.c.x"}, "p.b.x": {"p.c.x"}, "p.c.x": {"p.version"}, "p": {"p.c.x"}}
    pairs = rooms.drawn_arrows(found)
    assert pairs == [("a", "b"), ("b", "c")] and rooms.levels(pairs) == {"a": 2, "b": 1, "c": 0}


def test_rooms_do_not_lie_on_each_other_or_below_an_arrow():
    pairs = [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d"), ("e", "d"), ("a", "e")]
    place = rooms.places(pairs)
    level = sorted(x for x, y in place.values() if y == 1)
    assert len(level) == 3 and min(b - a for a, b in pairwise(level)) >= 1


@pytest.mark.parametrize("graphviz", [None, "dot"])
def test_the_picture_is_svg_with_its_arrows(monkeypatch, graphviz, tmp_path):
    monkeypatch.setattr(rooms.shutil, "which", lambda name: graphviz)
    monkeypatch.setattr(rooms, "by_graphviz", lambda pairs: "<?xml version='1.0'?>\n<svg>a b</svg>")
    text = rooms.svg([("a", "b")])
    (tmp_path / "p.svg").write_text(text, encoding="utf-8")
    assert rooms.of_picture(tmp_path / "p.svg") == "a to b"
    words = " ".join(ElementTree.fromstring(text.encode()).itertext())
    assert "a" in words and "b" in words
    assert graphviz or text == rooms.svg([("a", "b")]), "the same arrows, the same file"
