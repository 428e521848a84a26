"""Tiny games of captions for exact tests."""

from __future__ import annotations

import torch

import simulacra
from simulacra import Levels, Tokens
from simulacra.core.batch import Batch
from simulacra.core.random.keyed import Rng

WORDS = Tokens((3,), 5, ("<end>", "<unknown>", "red", "blue", "disc"), unknown=1, unit="words")
SPACE = Levels((1, 6, 6), 4)
TINY = {"latent": 3, "embedding": 5, "hidden": 4, "short": 2, "channels": 2}


def game(space=SPACE, **more) -> simulacra.GANCLS:
    """A game of captions without normalization, so that rows do not mix within its networks."""
    torch.manual_seed(4)
    plain = {"normalization": "none", "critic_normalization": "none"}
    return simulacra.GANCLS(space, WORDS, **{**TINY, **plain, **more}).double()


def stacked(side=12, **more) -> simulacra.StackGAN:
    """Two stages on pictures of a small side, drafts of half of it."""
    torch.manual_seed(5)
    plain = {"normalization": "none", "critic_normalization": "none", "enlarged": 2, "blocks": 1}
    return simulacra.StackGAN(Levels((1, side, side), 4), WORDS, **{**TINY, **plain, **more}).double()


def pictures(captions, side=6, seed=3) -> Batch:
    """Random pictures with these captions."""
    rng = Rng(seed, "pictures", rows=range(len(captions)))
    x = (rng.uniform("x", 1, side, side) * 4).long()
    return Batch.of(x, WORDS.rows(captions))


def nearly(a, b):
    torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)
