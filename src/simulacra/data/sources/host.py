"""`HostSplit`: rows that stay in the host's memory while batches are moved to an accelerator."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from simulacra.core.batch import Batch
from simulacra.data.dataset import Split


@dataclass
class HostSplit(Split):
    """A split whose rows stay on the host; only its batches are moved.

    Args:
        device: device of the batches.

    Example:
        >>> import simulacra
        >>> train = HostSplit.of(simulacra.load_data("ring").train, torch.device("cpu"))
        >>> train.rows(torch.tensor([2, 5])).x.shape
        torch.Size([2, 2])
    """

    device: torch.device = torch.device("cpu")

    @classmethod
    def of(cls, split: Split, device: torch.device) -> HostSplit:
        """Returns a split with the rows and the digest of `split`.

        Args:
            split: rows in the host's memory.
            device: device of the batches.
        """
        given = {f.name: getattr(split, f.name) for f in fields(Split) if f.init}
        found = cls(**given, device=device)
        found._stamp, found._c_stamp, found._digest = split._stamp, split._c_stamp, split._digest
        return found

    def rows(self, index: Tensor) -> Batch:
        """Returns the raw rows `index`, moved to the device."""
        batch = super().rows(index.cpu())
        moved = batch.to(self.device)
        x, c = self.preprocessing.held(batch.x, self.device), self.held_conditions(batch.c, self.device)
        return replace(moved, x=x, c=c)

    def to(self, device: torch.device | str) -> HostSplit:
        """Returns the split whose batches are moved to `device`."""
        return HostSplit.of(self, torch.device(device))

    def select(self, index: Tensor) -> HostSplit:
        """Returns a split with only the rows `index`, which stay in the host's memory."""
        # a plain split selects the rows without moving them
        plain = Split(**{f.name: getattr(self, f.name) for f in fields(Split) if f.init})
        return HostSplit.of(plain.select(index.cpu()), self.device)
