"""A sequence game learns how often each pitch occurs: the dominant frequencies of sines."""

from __future__ import annotations

import math

import pytest
import torch

import simulacra
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.audio import Audio

T, PITCHES = 48, (5, 6, 7, 8)  # samples of a wave; whole turns within it
FACTOR = 10  # by which the distance must fall


def sines(n: int, key: str) -> torch.Tensor:
    """Sines of the pitches, equally often, of any phase, shape (n, T)."""
    rng = Rng(0, key, rows=range(n))
    turns = torch.tensor(PITCHES)[(rng.uniform("pitch") * len(PITCHES)).long()].unsqueeze(1)
    return 0.8 * (2 * math.pi * (turns * torch.arange(T) / T + rng.uniform("phase", 1))).sin()


def pitch(x: torch.Tensor) -> torch.Tensor:
    """The frequency of most energy, in turns, without the mean, shape (B,)."""
    return torch.fft.rfft(x.double()).abs()[:, 1:].argmax(1).double() + 1


def wasserstein(a: torch.Tensor, b: torch.Tensor) -> float:
    """W_1 of two equally large samples of numbers: they are moved in order."""
    return (a.sort().values - b.sort().values).abs().mean().item()


@pytest.mark.system("F23")
def test_the_game_learns_the_marginal_of_the_pitches():
    data = simulacra.from_tensors(sines(1100, "train"), Audio((T,), 8000), valid=0.0, test=0.0)
    held_out = pitch(sines(600, "test"))
    options = {"latent": 4, "hidden": (24, 32), "channels": 8, "frame_size": 8, "lr": 2e-3}
    model = simulacra.GAN(data.space, network="recurrent", **options)
    before = wasserstein(pitch(model.sample(600, seed=5)), held_out)
    simulacra.fit(model, data, steps=240, batch_size=32, progress=False, doctor=False)
    found = pitch(model.sample(600, seed=5))
    after = wasserstein(found, held_out)
    # one pitch for all samples is at least 0.9 away
    assert min(wasserstein(torch.full((600,), float(f)), held_out) for f in PITCHES) > 0.9
    assert before > 5 and after < before / FACTOR and after < 0.9, (before, after)
