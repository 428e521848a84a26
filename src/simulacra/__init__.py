"""Simulacra: every family of deep generative models behind one contract, with scores to trust.

The public names, a table of contents, nothing else; each is imported when it is first used. The classes of
models come from the catalogue. Type checkers and editors read `__init__.pyi`, which `tools/stubs.py` writes.
"""

from __future__ import annotations

import importlib
import os

from simulacra.core.version import __version__ as __version__

# OpenMP threads that spin make steps 4 to 50 times slower on small shared machines
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# public names that are no models, and their modules
_NAMES = {
    # data
    "load_data": "data",
    "Dataset": "data.dataset",
    "from_tensors": "data.sources.tensors",
    # training
    "fit": "api",
    "resume": "api",
    "load": "training.run",
    "load_run": "training.fit",
    "export_onnx": "core.export.onnx",
    "Options": "training.options",
    "SamplePictures": "exploration.live.watch",
    # looking
    "plot": "exploration.plot",
    "as_html": "exploration.notebook",
    # evaluation
    "evaluate": "evaluation.evaluate",
    "compare": "evaluation.compare.comparison",
    # contract
    "Model": "core.model",
    "Update": "core.updates",
    "Stage": "core.updates",
    "Steps": "core.updates",
    "Epochs": "core.updates",
    "Batch": "core.batch",
    "Terms": "core.batch",
    "Rng": "core.random.keyed",
    "Estimate": "core.scores.estimate",
    "Binary": "core.spaces.plain",
    "Levels": "core.spaces.plain",
    "Real": "core.spaces.plain",
    "Audio": "core.spaces.audio",
    "Categorical": "core.spaces.classes",
    "Positive": "core.spaces.plain",
    "Count": "core.spaces.plain",
    "Numeric": "core.spaces.numeric",
    "Scores": "core.spaces.numeric",
    "Ordinal": "core.spaces.classes",
    "Sequence": "core.spaces.composite",
    "Table": "core.spaces.composite",
    "Preprocessing": "core.preprocessing.chain",
}


def __getattr__(name: str) -> object:
    if name == "__all__":
        return __dir__()
    missing = AttributeError(f"module 'simulacra' has no attribute {name!r}")
    if name.startswith("_"):
        raise missing
    module = _NAMES.get(name) or _models().get(name)
    if module is not None:
        return getattr(importlib.import_module(f"simulacra.{module}"), name)
    from simulacra.core.renamed import NAMES, present

    now = present([NAMES], name)
    if now == name:
        raise missing
    return __getattr__(now)


def _models() -> dict[str, str]:
    """The classes of the catalogue and their modules; imports no torch."""
    from simulacra.models.catalog import CATALOG

    return {entry.cls: f"models.{entry.module}" for entry in CATALOG.values()}


def __dir__() -> list[str]:
    return sorted([*_NAMES, *_models(), "__version__"])
