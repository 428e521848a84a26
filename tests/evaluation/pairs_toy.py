"""Pairs and models of pairs whose scores are known, those of the doctor's table, and pictures."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from benchmarks.doctor_pairs import SHAPE, A, S, Sampler, model_of, regression  # noqa: F401

from simulacra import Levels, from_tensors


def pictures(n: int = 60, factor: int = 1, channels=(1, 1), side: int = 8, seed: int = 0):
    """Pairs of pictures of 256 levels; the source is negative, smaller by `factor`, or grey."""
    g = torch.Generator().manual_seed(seed)
    whole = torch.randint(0, 256, (n, max(channels), side, side), generator=g, dtype=torch.uint8)
    c = (255 - whole)[:, : channels[0], ::factor, ::factor].contiguous()
    x = whole[:, : channels[1]].contiguous()
    return from_tensors(x, Levels(x.shape[1:], 256), c=c, condition=Levels(c.shape[1:], 256))
