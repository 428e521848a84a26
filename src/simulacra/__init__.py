"""Simulacra: every family of deep generative models behind one contract, with scores to trust.

The public names, a table of contents, nothing else; each is imported when it is first used. The classes of
models are those of the catalogue.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

from simulacra.version import __version__ as __version__

# OpenMP threads that spin make steps 4 to 50 times slower on small shared machines
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

_NAMES = {
    # data
    "load_data": "data",
    "Dataset": "data.dataset",
    "from_tensors": "data.sources.tensors",
    "register_validity": "core.texts.validity",
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
    "Tokens": "core.spaces.tokens",
    "Preprocessing": "core.preprocessing.chain",
    # capabilities, the bases of a model's class
    "BurnIn": "core.capabilities.chains",
    "Capability": "core.capabilities.marker",
    "ChainSampler": "core.capabilities.chains",
    "Classifies": "core.capabilities.general",
    "Completes": "core.capabilities.general",
    "Continues": "core.capabilities.general",
    "Decodes": "core.capabilities.general",
    "Denoises": "core.capabilities.mappings",
    "Encodes": "core.capabilities.general",
    "EstimatesDensity": "core.capabilities.estimates",
    "HasAnnealingPath": "core.capabilities.energy",
    "HasBound": "core.capabilities.bounds",
    "HasBoundEnergy": "core.capabilities.energy",
    "HasConditionals": "core.capabilities.general",
    "HasCritic": "core.capabilities.general",
    "HasDensity": "core.capabilities.general",
    "HasDiagnostics": "core.capabilities.general",
    "HasEnergy": "core.capabilities.energy",
    "HasFeatures": "core.capabilities.general",
    "HasFilters": "core.capabilities.energy",
    "HasImportanceWeights": "core.capabilities.bounds",
    "HasJoint": "core.capabilities.bounds",
    "HasMarkovChain": "core.capabilities.energy",
    "HasNoising": "core.capabilities.bounds",
    "HasPartitionFunctions": "core.capabilities.energy",
    "HasPosterior": "core.capabilities.general",
    "HasPrior": "core.capabilities.general",
    "HasRates": "core.capabilities.bounds",
    "HasScore": "core.capabilities.estimates",
    "Predicts": "core.capabilities.mappings",
    "PredictsFromCode": "core.capabilities.mappings",
    "Samples": "core.capabilities.general",
    "Sampling": "core.capabilities.sampling",
    "TakesCondition": "core.capabilities.general",
    "TakesLengths": "core.capabilities.general",
    "TakesMissing": "core.capabilities.general",
    "TightensBound": "core.capabilities.bounds",
    "Translates": "core.capabilities.mappings",
}


def _models() -> dict[str, Any]:
    """The entries of the catalogue of models by the names of their classes."""
    from simulacra.models.catalog import CATALOG

    return {entry.cls: entry for entry in CATALOG.values()}


def __getattr__(name: str) -> Any:
    if name == "__all__":
        return [*_NAMES, *_models(), "__version__"]
    if name.startswith("_"):
        raise AttributeError(f"module 'simulacra' has no attribute {name!r}")
    if name not in _NAMES and name not in _models():
        from simulacra.core.renamed import NAMES, present

        name = present([NAMES], name)
    if name in _NAMES:
        return getattr(importlib.import_module(f"simulacra.{_NAMES[name]}"), name)
    if name in _models():
        return _models()[name].load()
    raise AttributeError(f"module 'simulacra' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__getattr__("__all__"))
