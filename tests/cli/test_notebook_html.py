"""The HTML of a notebook is well formed, small, readable in any theme, and safe against names from files."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pytest

import simulacra
from simulacra.core.storage.plain_text import printable
from simulacra.exploration import notebook
from simulacra.exploration.rendering import style

pytestmark = pytest.mark.fault("doors 2.4")
SCRIPT, IMAGE = "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>'
PLAIN = {"div", "p", "strong", "table", "tr", "th", "td"}
LIMIT = 2 * 10**6


class Reader(HTMLParser):
    """Reads a page, whose tags must be ours and closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.pictures: list[dict[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        if tag == "img":
            self.pictures.append(dict(attrs))
        else:
            assert tag in PLAIN, tag
            self.open.append(tag)
        assert {name for name, _ in attrs} <= {"style", "alt", "src"}

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def read(page: str) -> Reader:
    assert len(page.encode("utf-8")) < LIMIT
    # the theme of the notebook chooses colours
    assert not re.search(r"(color|background)\s*:", page)
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert not reader.open
    assert all(picture["alt"] and picture["src"].startswith("data:image/png") for picture in reader.pictures)
    return reader


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A run whose columns and classes are called by tags, formulas and parts of characters."""
    make = np.random.default_rng(0)
    rows = [
        {
            SCRIPT: (SCRIPT, IMAGE, "$\\frac{$")[k % 3],
            IMAGE: make.normal(),
            "y\u202e$": k % 7 / 3,
            "\udc80": k % 5,
        }
        for k in range(90)
    ]
    data = simulacra.load_data(rows)
    model = simulacra.VAE(data.space, latent=2, hidden=(4,))
    folder = tmp_path_factory.mktemp("runs") / "<b>run"
    return data, simulacra.fit(model, data, out=folder, epochs=1, progress=False)


def test_names_from_files_are_text(hostile):
    data, run = hostile
    pages = [read(what._repr_html_()) for what in (data, data.train, run, run.model, simulacra.evaluate(run))]
    assert all(len(page.pictures) == 1 for page in pages)
    assert SCRIPT in pages[0].text and "\\u202e" in pages[0].text and "\\udc80" in pages[0].text
    assert [page.pictures[0]["alt"].split()[0] for page in pages] == [
        "rows",
        "picture",
        "samples",
        "samples",
        "scores",
    ]


@pytest.mark.parametrize("size", [40, pytest.param(512, marks=pytest.mark.thorough)])
def test_pictures_of_noise_are_small(size):
    make = np.random.default_rng(0)
    data = simulacra.load_data(make.integers(0, 256, (20, 3, size, size)).astype(np.uint8))
    assert len(read(data._repr_html_()).pictures) == 1


def test_long_names_and_many_columns_are_cut():
    rows = [{"c": "n" * 100_000 + str(k % 3), "d": 1.5 * k} for k in range(30)]
    page = read(simulacra.load_data(rows)._repr_html_())
    assert len(page.text) < 5 * notebook.LONGEST
    wide = [{f"column {j}": float((j * k) % 11) for j in range(1000)} for k in range(12)]
    assert (
        len(read(simulacra.load_data(wide, validation=0, test=0)._repr_html_()).text) < 5 * notebook.LONGEST
    )


@pytest.mark.fault("doors 1.6")
def test_names_with_dollars_are_drawn_and_not_set_as_formulas(hostile, tmp_path):
    from simulacra.exploration.pictures.registry import pictures

    data, run = hostile
    drawn = pictures(run.model, data, tmp_path)
    assert {"samples", "samples_and_data", "pairs", "correlations"} <= set(drawn)
    assert style.plain("$a$") == style.plain(style.plain("$a$")) == r"\$a\$"
    assert printable("a\udc80") == r"a\udc80"


def test_other_things_are_refused_in_a_sentence():
    with pytest.raises(ValueError, match="what is 3, but it must be"):
        simulacra.as_html(3)
