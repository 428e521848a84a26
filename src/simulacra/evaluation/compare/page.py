"""Formats a comparison as text, Markdown, JSON and a self-contained HTML page."""

from __future__ import annotations

import base64
import html
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from simulacra.core.scores.estimate import SIGNS, Estimate
from simulacra.core.storage.files import finite
from simulacra.core.storage.plain_text import in_markdown, printable
from simulacra.evaluation.compare.ranking import Ranking
from simulacra.evaluation.compare.score_tables import ScoreTable

if TYPE_CHECKING:
    from simulacra.evaluation.compare.comparison import Compared

KINDS = {
    "exact": "exact",
    "lower": "lower bound",
    "upper": "upper bound",
    "stochastic": "estimate without a proven side",
}
SIGNATURE = b"\x89PNG\r\n\x1a\n"
LARGEST = 2**25  # bytes of a picture on a page
HEAD = ["model", "log p(x) in nats", "bits/dim", "kind", "how"]
PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Models compared</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }}
table {{ border-collapse: collapse; margin: 1rem 0; display: block; overflow-x: auto; }}
th, td {{ border-bottom: 1px solid #8884; padding: .3rem .8rem; text-align: left; white-space: nowrap; }}
td:not(:first-child) {{ font-variant-numeric: tabular-nums; }}
figure {{ display: inline-block; margin: .5rem; vertical-align: top; }}
figure img {{ width: 20rem; max-width: 100%; image-rendering: pixelated; }}
.refused {{ border-left: .3rem solid #c33; padding-left: .8rem; }}
:root {{ color-scheme: light dark; }}
</style>
{body}
</html>
"""


def as_text(found: Compared) -> str:
    """Returns the comparison as text for a terminal."""
    parts: list[Sequence[str]] = []
    for ranking in found.rankings:
        parts += [[f"likelihood on {ranking.protocol}", str(ranking)]]
    for table in found.tables:
        parts += [[table.title, _aligned(table.lines()), *table.sentences]]
    parts += [[f"refused: {sentence}" for sentence in found.refusals]]
    parts += [list(found.without.values()), [f"note: {note}." for note in found.notes]]
    return "\n\n".join("\n".join(part) for part in parts if part)


def _aligned(lines: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*lines)]
    return "\n".join("  ".join(f"{cell:<{w}}" for cell, w in zip(line, widths)).rstrip() for line in lines)


# ---- shared by Markdown and HTML: titles, tables, lists


def blocks(found: Compared) -> list[tuple[str, Any]]:
    """Returns the page as pairs (kind, content).

    Kinds are `title` (text), `table` (rows of cells, the header first), `list` and `refused` (sentences).
    """
    page: list[tuple[str, Any]] = []
    for ranking in found.rankings:
        page += [("title", f"Likelihood on {ranking.protocol}"), ("table", _ranked(ranking))]
        page += [("list", [*ranking.sentences, *(f"{e}." for e in ranking.retrained), *ranking.notes])]
    for table in found.tables:
        page += [("title", table.title[0].upper() + table.title[1:]), ("table", table.lines())]
        page += [("list", table.sentences)]
    if found.refusals:
        page += [("title", "Not comparable"), ("refused", found.refusals)]
    rest = [*found.without.values(), *(f"{note}." for note in found.notes)]
    return [*page, *([("title", "Notes"), ("list", rest)] if rest else [])]


def _ranked(ranking: Ranking) -> list[list[str]]:
    rows = [[_starred(name, ranking), *_cells(e)] for name, e in ranking.estimates.items()]
    return [HEAD, *rows]


def _starred(name: str, ranking: Ranking) -> str:
    """Returns the name, with a star if no other model is known to beat it."""
    return f"{name} *" if name in ranking.best else name


def _cells(e: Estimate) -> list[str]:
    error = "" if math.isnan(e.error) else f" +- {e.error:.2f}"
    return [f"{SIGNS[e.kind]} {e.mean:.2f}{error}", f"{e.bits_per_dim:.3f}", KINDS[e.kind], e.method]


def as_markdown(found: Compared, title: str = "# Models compared") -> str:
    """Returns the comparison as Markdown; a star marks models that no other one is known to beat.

    Args:
        found: the comparison.
        title: heading, whose level sets that of the sections.
    """
    shown = {"title": lambda t: f"#{title.split(' ')[0]} {in_markdown(t)}", "table": _markdown_table}
    lists = lambda sentences: "\n".join(f"- {in_markdown(sentence)}" for sentence in sentences)
    parts = [shown.get(kind, lists)(content) for kind, content in blocks(found) if content]
    return "\n\n".join([title, *parts]) + "\n"


def _markdown_table(rows: Sequence[Sequence[str]]) -> str:
    safe = [[in_markdown(cell, cell=True) for cell in row] for row in rows]
    lines = [f"| {' | '.join(row)} |" for row in safe]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


def as_html(found: Compared) -> str:
    """Returns the comparison as one HTML page, with the newest pictures of the runs' samples."""
    body = ["<h1>Models compared</h1>"]
    drawn = {name: picture_of(run) for name, run in found.folders.items()}
    pictures = {name: picture for name, picture in drawn.items() if picture is not None}
    if pictures:
        body += ["<h2>Samples</h2>", *(_figure(name, path) for name, path in pictures.items())]
    for kind, content in blocks(found):
        body += _html(kind, content) if content else []
    return PAGE.format(body="\n".join(body))


def picture_of(run: Path) -> Path | None:
    """Returns the newest picture of samples in a run folder; None if there is none.

    Args:
        run: the folder, which may be a stranger's.
    """
    drawn = [run / "samples.png", *sorted((run / "samples").glob("*.png"), reverse=True)]
    return next(filter(_is_picture, drawn), None)


def _is_picture(path: Path) -> bool:
    """Returns True for a file of the size and with the signature of a PNG picture; pipes are not opened."""
    if not path.is_file() or path.stat().st_size > LARGEST:
        return False
    with open(path, "rb") as file:
        return file.read(len(SIGNATURE)) == SIGNATURE


def _figure(name: str, path: Path) -> str:
    data = base64.b64encode(path.read_bytes()).decode()
    label = _safe(name)
    return (
        f'<figure><img alt="samples of {label}" src="data:image/png;base64,{data}">'
        f"<figcaption>{label}</figcaption></figure>"
    )


def _safe(text: str) -> str:
    return html.escape(printable(text))


def _html(kind: str, content: Any) -> list[str]:
    if kind == "title":
        return [f"<h2>{_safe(content)}</h2>"]
    if kind == "table":
        cells = lambda row, tag: "".join(f"<{tag}>{_safe(cell)}</{tag}>" for cell in row)
        rows = [f"<tr>{cells(row, 'th' if i == 0 else 'td')}</tr>" for i, row in enumerate(content)]
        return ["<table>", *rows, "</table>"]
    items = [f"<li>{_safe(sentence)}</li>" for sentence in content]
    return [f'<ul class="{kind}">', *items, "</ul>"]


def as_json(found: Compared) -> dict[str, Any]:
    """Returns the comparison as a dictionary for JSON; numbers that are not finite become None."""
    whole = {
        "rankings": [_ranking_json(ranking) for ranking in found.rankings],
        "tables": [_table_json(table) for table in found.tables],
        "refusals": found.refusals,
        "without_likelihood": found.without,
        "notes": found.notes,
    }
    return cast(dict, finite(whole))


def _ranking_json(ranking: Ranking) -> dict[str, Any]:
    verdicts = ranking.verdicts.items()
    return {
        "protocol": ranking.protocol,
        "scores": {name: e.summary() for name, e in ranking.estimates.items()},
        "best": ranking.best,
        "pairs": [{"first": a, "second": b, **asdict(verdict)} for (a, b), verdict in verdicts],
        "sentences": ranking.sentences,
        "notes": ranking.notes,
    }


def _table_json(table: ScoreTable) -> dict[str, Any]:
    return {
        "title": table.title,
        "columns": [column.title for column in table.first.columns],
        "rows": table.lines()[1:],
        "sentences": table.sentences,
    }
