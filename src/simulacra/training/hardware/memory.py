"""Memory: placement of data on an accelerator, detection of out-of-memory errors, predicted use."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from simulacra.core.model import Model
from simulacra.core.optimizers import Optimizer
from simulacra.data.dataset import Split
from simulacra.data.sources.host import HostSplit
from simulacra.data.sources.stream import StreamedSplit

log = logging.getLogger("simulacra")
SHARE = 0.4  # largest share of an accelerator's free memory for rows, besides weights and activations
# messages of errors that are no OutOfMemoryError: CPU, CUDA and MPS; the last two: cuBLAS, cuDNN and C++
SIGNS = (
    "out of memory",
    "not enough memory",
    "can't allocate memory",
    "cannot allocate memory",
    "status_alloc_failed",
    "bad_alloc",
)


def out_of_memory(error: Exception) -> bool:
    """Returns True if `error` is an out-of-memory error.

    Example:
        >>> out_of_memory(torch.OutOfMemoryError("CUDA out of memory")), out_of_memory(RuntimeError("no"))
        (True, False)
    """
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in SIGNS)


def release(device: torch.device) -> None:
    """Frees the memory of a failed step."""
    # a graph can contain a reference cycle, as with gradient penalties
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def free_memory(device: torch.device) -> int | None:
    """Returns the free bytes of an accelerator; None for a CPU, which holds the rows in any case."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    if device.type == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    return None


def bytes_of(split: Split) -> int:
    """Returns the bytes of the rows in memory; for streamed splits, without the rows in files."""
    parts = (None if isinstance(split, StreamedSplit) else split.x, split.c, split.known)
    return sum(t.nbytes for t in (*parts, split.c_known, split.lengths) if isinstance(t, Tensor))


def placed(train: Split, valid: Split | None, device: torch.device) -> tuple[Split, Split | None]:
    """Places the splits for training: on the device if they fit into a share of its memory, else on the host.

    Args:
        train: training rows.
        valid: validation rows, or None.
        device: device of training.

    Returns:
        both splits, whose batches are on the device.

    Example:
        >>> import simulacra
        >>> data = simulacra.load_data("ring")
        >>> train, valid = placed(data.train, data.valid, torch.device("cpu"))
        >>> train.x.shape
        torch.Size([8000, 2])
    """
    free = free_memory(device)
    needed = bytes_of(train) + (0 if valid is None else bytes_of(valid))
    if free is None or needed <= SHARE * free:
        return train.to(device), None if valid is None else valid.to(device)
    log.info(
        "the data (%s) stay in the host's memory: they are more than %.0f%% of the %s that %s has free",
        size(needed),
        100 * SHARE,
        size(free),
        device,
    )
    return _hosted(train, device), None if valid is None else _hosted(valid, device)


def _hosted(split: Split, device: torch.device) -> Split:
    return split.to(device) if isinstance(split, StreamedSplit) else HostSplit.of(split, device)


@dataclass(frozen=True)
class Needs:
    """Memory for training without activations.

    Args:
        rows: number of training rows.
        parameters: number of the model's parameters.
        parts: bytes by purpose.
    """

    rows: int
    parameters: int
    parts: dict[str, int]

    @property
    def bytes(self) -> int:
        """Total number of bytes."""
        return sum(self.parts.values())

    def __str__(self) -> str:
        parts = ", ".join(f"{what} {size(n)}" for what, n in self.parts.items())
        return (
            f"{self.rows:,} training rows, {self.parameters:,} parameters; "
            f"{size(self.bytes)} besides activations ({parts})"
        )


def counted(
    model: Model,
    players: Iterable[tuple[list[torch.nn.Parameter], Optimizer]],
    average: bool,
    train: Split,
) -> Needs:
    """Computes the memory for training from sizes, without measuring.

    Args:
        model: the model.
        players: parameters and optimizer of each update.
        average: True if a moving average of the weights is kept.
        train: training rows.

    Example:
        >>> import simulacra
        >>> from simulacra.core.optimizers import Adam
        >>> data = simulacra.load_data("ring")
        >>> vae = simulacra.VAE(data.space, latent=1, hidden=(2,))
        >>> print(counted(vae, [(list(vae.parameters()), Adam())], False, data.train))
        8,000 training rows, 28 parameters; 64.5 kB besides activations (weights 0.1 kB, ...)
    """
    total = lambda tensors: sum(t.nbytes for t in tensors)
    parts = {"weights": total([*model.parameters(), *model.buffers()]), "gradients": 0, "optimizer": 0}
    for parameters, plan in players:
        parts["gradients"] += total(parameters)
        parts["optimizer"] += plan.moments * total(parameters)
    if average:
        parts["average"] = total(model.parameters())
    parts["data"] = bytes_of(train)
    return Needs(len(train), sum(p.numel() for p in model.parameters()), parts)


def size(n: float) -> str:
    """Formats a number of bytes.

    Example:
        >>> size(4_300_000), size(1.5e9), size(120)
        ('4.3 MB', '1.5 GB', '0.1 kB')
    """
    unit, name = next(u for u in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")) if n >= u[0] or u[1] == "kB")
    return f"{n / unit:.1f} {name}"
