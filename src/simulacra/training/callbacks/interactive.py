"""Interrupts in a notebook or at a prompt: the run is returned as far as it was trained."""

from __future__ import annotations

import sys
from pathlib import Path

from simulacra.core.model import Model
from simulacra.core.progress.display import in_notebook
from simulacra.core.storage.files import read_tensors
from simulacra.training.state import checkpoint as ck


def interactive() -> bool:
    """Returns True in a notebook, in IPython or at the interpreter's prompt."""
    return hasattr(sys, "ps1") or in_notebook()


def so_far(model: Model, folder: Path) -> Model:
    """Loads the weights of the last checkpoint into the model, the averaged ones if there are any.

    Args:
        model: model of the run.
        folder: run folder.

    Returns:
        the model, in evaluation mode.
    """
    tensors, _ = read_tensors(folder / ck.NAME)
    model.load_state_dict({**ck.part(tensors, "model/"), **ck.part(tensors, "ema/")})
    for parameter in model.parameters():
        # in adversarial training, all parameters but those of the last update are frozen
        parameter.requires_grad_(True)
    return model.eval()
