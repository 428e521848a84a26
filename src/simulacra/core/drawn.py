"""Pictures and HTML of objects, drawn by `simulacra.exploration` when they are asked for.

Exploration is a layer above the classes that show themselves in a notebook, so it is imported by its name.
"""

from __future__ import annotations

import importlib
from typing import Any


def html_of(shown: object) -> str:
    """An object as HTML for a notebook, as `simulacra.as_html` gives it."""
    page: str = importlib.import_module("simulacra.exploration.notebook").as_html(shown)
    return page


def plot_of(shown: object, name: str, **options: Any) -> Any:
    """A picture of a run or a model, as `simulacra.plot` gives it."""
    return importlib.import_module("simulacra.exploration.plot").plot(shown, name, **options)
