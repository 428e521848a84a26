"""Interrupts in a notebook: the run comes back as far as it was trained."""

from __future__ import annotations

import sys
from pathlib import Path

from simulacra.core.model import Model
from simulacra.core.progress.display import in_notebook
from simulacra.core.storage.files import read_tensors
from simulacra.training.state import checkpoint as ck


def interactive() -> bool:
    """Returns True if somebody types at this Python: a notebook, IPython or the interpreter's prompt."""
    return hasattr(sys, "ps1") or in_notebook()


def so_far(model: Model, folder: Path) -> Model:
    """The model with the weights of the checkpoint in `folder`: the averaged ones where there are any,
    which are those that a finished run has."""
    tensors, _ = read_tensors(folder / ck.NAME)
    model.load_state_dict({**ck.part(tensors, "model/"), **ck.part(tensors, "ema/")})
    for parameter in model.parameters():
        # in a game, all but the last player's are frozen
        parameter.requires_grad_(True)
    return model.eval()
