"""Completion of missing entries by Gibbs sweeps with the known entries held fixed.

The units of the visible layer are independent given the others. So resetting the known ones after each sweep
samples p(unknown | hidden), and the chain has the stationary distribution p(unknown, hidden | known).

Reference: Lee et al. 2009. Row A15.
"""

from __future__ import annotations

import torch
from torch import Tensor

from simulacra.core.progress.tasks import each
from simulacra.core.random.keyed import Rng
from simulacra.models.boltzmann.machine.energy_model import Machine


def clamped(model: Machine, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None = None) -> Tensor:
    """Returns x with missing entries drawn by `burn_in` sweeps given the known ones, shape (B, *).

    Args:
        model: a machine with two blocks of layers.
        x: observations, shape (B, *); missing entries may have any value.
        known: True where known, shape (B, *).
        rng: source of random numbers.
        c: conditions, or None.
    """
    # with more blocks a sweep would draw the last one given units that were not reset
    assert len(model.blocks) == 2
    given, keep = model.visible(model.space.filled(x, known)), known.reshape(len(x), *model.shapes["v"])
    layers = model.unpacked(model.start_chain(rng))
    for t in each(range(model.burn_in), "chains", "sweep"):
        layers = layers | {"v": torch.where(keep, given, layers["v"])}
        layers = model.sweep(layers, rng.at(t), rng.rows, c)
    return model.observed(torch.where(keep, given, layers["v"]))
