"""Convolutional machines as dense ones: filters unrolled place by place, and all states, by numpy alone."""

from __future__ import annotations

import itertools

import numpy as np
import torch
from torch import Tensor, nn


def randomise(model: nn.Module, scale: float = 1.0) -> None:
    """Every parameter normal with deviation `scale`."""
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(scale * torch.randn_like(p))


def unrolled(w: np.ndarray, size: tuple[int, int], pool: int) -> np.ndarray:
    """T of filters w (K, C, k, k): W_k * v = T'v for each unit, shape (C H W, K, blocks, pool^2).

    A unit at (y, x) lies in the block (y / pool, x / pool), at the place (y, x) within it.
    """
    filters, channels, k, _ = w.shape
    height, width = (side - k + 1 for side in size)
    t = np.zeros((channels, *size, filters, (height // pool) * (width // pool), pool * pool))
    for y, x, dy, dx in itertools.product(range(height), range(width), range(k), range(k)):
        block = (y // pool) * (width // pool) + x // pool
        t[:, y + dy, x + dx, :, block, (y % pool) * pool + x % pool] += w[:, :, dy, dx].T
    return t.reshape(channels * size[0] * size[1], *t.shape[3:])


def at_most_one(filters: int, blocks: int, n: int) -> np.ndarray:
    """All states with at most one unit of a block on, shape (states, filters, blocks, n)."""
    each = np.concatenate([np.zeros((1, n)), np.eye(n)])
    chosen = np.array(list(itertools.product(range(n + 1), repeat=filters * blocks)))
    return each[chosen].reshape(-1, filters, blocks, n)


def draws(shapes: dict[str, tuple[int, ...]], units: dict, n: int = 6, seed: int = 4) -> dict[str, Tensor]:
    """Random values of all layers, of kinds as they are drawn from a normal field."""
    rng = np.random.default_rng(seed)
    values = {}
    for name, shape in shapes.items():
        values[name] = torch.tensor(rng.normal(size=(n, *shape)))
        if name != "v":
            on = rng.random((n, *shape)) < 0.6 / shape[-1]
            values[name] = torch.tensor((on & (on.cumsum(-1) == 1) if shape[-1] > 1 else on).astype(float))
    return values
