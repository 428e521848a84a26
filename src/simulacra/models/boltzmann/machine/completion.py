"""Filling in what is missing of an observation: Gibbs sweeps in which what is known stays.

The units of the visible layer are independent given the others, so a sweep after which the known ones are
put back draws from p(unknown | hidden), and its chain has the law p(unknown, hidden | known).

Reference: Lee et al. 2009. Row A15.
"""

from __future__ import annotations

import torch
from torch import Tensor

from simulacra.core.progress.tasks import each
from simulacra.core.random.keyed import Rng
from simulacra.models.boltzmann.machine.energy_model import Machine


def clamped(model: Machine, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None = None) -> Tensor:
    """x with the entries where `known` is False drawn by `burn_in` sweeps from free units, shape (B, *)."""
    # a sweep over more blocks would draw the last one given units that were not held
    assert len(model.blocks) == 2
    given, keep = model.visible(model.space.filled(x, known)), known.reshape(len(x), *model.shapes["v"])
    layers = model.unpacked(model.start_chain(rng))
    for t in each(range(model.burn_in), "chains", "sweep"):
        layers = layers | {"v": torch.where(keep, given, layers["v"])}
        layers = model.sweep(layers, rng.at(t), rng.rows, c)
    return model.observed(torch.where(keep, given, layers["v"]))
