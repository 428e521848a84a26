"""Backends: one process without wrappers, or several processes and mixed precision by Lightning Fabric.

For one process in fp32 the losses are called directly, as Fabric's wrappers would add 70 us to each step.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn

from simulacra.core.errors.suggestion import Refusal, train_with
from simulacra.training.options import Options


class Backend:
    """One process on one device.

    Args:
        device: the device.
    """

    rank = 0
    world = 1

    def __init__(self, device: torch.device):
        self.device = device

    def wrap(self, module: nn.Module) -> Callable[..., Any]:
        """Returns the module as it is called in training."""
        return module

    def backward(self, loss: Tensor) -> None:
        """Accumulates gradients."""
        loss.backward()

    def unsynchronized(self, module: Any, active: bool) -> AbstractContextManager:
        """Context without exchange of gradients, for all micro-batches but the last.

        Args:
            module: wrapped module.
            active: False to exchange gradients.
        """
        return nullcontext()

    def sum(self, t: Tensor) -> Tensor:
        """Returns the sum over processes."""
        return t

    def total(self, t: Tensor) -> Tensor:
        """Returns the sum over processes, with gradients to all of them."""
        return t

    def gather(self, t: Tensor) -> Tensor:
        """Returns the rows of all processes in global order."""
        return t

    def barrier(self) -> None:
        """Waits for all processes."""


class FabricBackend(Backend):
    """Several processes or autocast, by a launched `lightning_fabric.Fabric`.

    Args:
        fabric: the Fabric.
    """

    def __init__(self, fabric: Any):
        # keep the deprecated option: its replacement would copy rank 0's buffers (chains) to all processes
        warnings.filterwarnings("ignore", message="[\\s\\S]*broadcast_buffers")
        super().__init__(fabric.device)
        self.fabric = fabric
        self.rank = fabric.global_rank
        self.world = fabric.world_size

    def wrap(self, module: nn.Module) -> Callable[..., Any]:
        """Wraps the loss in DDP, without broadcast of buffers, because chains differ between processes."""
        return cast(Callable[..., Any], self.fabric.setup_module(module, move_to_device=False))

    def backward(self, loss: Tensor) -> None:
        """Accumulates gradients and exchanges them."""
        self.fabric.backward(loss)

    def unsynchronized(self, module: Any, active: bool) -> AbstractContextManager:
        """Context of DDP's `no_sync`.

        Args:
            module: wrapped module.
            active: False to exchange gradients.
        """
        if self.world == 1:
            return nullcontext()
        return cast(AbstractContextManager, self.fabric.no_backward_sync(module, enabled=active))

    def sum(self, t: Tensor) -> Tensor:
        """Returns the all-reduced sum."""
        if self.world > 1:
            t = t.to(self.device, copy=True)
            dist.all_reduce(t)
        return t

    def total(self, t: Tensor) -> Tensor:
        """Returns the all-reduced sum, whose gradient is the sum of the gradients."""
        return cast(Tensor, Total.apply(t)) if self.world > 1 else t

    def gather(self, t: Tensor) -> Tensor:
        """Returns the concatenated shards, which may differ in length by one row."""
        if self.world == 1:
            return t
        parts: list[Any] = [None] * self.world
        sizes = torch.zeros(self.world, dtype=torch.long, device=t.device)
        sizes[self.rank] = len(t)
        dist.all_reduce(sizes)
        padded = t.new_zeros(int(sizes.max()), *t.shape[1:])
        padded[: len(t)] = t
        parts = [torch.empty_like(padded) for _ in range(self.world)]
        dist.all_gather(parts, padded)
        return torch.cat([p[:n] for p, n in zip(parts, sizes.tolist())])

    def barrier(self) -> None:
        """Waits for all processes."""
        self.fabric.barrier()


class Total(torch.autograd.Function):
    """Equation (1) of `core.numerics.exchange`: a sum over processes that is twice differentiable."""

    @staticmethod
    def forward(ctx: Any, t: Tensor) -> Tensor:
        """Returns the sum of t over processes."""
        t = t.contiguous().clone()
        dist.all_reduce(t)
        return t

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        """Returns the sum of the gradients over processes."""
        return Total.apply(gradients[0])


def choose_device(name: str) -> torch.device:
    """Returns the device named `cpu`, `cuda` or `mps`, or the best available one for `auto`.

    Args:
        name: name of the device.

    Raises:
        ValueError: if the device is not available.
    """
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = next(kind for kind, present in there.items() if present)
    if not there[name]:
        ways = train_with(device="cpu"), train_with(device="auto")
        raise Refusal(f"device {name!r} is not available here; use {ways[0]} or {ways[1]}.", *ways)
    return torch.device(name)


def plain(options: Options) -> Backend | None:
    """Returns the backend without wrappers for one process in fp32, otherwise None."""
    if options.devices == 1 and options.precision == "32":
        return Backend(choose_device(options.device))
    return None


def make_fabric(options: Options, start_method: str = "spawn") -> Any:
    """Returns a Fabric for the options, not yet launched.

    Args:
        options: training options.
        start_method: method of starting processes: `spawn` or `fork`.
    """
    from lightning_fabric import Fabric
    from lightning_fabric.strategies import DDPStrategy

    kind = choose_device(options.device).type
    strategy: Any = "auto"
    if options.devices > 1:
        method = cast(Any, start_method)
        strategy = DDPStrategy(
            start_method=method,
            broadcast_buffers=False,
            process_group_backend="nccl" if kind == "cuda" else "gloo",
        )
    precision = "bf16-mixed" if options.precision == "bf16" else "32-true"
    return Fabric(
        accelerator=kind, devices=options.devices, strategy=strategy, precision=cast(Any, precision)
    )
