"""Observing a draw: after each entry, a callback receives all rows so far in raw units."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from simulacra.core.capabilities.ancestral import Watch
from simulacra.core.capabilities.general import MissingCapability


class Canvas:
    """Collects n rows while they are drawn in chunks, and passes them to a callback.

    The callback is called as `watch(t, d, x)` with a new x of shape (n, *) after each entry of each chunk.
    Entries that are not drawn yet hold the raw value of 0; d counts the entries of all chunks.

    Args:
        watch: the callback.
        model: a model that draws entry by entry.
        n: number of rows.
        chunk: number of rows that are drawn at once.

    Raises:
        MissingCapability: if the model draws all entries at once.
    """

    def __init__(self, watch: Watch, model: Any, n: int, chunk: int):
        if not getattr(model, "entry_by_entry", False):
            raise MissingCapability(
                f"{type(model).__name__} cannot do sample(watch=): that needs a model that draws entry by "
                "entry; this one draws all entries at once."
            )
        self.watch, self.preprocessing = watch, model.preprocessing
        self.chunk, self.chunks = chunk, -(-n // chunk)
        blank = torch.zeros(n, *model.space.shape, dtype=model.dtype, device=model.device)
        self.x = self.preprocessing.inverse(blank)

    def on(self, rows: range) -> Watch:
        """Returns a callback for the chunk that draws these rows, which takes them in the model's space."""
        before = rows.start // self.chunk

        def drawn(t: int, d: int, y: Tensor) -> None:
            self.x[rows.start : rows.stop] = self.preprocessing.inverse(y)
            # a copy, since a callback may keep every x, for an animation
            self.watch(before * d + t, self.chunks * d, self.x.clone())

        return drawn
