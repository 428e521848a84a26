"""Updates that couple the rows of a batch, and the parts into which it may be divided all the same.

Processes exchange sums over rows (`core.numerics.exchange`); micro-batches follow each other and cannot.
"""

from __future__ import annotations

from torch import nn

from simulacra.core.errors.suggestion import Refusal, train_with
from simulacra.core.model import Model
from simulacra.core.updates import Update
from simulacra.nets.adversarial.normal import BatchNorm
from simulacra.training.options import Options, planned_stages


def coupling(model: Model, update: Update, exchanged: bool = False) -> str | None:
    """The layer or loss that needs all rows of a batch at once, in words, or None.

    Args:
        exchanged: the parts exchange their sums, as processes do.
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
    """Raise ValueError if the update cannot run on so many processes and micro-batches.

    Args:
        world: processes.
        accumulate: micro-batches of each.
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
    """Raise ValueError, before anything is trained, if an update of some stage cannot run in these parts."""
    if options.devices * options.accumulate == 1:
        return
    for stage in planned_stages(model):
        for update in stage.updates:
            refuse_coupled(model, update, options.devices, options.accumulate)
