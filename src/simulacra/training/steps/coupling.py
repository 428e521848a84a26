"""Detects updates that couple the rows of a batch, which cannot be divided into micro-batches.

Processes may exchange sums over rows (`core.numerics.exchange`); micro-batches run one after the other and
cannot.
"""

from __future__ import annotations

from torch import nn

from simulacra.core.errors.suggestion import Refusal, train_with
from simulacra.core.model import Model
from simulacra.core.updates import Update
from simulacra.nets.adversarial.normal import BatchNorm
from simulacra.training.options import Options, planned_stages


def coupling(model: Model, update: Update, exchanged: bool = False) -> str | None:
    """Returns a clause on the layer or loss that needs all rows of a batch at once, or None.

    Args:
        model: the model.
        update: the update.
        exchanged: True if the parts exchange their sums, as processes do.
    """
    for name, module in model.named_modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and not (
            exchanged and isinstance(module, BatchNorm)
        ):
            return f"layer {name!r} normalizes over the rows of a batch"
    if update.coupled and not (exchanged and update.exchanges):
        return "its loss couples the rows of a batch"
    return None


def refuse_coupled(model: Model, update: Update, world: int, accumulate: int) -> None:
    """Raises ValueError if the update cannot run on so many processes and micro-batches.

    Args:
        model: the model.
        update: the update.
        world: number of processes.
        accumulate: number of micro-batches in each.
    """
    why = coupling(model, update) if accumulate > 1 else None
    if why is None and world > 1:
        why = coupling(model, update, exchanged=True)
    if why:
        alone = coupling(model, update, exchanged=True) is None
        parts = train_with(accumulate=1) if alone else train_with(devices=1, accumulate=1)
        raise Refusal(
            f"update {update.name!r} cannot run on {world} processes with {accumulate} micro-batches: {why}; "
            f"use {parts}.",
            parts,
        )


def check_parts(model: Model, options: Options) -> None:
    """Raises ValueError, before training, if an update cannot run on the processes and micro-batches.

    Args:
        model: the model.
        options: training options.
    """
    if options.devices * options.accumulate == 1:
        return
    for stage in planned_stages(model):
        for update in stage.updates:
            refuse_coupled(model, update, options.devices, options.accumulate)
