"""A helper that trains or draws sees the same world, whatever the test that calls it has set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, wraps
from typing import Any

import torch


@contextmanager
def untouched() -> Iterator[None]:
    """Gradients and float32 are on, and what is drawn from torch's generator is given back."""
    dtype = torch.get_default_dtype()
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.set_default_dtype(torch.float32)
        try:
            yield
        finally:
            torch.set_default_dtype(dtype)


def kept(make: Callable[..., Any]) -> Callable[..., Any]:
    """Make something once for all tests, so that no test depends on which of them asks first."""

    @cache
    @wraps(make)
    def once(*arguments: Any, **more: Any) -> Any:
        with untouched():
            return make(*arguments, **more)

    return once
