"""PixelCNNs of every kind of image, with weights large enough that what they see matters."""

from __future__ import annotations

import pytest
import torch

from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Binary, Levels, Real
from simulacra.models.autoregressive.images.pixelcnn import GatedPixelCNN, PixelCNN

LABELS = Categorical((), 3)
SMALL = {"layers": 3, "channels": 7, "first_kernel": 5}
MODELS = {
    "plain": lambda space, **options: PixelCNN(space, **SMALL, **options),
    "gated": lambda space, **options: GatedPixelCNN(space, **SMALL, **options),
}
SPACES = {
    "binary": (Binary((1, 5, 7)), "auto"),
    "grey": (Levels((1, 5, 7), 9), "logistic"),
    "mixture": (Levels((1, 4, 3), 256), "logistic-mixture"),
    "colour": (Levels((3, 4, 5), 9), "categorical"),
    "colour bits": (Binary((3, 3, 5)), "auto"),
    "two channels": (Real((2, 3, 4)), "gaussian"),
    "classes": (Categorical((1, 3, 4), 3), "auto"),
    "one pixel": (Binary((1, 1, 1)), "auto"),
    "one column": (Levels((3, 5, 1), 3), "categorical"),
}
both = pytest.mark.parametrize("kind", MODELS)
everywhere = pytest.mark.parametrize("name", SPACES)


def made(kind: str, name: str, **options):
    """A model with weights large enough that what it sees matters."""
    space, likelihood = SPACES[name]
    return loud(MODELS[kind](space, likelihood=likelihood, **options))


def loud(model):
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(2.0)
    return model.eval()
