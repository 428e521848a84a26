"""The content of a summary that a notebook shows, before it is rendered."""

from __future__ import annotations

import importlib
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Card:
    """A title, lines of name and value, and numbers that are drawn as a histogram.

    Args:
        title: one line.
        lines: names and values as plain text, not HTML.
        scores: numbers of the histogram, shape (B,); None: no picture.
        axis: label of the histogram's axis, with its unit.
    """

    title: str
    lines: tuple[tuple[str, str], ...]
    scores: Tensor | None = None
    axis: str = "log p(x), nats"


def html_of(thing: object) -> str:
    """Returns the HTML that a notebook shows of a model, data, a run or a card.

    Pictures are drawn by `exploration`, which stands above those that ask: it is imported by its name when a
    notebook asks, and no import leads up.
    """
    page: str = importlib.import_module("simulacra.exploration.notebook").as_html(thing)
    return page
