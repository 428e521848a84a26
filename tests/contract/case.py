"""A case of the contract: a model small enough to be trained in a test, and its data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

from contract.world import untouched
from simulacra.core.model import Model
from simulacra.data.dataset import Dataset
from simulacra.models.catalog import CATALOG, find

BATCH = 17


@dataclass(frozen=True)
class Case:
    """A model small enough to be trained in a test.

    Args:
        name: shown by pytest; a catalogue name, with what follows a slash naming a variant.
        source: the class, or the catalogue's name of it: no model is imported before a test asks.
        data: makes the data set.
        arguments: of the constructor, besides space and condition.
        options: of training.
        coupled: its loss couples the rows of a batch.
    """

    name: str
    source: str | Callable[..., Model]
    data: Callable[[], Dataset]
    arguments: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    coupled: bool = False

    @property
    def kind(self) -> Callable[..., Model]:
        """The class."""
        return find(self.source).load() if isinstance(self.source, str) else self.source

    @property
    def catalogued(self) -> str:
        """The catalogue name, or an empty string for a toy."""
        stem = self.name.split("/")[0]
        return stem if stem in CATALOG else ""

    def build(self, seed: int = 0) -> Model:
        """An untrained model, initialized by `seed`."""
        data = self.data()
        more = {"condition": data.condition} if data.condition is not None else {}
        with untouched():
            torch.manual_seed(seed)
            # a function that makes a toy model takes no seed
            more |= {"seed": seed} if isinstance(self.kind, type) else {}
            model = self.kind(data.space, **more, **self.arguments)
        model.preprocessing = data.preprocessing
        return model

    def __str__(self) -> str:
        return self.name

    def __hash__(self) -> int:
        return hash(self.name)


# ---- models


def catalogued_case(
    name: str, data: Callable[[], Dataset], epochs: float = 3, coupled: bool = False, **arguments: Any
) -> Case:
    return Case(name, name.split("/")[0], data, arguments, {"epochs": epochs}, coupled)
