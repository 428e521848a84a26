"""Candidates for structured outputs: the outputs of training rows whose inputs have nearly the same hash.

    S(u) = { y_n : n among the K rows of least Hamming distance |code(u) - code(u_n)| }               (1)

Rows of equal distance are taken in their order. The hash is spectral, fitted to the stored inputs.

Reference: Mnih, Larochelle and Hinton 2011; Weiss, Torralba and Fergus 2008. Row A20.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from simulacra.core.numerics.hashing import SpectralHash, differing_bits, spectral_hash
from simulacra.core.random.keyed import Rng, some_of
from simulacra.core.updates import Source

CHUNK = 4096  # rows that are read at once


class OutputMemory(nn.Module):
    """Outputs of training rows and the codes of their inputs, by which equation (1) finds candidates.

    Args:
        inputs: entries of an input.
        outputs: entries of an output, each 0 or 1.
        bits: bits of a code.
        rows: number of training rows that are stored.
        candidates: number K of candidates of an input.
    """

    weights: Tensor
    offsets: Tensor
    codes: Tensor
    stored: Tensor
    count: Tensor

    def __init__(self, inputs: int, outputs: int, bits: int, rows: int, candidates: int):
        super().__init__()
        self.rows, self.candidates = rows, candidates
        self.register_buffer("weights", torch.zeros(bits, inputs))
        self.register_buffer("offsets", torch.zeros(bits))
        self.register_buffer("codes", torch.zeros(rows, bits, dtype=torch.bool))
        self.register_buffer("stored", torch.zeros(rows, outputs, dtype=torch.uint8))
        self.register_buffer("count", torch.tensor(0))

    @property
    def hash(self) -> SpectralHash:
        """The fitted hash."""
        return SpectralHash(self.weights, self.offsets)

    def store(self, u: Tensor, y: Tensor) -> None:
        """Fits the hash to inputs, and stores their codes and outputs.

        Args:
            u: inputs, shape (N, inputs), N at most `rows`.
            y: their outputs, shape (N, outputs).
        """
        n, fitted = len(u), spectral_hash(u, len(self.offsets))
        self.weights.copy_(fitted.weights)
        self.offsets.copy_(fitted.offsets)
        self.codes[:n] = self.hash.codes(u)
        self.stored[:n] = y.to(torch.uint8)
        self.count.fill_(n)

    def nearest(self, u: Tensor) -> Tensor:
        """Returns the row numbers of (1), the nearest first, int64, shape (B, K).

        Args:
            u: inputs, shape (B, inputs).
        """
        place = torch.arange(self.rows, device=u.device)
        # unused rows come last; all ranks differ, so that the choice does not depend on the routine
        far = torch.where(place < self.count, 0, len(self.offsets) + 1)
        rank = (differing_bits(self.hash.codes(u), self.codes) + far) * self.rows + place
        return rank.topk(self.candidates, 1, largest=False).indices

    def candidates_of(self, u: Tensor) -> Tensor:
        """Returns the outputs of (1) in the type of u, shape (B, K, outputs).

        Args:
            u: inputs, shape (B, inputs).
        """
        return self.stored[self.nearest(u)].to(u.dtype)


def remember(model: Any, source: Source, rng: Rng) -> None:
    """Stores rows of the training split in the memory of a model.

    Args:
        model: model with a condition and a `memory`.
        source: training split.
        rng: random numbers of the choice and of the preprocessing.
    """
    memory, chosen = model.memory, some_of(len(source), model.memory.rows, rng.at("memory"))
    parts, done = [], 0
    for index in chosen.split(CHUNK):
        batch = source.batch(index, rng.on(range(done, done + len(index))))
        done += len(index)
        assert batch.c is not None
        parts.append((model.condition.vectors(batch.c, model.dtype), model.visible(batch.x)))
    u, y = (torch.cat(each) for each in zip(*parts))
    memory.store(u.to(memory.weights), y.to(memory.stored.device))
