"""The two forms of a saved model, and how the tests read them."""

from __future__ import annotations

import simulacra
from contract.case import BATCH

FORMS = ("folder", "one.safetensors")
QUIET = {"epochs": 1, "batch_size": BATCH, "device": "cpu", "progress": False}


def opened(case, path):
    """Load a saved case, with its class where it is none of the catalogue."""
    return simulacra.load(path) if case.catalogued else simulacra.load(path, kind=case.kind)
