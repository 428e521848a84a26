"""A card: what a notebook shows of a thing, before anybody draws it."""

from __future__ import annotations

import importlib
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Card:
    """A title, lines of name and value, and numbers whose histogram is the picture.

    Args:
        title: one line.
        lines: names and values, in words; neither is HTML.
        scores: shape (B,), or None: no picture.
        axis: what the scores are, with their unit.
    """

    title: str
    lines: tuple[tuple[str, str], ...]
    scores: Tensor | None = None
    axis: str = "log p(x), nats"


def html_of(thing: object) -> str:
    """What a notebook shows of a model, data, a run or a card.

    Pictures are drawn by `exploration`, which stands above those that ask: it is imported by its name when a
    notebook asks, and no import leads up.
    """
    page: str = importlib.import_module("simulacra.exploration.notebook").as_html(thing)
    return page
