"""The argument and the result of a loss: `Batch` and `Terms`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any

import torch
from torch import Tensor

from simulacra.core.numerics.precision import to_device


@dataclass
class Batch:
    """A minibatch in the model's space; missing entries are marked by masks, never by sentinel values.

    Args:
        x: observations, shape (B, *).
        c: condition (label, attributes, image), shape (B, *); None: no condition.
        known: True where an entry of x is observed, shape of x; None: everywhere.
        c_known: True where the condition is observed, shape (B,); None: everywhere.
        lengths: number of valid steps of each ragged sequence, shape (B,); None: all rows have full length.
        rows: positions of these rows in the global batch; random draws are keyed by them.
        index: row numbers in the data set, shape (B,).
        extra: further streams by name, each with its own batch size.

    Example:
        >>> Batch.of(torch.zeros(3, 2)).rows
        range(0, 3)
    """

    x: Tensor
    c: Tensor | None = None
    known: Tensor | None = None
    c_known: Tensor | None = None
    lengths: Tensor | None = None
    rows: range = range(0)
    index: Tensor | None = None
    extra: dict[str, Batch] = field(default_factory=dict)

    @classmethod
    def of(cls, x: Tensor, c: Tensor | None = None, **others) -> Batch:
        """Returns a batch whose rows are numbered from 0.

        Args:
            x: observations, shape (B, *).
            c: condition of each, or None.
            others: further fields of `Batch`.
        """
        return cls(x, c, rows=range(len(x)), index=torch.arange(len(x)), **others)

    def __len__(self) -> int:
        return len(self.x)

    def map(self, change: Callable[[Tensor], Tensor]) -> Batch:
        """Returns the batch with a function applied to every tensor of every stream.

        Args:
            change: function of one tensor.
        """
        changed: dict[str, Any] = {
            f.name: change(value) for f in fields(self) if isinstance(value := getattr(self, f.name), Tensor)
        }
        extra = {name: stream.map(change) for name, stream in self.extra.items()}
        return replace(self, **changed, extra=extra)

    def to(self, device: torch.device | str) -> Batch:
        """Returns the batch on a device.

        Args:
            device: target device.
        """
        return self.map(lambda t: to_device(t, device))

    def part(self, start: int, stop: int) -> Batch:
        """Returns some rows of this stream, and the same fraction of each further stream.

        Args:
            start: first row.
            stop: row after the last.
        """
        n = len(self)
        extra = {
            name: stream.part(start * len(stream) // n, stop * len(stream) // n)
            for name, stream in self.extra.items()
        }
        cut = replace(self, extra={}).map(lambda t: t[start:stop])
        return replace(cut, rows=self.rows[start:stop], extra=extra)


@dataclass
class Terms:
    """Named terms of a loss, all minimized, quantities that are only logged, and sums over rows.

    Args:
        loss: values per example, shape (B,) or (B, T); a batch statistic is 0-dim and needs
            `Update(coupled=True)`.
        log: tensors of the same shapes, averaged and recorded, never differentiated.
        stats: sums over the rows of the batch, of any shape, such as the number of rows of each code, (K,).
            They are added over micro-batches and processes and given to `Update.after` by their names,
            beside the means; they are neither differentiated nor recorded. Default: none.

    Example:
        >>> terms = Terms({"reconstruction": torch.ones(3), "kl": torch.zeros(3)})
        >>> sum(terms.loss.values()).mean().item()
        1.0
    """

    loss: dict[str, Tensor]
    log: dict[str, Tensor] = field(default_factory=dict)
    stats: dict[str, Tensor] = field(default_factory=dict)
