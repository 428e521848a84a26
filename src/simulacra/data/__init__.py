"""Data sets: loading by name or path, file formats, preprocessing, and toy distributions of known density.

Names are imported when they are first used, so that `simulacra.data.catalog.names` needs no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simulacra.data.catalog.names import available
    from simulacra.data.dataset import Dataset, Split
    from simulacra.data.load import load_data
    from simulacra.data.sources.stream import StreamedSplit
    from simulacra.data.sources.tensors import from_tensors

_NAMES = {
    "Dataset": "dataset",
    "Split": "dataset",
    "StreamedSplit": "sources.stream",
    "available": "catalog.names",
    "from_tensors": "sources.tensors",
    "load_data": "load",
}

__all__ = ["Dataset", "Split", "StreamedSplit", "available", "from_tensors", "load_data"]


def __getattr__(name: str) -> Any:
    if name not in _NAMES and not name.startswith("_"):
        from simulacra.core.renamed import NAMES, present

        name = present([NAMES], name)
    if name not in _NAMES:
        raise AttributeError(f"module 'simulacra.data' has no attribute {name!r}")
    return getattr(importlib.import_module(f"simulacra.data.{_NAMES[name]}"), name)
