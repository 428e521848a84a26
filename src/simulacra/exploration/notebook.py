"""Data sets, models, runs and reports as HTML for notebooks.

The HTML is a small table and a picture. It has no picture if drawing would take long, as for models that
sample entry by entry, or if there is nothing to draw.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable, Iterator

import torch
from PIL import Image

from simulacra.core.capabilities import general as can
from simulacra.core.card import Card
from simulacra.core.errors.calls import checked
from simulacra.core.model import Model, settings_of
from simulacra.core.size import size_of
from simulacra.core.storage.plain_text import printable
from simulacra.data.dataset import Dataset, Split
from simulacra.exploration.drawing import panels
from simulacra.exploration.drawing.picture import Axis, Panel, Picture, grid
from simulacra.exploration.drawing.views import view_data
from simulacra.exploration.pictures.album import Album
from simulacra.exploration.plot import png_of
from simulacra.training.run import Run

IMAGES, ROWS = 16, 200  # largest number of images; of other observations
WIDTH = 520  # pixels of a picture in the page
MOST = 2**20  # bytes of a picture in the page
LONGEST = 600  # letters of a cell
Shown = Dataset | Split | Model | Run | Card
Lines = Iterable[tuple[str, str]]


@checked
def as_html(what: Shown) -> str:
    """A table of the main facts and a picture, as a fragment of HTML.

    Args:
        what: a data set or one of its splits, a model, a run, or a report.

    Raises:
        ValueError: if it is something else.

    Example:
        >>> import simulacra
        >>> page = as_html(simulacra.load_data("ring"))
        >>> "8,000 train" in page, "data:image/png;base64" in page
        (True, True)
    """
    if isinstance(what, Dataset):
        return _card(what.name, _of_data(what), _rows(what.train), "rows")
    if isinstance(what, Split):
        return _card(f"{len(what):,} rows", [("space", str(what.preprocessing.raw))], _rows(what), "picture")
    if isinstance(what, Run):
        return _card(str(what), _of_run(what), _samples(what.model, what.data), "samples")
    if isinstance(what, Card):
        return _card(what.title, what.lines, _histogram(what), "scores")
    return _card(type(what).__name__, _of_model(what), _samples(what, None), "samples")


def _card(title: str, lines: Lines, picture: Picture | None, drawn: str) -> str:
    """Title, table and picture; all text is escaped, since it may come from files.

    Args:
        title: first line.
        lines: name and value of each row of the table.
        picture: below the table, or None.
        drawn: content of the picture in a word, for its alternative text.
    """
    cell = "text-align:left;vertical-align:top;padding:2px 12px 2px 0"
    rows = "".join(
        f'<tr><th style="{cell}">{_text(name)}</th><td style="{cell}">{_text(value)}</td></tr>'
        for name, value in lines
    )
    image = ""
    if picture is not None:
        from simulacra.exploration.rendering.figure import render

        data = base64.b64encode(_small(png_of(render(picture)))).decode("ascii")
        alt = f"{drawn} of {title}"
        image = f'<img style="max-width:{WIDTH}px" alt="{_text(alt)}" src="data:image/png;base64,{data}">'
    return f"<div><p><strong>{_text(title)}</strong></p><table>{rows}</table>{image}</div>"


def _text(value: str) -> str:
    line = printable(" ".join(str(value).split()))
    return html.escape(line if len(line) <= LONGEST else line[: LONGEST - 1] + "\u2026")


def _small(png: bytes) -> bytes:
    """The picture, with fewer pixels if it takes more than `MOST` bytes, as images of noise do."""
    while len(png) > MOST:
        with Image.open(io.BytesIO(png)) as picture:
            size = max(1, picture.width * 7 // 10), max(1, picture.height * 7 // 10)
            file = io.BytesIO()
            picture.convert("RGB").resize(size, Image.Resampling.LANCZOS).save(file, format="png")
        png = file.getvalue()
    return png


def _of_data(data: Dataset) -> Iterator[tuple[str, str]]:
    yield "rows", ", ".join(f"{len(rows):,} {name}" for name, rows in data.splits.items())
    yield "a model sees", str(data.space)
    if data.condition is not None:
        yield "given", str(data.condition)
    yield "prepared", ", ".join([*data.applied, *(step.label for step in data.preprocessing.steps)]) or "raw"
    if data.label_names:
        yield "labels", ", ".join(data.label_names[:20]) + (", ..." if len(data.label_names) > 20 else "")
    yield from data.notes.items()


def _of_model(model: Model) -> Iterator[tuple[str, str]]:
    yield "space", str(model.space)
    yield "arguments", settings_of(model) or "as by default"
    yield "size", size_of(model)
    yield "what it can do", ", ".join(sorted({c.phrase for c in model.capabilities()}))
    for entry in model.estimates:
        if isinstance(entry.get("mean_nats"), float):
            yield str(entry.get("name")), f"{entry['mean_nats']:.2f} nats ({entry.get('kind')})"


def _of_run(run: Run) -> Iterator[tuple[str, str]]:
    yield "data", str(run.data) if run.data is not None else str(run.config["data"]["name"])
    yield "model", repr(run.model)
    rows = run.metrics if (run.path / "metrics.csv").is_file() else []
    if rows:
        yield "trained", f"{rows[-1]['total_step']:,} steps in {max(row['seconds'] for row in rows):.1f} s"
    scores = [row["valid_score"] for row in rows if "valid_score" in row]
    if scores:
        yield "validation score", f"{scores[-1]:.2f} nats at the end, best {max(scores):.2f}"
    for finding in run.findings:
        yield finding.severity, f"{finding.name}: {finding.sentence}"


def _rows(split: Split) -> Picture | None:
    """Random rows of the data; missing values are left out."""
    space = split.preprocessing.raw
    n = min(len(split), IMAGES if space.image else ROWS)
    batch = split.rows(torch.randperm(len(split), generator=torch.Generator().manual_seed(0))[:n])
    if space.image or batch.known is None:
        return _drawn(split, batch.x)
    return _drawn(split, batch.x.double().masked_fill(~batch.known, torch.nan))


def _drawn(split: Split, x: torch.Tensor) -> Picture | None:
    try:
        return view_data(split.preprocessing.raw, x) if len(x) else None
    except ValueError:
        # no view draws this space
        return None


def _samples(model: Model, data: Dataset | None) -> Picture | None:
    """Samples of the model; None if it samples entry by entry, or needs a condition that is not there."""
    if not isinstance(model, can.Samples) or not model.supports(can.Samples) or model.entry_by_entry:
        return None
    space = model.preprocessing.raw
    n = IMAGES if space.image else ROWS
    if data is None and model.supports(can.TakesCondition):
        return None
    try:
        condition = None if data is None else Album(model, data, 0, ()).conditions(n)
        return view_data(space, model.sample(n, condition, seed=0), "samples")
    except ValueError:
        return None


def _histogram(card: Card) -> Picture | None:
    """A histogram of the scores of rows; None if there are none."""
    values = None if card.scores is None else card.scores[card.scores.isfinite()]
    if values is None or not len(values):
        return None
    marks = panels.histogram(values, None)
    panel = Panel(marks, "the rows' scores", x=Axis(card.axis), y=Axis(ticks=()))
    return grid([panel], 1, 4.5, 2.2)
