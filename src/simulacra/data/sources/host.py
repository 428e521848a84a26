"""Rows that stay in the host's memory while their batches come on an accelerator."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from simulacra.core.batch import Batch
from simulacra.data.dataset import Split


@dataclass
class HostSplit(Split):
    """A split of which only the batches move.

    Args:
        device: where batches are wanted.

    Example:
        >>> import simulacra
        >>> train = HostSplit.of(simulacra.load_data("ring").train, torch.device("cpu"))
        >>> train.rows(torch.tensor([2, 5])).x.shape
        torch.Size([2, 2])
    """

    device: torch.device = torch.device("cpu")

    @classmethod
    def of(cls, split: Split, device: torch.device) -> HostSplit:
        """The rows of `split`, with their digest."""
        given = {f.name: getattr(split, f.name) for f in fields(Split) if f.init}
        found = cls(**given, device=device)
        found._stamp, found._digest = split._stamp, split._digest
        return found

    def rows(self, index: Tensor) -> Batch:
        """The raw rows `index`, moved."""
        batch = super().rows(index.cpu())
        return replace(batch.to(self.device), x=self.preprocessing.held(batch.x, self.device))

    def to(self, device: torch.device | str) -> HostSplit:
        """The split whose batches come on `device`."""
        return HostSplit.of(self, torch.device(device))

    def select(self, index: Tensor) -> HostSplit:
        """The split that holds only the rows `index`; they stay in the host's memory, too."""
        # the selected rows are looked up as those of a plain split, which moves nothing
        plain = Split(**{f.name: getattr(self, f.name) for f in fields(Split) if f.init})
        return HostSplit.of(plain.select(index.cpu()), self.device)
