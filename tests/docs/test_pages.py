"""Every code block of README and docs runs as printed, in order, in a fresh folder."""

from __future__ import annotations

import re

import pytest
from blocks import ELSEWHERE, ROOT, blocks, commands, run_block
from scenes import SCENES

RUN = ("python", "pycon", "sh", "console", "yaml")
SHOWN = ("text", "toml")  # what a program prints, and what stands in files of others
PAGES = ["README.md", "CONTRIBUTING.md", *sorted(str(p.relative_to(ROOT)) for p in ROOT.glob("docs/**/*.md"))]
WITH_BLOCKS = [page for page in PAGES if any(block.language in RUN for block in blocks(page))]
# minutes, since models are trained as the page says
LONG = ("README.md", "docs/cli.md", "docs/data.md", "docs/samples.md")
# what a page needs beyond the library itself
EXTRAS = {
    "README.md": ("pandas",),
    "docs/export.md": ("onnxruntime", "onnxscript"),
    "docs/cli.md": ("onnxruntime", "onnxscript"),
    "docs/tables.md": ("pandas",),
    "docs/families/autoencoders.md": ("pandas",),
    "docs/families/autoregressive.md": ("pandas",),
}
pytestmark = pytest.mark.fault("doors 2.3")


def marked(page: str) -> object:
    whole = page in LONG or "families" in page
    return pytest.param(page, marks=pytest.mark.thorough if whole else pytest.mark.slow)


@pytest.mark.parametrize("page", [marked(page) for page in WITH_BLOCKS])
def test_the_blocks_run_as_printed(page, tmp_path, monkeypatch):
    for extra in EXTRAS.get(page, ()):
        pytest.importorskip(extra)
    monkeypatch.chdir(tmp_path)
    names = SCENES.get(page, dict)()
    for block in blocks(page):
        run_block(block, names, page)


def test_every_block_has_a_language_that_is_run_or_shown():
    known = {*RUN, *SHOWN, "toctree"}
    unknown = {(page, b.line, b.language) for page in PAGES for b in blocks(page) if b.language not in known}
    assert not unknown


def test_what_is_left_out_has_a_reason():
    """Commands that no test runs are few, and each is left out by a rule that says why."""
    typed = [b for page in WITH_BLOCKS for b in blocks(page) if b.language in ("sh", "console")]
    printed = [command for block in typed for command in commands(block)]
    left_out = [line for line, _ in printed if any(re.search(pattern, line) for pattern in ELSEWHERE)]
    assert all(line.startswith("simulacra ") for line, _ in printed if line not in left_out)
    assert len(printed) - len(left_out) >= 50
