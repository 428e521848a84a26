"""Measures a step of masked diffusion beside a bare loop of equal size."""

from __future__ import annotations

import time

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.timing import Row, interleaved
from benchmarks.training import our_fit
from benchmarks.transformer import BATCH, CLASSES, WIDTH, Bare, T, bare_loop, step_row
from simulacra.core.spaces.tokens import Tokens
from simulacra.data.sources.tensors import from_tensors
from simulacra.models.diffusion.masked.model import MaskedDiffusion

NAME = "masked diffusion (4 layers of 128, 65 tokens)"


class BareMasked(Bare):
    """The same sizes from the layers of torch, with masks in place of some tokens."""

    def __init__(self) -> None:
        super().__init__(CLASSES, T)
        self.A = nn.Embedding(CLASSES + 1, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """Computes the mean of the bound at one number of masks a row, in nats.

        Args:
            x: tokens, shape (B, T).
        """
        t = torch.randint(1, T + 1, (len(x), 1))
        masked = torch.rand(x.shape).argsort(1).argsort(1) < t
        h = self.P + self.A(torch.where(masked, CLASSES, x))
        nats = F.cross_entropy(self.Y(self.layers(h)).transpose(1, 2), x, reduction="none")
        return (nats * masked * (T / t)).sum(1).mean()


def masked(quick: bool) -> list[Row]:
    """Measures a step, at most 1.03 of a bare loop's."""
    steps, repeats = (4, 3) if quick else (12, 7)
    data = from_tensors(torch.randint(1, CLASSES, (20 * BATCH, T)), Tokens((T,), CLASSES), valid=0)
    ours = lambda: our_fit(MaskedDiffusion(data.space), data, steps, BATCH)
    bare = lambda: bare_loop(BareMasked(), data.train.x.long(), steps)
    return [step_row(NAME, interleaved({"fit": ours, "bare": bare}, repeats, time.process_time), steps)]
