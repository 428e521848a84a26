"""Observing a draw: after each look, a callback receives all rows so far in raw units."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from simulacra.core.capabilities.general import MissingCapability
from simulacra.core.capabilities.older import taking_known
from simulacra.core.capabilities.sampling import Sampling


class Canvas:
    """Collects n rows while they are drawn in chunks, and passes them to a callback.

    The callback is called as `watch(t, total, x, known)` with a new x of shape (n, *) after each look of each
    chunk: after an entry of an autoregressive model, a step of a chain, a frame of a sequence. `known` is
    True for entries that are drawn; the others hold the raw value of 0. `total` counts the looks of all
    chunks.

    Args:
        watch: the callback.
        model: a model that draws in several looks.
        n: number of rows.
        chunk: number of rows that are drawn at once.
        how: options of drawing.

    Raises:
        MissingCapability: if the model draws all entries at once.
    """

    def __init__(self, watch: Callable[..., None], model: Any, n: int, chunk: int, how: Sampling):
        if model.looks(how) < 2:
            raise MissingCapability(
                f"{type(model).__name__} cannot do sample(watch=): that needs a model that draws in several "
                "looks, entry by entry or by the steps of a chain; this one draws all entries at once."
            )
        self.watch, self.preprocessing = taking_known(watch), model.preprocessing
        self.chunk, self.chunks = chunk, -(-n // chunk)
        blank = torch.zeros(n, *model.space.shape, dtype=model.dtype, device=model.device)
        self.blank = self.preprocessing.inverse(blank)
        self.x = self.blank.clone()
        self.known = torch.zeros_like(self.x, dtype=torch.bool)

    def on(self, rows: range) -> Callable[..., None]:
        """Returns a callback for the chunk that draws these rows, which takes them in the model's space."""
        before, here = rows.start // self.chunk, slice(rows.start, rows.stop)

        def drawn(t: int, total: int, y: Tensor, known: Tensor | None = None) -> None:
            # a model of another package may not say what is known
            self.known[here] = True if known is None else known.reshape(self.known[here].shape)
            self.x[here] = torch.where(self.known[here], self.preprocessing.inverse(y), self.blank[here])
            # copies, since a callback may keep every x, for an animation
            self.watch(before * total + t, self.chunks * total, self.x.clone(), self.known.clone())

        return drawn
