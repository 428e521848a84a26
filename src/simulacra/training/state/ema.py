"""Exponential moving average of the weights.

    a <- d_n a + (1 - d_n) w after step n of a stage,   d_n = min(d, (1 + n) / (10 + n))              (1)

Without the second bound, the average of a short training would hold on to the initial weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Ema:
    """Moving average of a model's parameters.

    Args:
        model: model whose parameters are averaged.
        decay: d.
    """

    def __init__(self, model: nn.Module, decay: float):
        self.decay = decay
        self.parameters = dict(model.named_parameters())
        self.average = {name: p.detach().clone() for name, p in self.parameters.items()}
        self._averages = list(self.average.values())
        self._sources = [p.detach() for p in self.parameters.values()]

    @torch.no_grad()
    def update(self, n: int) -> None:
        """Moves the average towards the weights by equation (1).

        Args:
            n: number of steps of the stage so far.
        """
        # (1)
        decay = min(self.decay, (1 + n) / (10 + n))
        torch._foreach_lerp_(self._averages, self._sources, 1 - decay)

    def state(self) -> dict[str, Tensor]:
        """Returns the averages by name, for a checkpoint."""
        return self.average

    @torch.no_grad()
    def load(self, tensors: dict[str, Tensor]) -> None:
        """Restores the averages.

        Args:
            tensors: averages by name, from `state`.

        Raises:
            ValueError: if an average is missing or unknown.
        """
        if tensors.keys() != self.average.keys():
            odd = sorted(tensors.keys() ^ self.average.keys())[0]
            raise ValueError(f"the checkpoint's moving average does not fit the model: {odd!r} has no match.")
        for name, value in tensors.items():
            self.average[name].copy_(value)

    @torch.no_grad()
    def install(self) -> None:
        """Copies the average into the model."""
        for name, p in self.parameters.items():
            p.copy_(self.average[name])

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Context in which the model has the averaged weights."""
        kept = [p.detach().clone() for p in self.parameters.values()]
        self.install()
        try:
            yield
        finally:
            with torch.no_grad():
                for p, value in zip(self.parameters.values(), kept):
                    p.copy_(value)
