"""Statistics of a step: sums over the rows of the global batch, for `Update.after`.

    S = sum over processes and micro-batches of S_part,   S_part = sum_r s(x_r)                           (1)

A codebook that follows its codes, a running rate of each unit or a running variance needs sums of any shape,
which the means of the terms do not hold. The sums run in float64, so that one process and two, and whole
batches and micro-batches, agree to rounding.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from simulacra.core.errors.calls import WrongCall
from simulacra.core.numerics.precision import to_float64
from simulacra.training.hardware.backend import Backend


class Statistics:
    """The sums of one step, added micro-batch by micro-batch.

    Args:
        update: name of the update, for messages.
    """

    def __init__(self, update: str):
        self.update = update
        self.sums: dict[str, Tensor] = {}
        self.kinds: dict[str, Tensor] = {}

    def add(self, sums: Mapping[str, Tensor], terms: Mapping[str, Tensor]) -> None:
        """Adds the sums of one micro-batch.

        Args:
            sums: sums over its rows by name, each of any shape.
            terms: the update's terms by name, which `after` receives beside the sums.

        Raises:
            WrongCall: if a name is also that of a term, or a shape depends on the number of rows.
        """
        for name, value in sums.items():
            if name in terms:
                raise WrongCall(
                    f"update {self.update!r} has a term and a statistic with the name {name!r}, but `after` "
                    f"receives both: call the statistic {f'{name}_sum'!r}."
                )
            before = self.sums.get(name)
            if before is not None and before.shape != value.shape:
                raise WrongCall(
                    f"the statistic {name!r} of update {self.update!r} has shape {tuple(before.shape)} in "
                    f"one micro-batch and {tuple(value.shape)} in the next: return its sum over the rows, as "
                    "in value.sum(0)."
                )
            precise = to_float64(value)
            self.sums[name] = precise if before is None else before + precise
            self.kinds[name] = value

    def summed(self, backend: Backend) -> dict[str, Tensor]:
        """Returns equation (1) by name, each with the dtype and device that the loss gave it.

        Args:
            backend: one process or several.
        """
        if backend.world > 1 and self.sums:
            flat = backend.sum(torch.cat([value.flatten() for value in self.sums.values()]))
            sizes = [value.numel() for value in self.sums.values()]
            whole = zip(self.sums.items(), flat.split(sizes))
            self.sums = {name: part.reshape(value.shape) for (name, value), part in whole}
        return {name: value.to(self.kinds[name]) for name, value in self.sums.items()}
