"""`simulacra compare RUN RUN ...`: compares evaluated runs and says which differences are significant."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from simulacra.cli.options.command import call
from simulacra.cli.output import say

if TYPE_CHECKING:
    from simulacra.evaluation.compare.comparison import Compared

REFUSED = 2  # exit code if some scores could not be compared


def run(words: Sequence[str]) -> int:
    """Runs `simulacra compare` with the given command-line words."""
    return call("compare", compare, words)


def compare(*runs: str, out: str | None = None) -> int:
    """Compare evaluated runs: a table for each protocol; what cannot be compared is refused, with the remedy.

    Args:
        runs: run folders, each with a report of `simulacra evaluate`.
        out: file to write as well: .html with the runs' pictures of samples, .md, or .json.

    Returns:
        0, or 2 if some scores could not be compared.

    Raises:
        ValueError: if `out` has another suffix, or nothing can be compared.
    """
    if out is not None and Path(out).suffix not in WRITERS:
        raise ValueError(f"--out {out} must end in {', '.join(WRITERS)}.")
    from simulacra.core.storage.files import write_atomically
    from simulacra.core.storage.folders import check_output, parents_of
    from simulacra.evaluation.compare.comparison import compare as compared

    if out is not None:
        check_output(Path(out))
    found = compared(*runs)
    try:
        say(str(found))
    finally:
        # a reader that closes the pipe, such as `head`, does not prevent the write
        if out is not None:
            text = WRITERS[Path(out).suffix](found)
            with parents_of(Path(out)):
                write_atomically(Path(out), lambda aside: aside.write_text(text, encoding="utf-8"))
    if out is not None:
        say("", f"written: {out}")
    return REFUSED if found.refusals else 0


def _html(found: Compared) -> str:
    from simulacra.evaluation.compare.page import as_html

    return as_html(found)


def _markdown(found: Compared) -> str:
    from simulacra.evaluation.compare.page import as_markdown

    return as_markdown(found)


def _json(found: Compared) -> str:
    import json

    from simulacra.evaluation.compare.page import as_json

    return json.dumps(as_json(found), indent=2, allow_nan=False) + "\n"


WRITERS = {".html": _html, ".md": _markdown, ".json": _json}
