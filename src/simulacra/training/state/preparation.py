"""Gives a model the preprocessing of the data that it is trained on."""

from __future__ import annotations

from simulacra.core.model import Model
from simulacra.data.dataset import Dataset


def prepare_as(model: Model, data: Dataset) -> None:
    """Sets the model's preprocessing of x, and of the condition where it takes one, to those of the data.

    Args:
        model: the model; it is changed.
        data: data set that fits the model.
    """
    model.preprocessing = data.preprocessing
    model.conditioning = None if model.condition is None else data.conditioning
