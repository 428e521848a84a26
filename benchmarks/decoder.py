"""Compares the mean of a decoder of 64x64 images with 256 grey levels with the time of its network."""

from __future__ import annotations

import time

import torch
from torch import Tensor

from benchmarks.timing import Row, interleaved, median, ratio
from simulacra.core.distributions.elementary import DiscretizedLogistic
from simulacra.core.spaces.plain import Levels
from simulacra.models.variational.vae import VAE


def summed(p: DiscretizedLogistic) -> Tensor:
    """Returns the mean as a sum over 255 thresholds, as it was computed before the closed form."""
    m, s = p.loc * p.width + p.centre, p.log_scale.exp() * p.width
    total = torch.zeros_like(m)
    for t in range(1, p.levels):
        total = total + torch.sigmoid((m - t + 0.5) / s)
    return total


def decoder(quick: bool) -> list[Row]:
    """Measures `decode` of one code, its network alone, and the network with the sum over thresholds."""
    model = VAE(Levels((1, 64, 64), 256), latent=16, hidden=(256,)).eval()
    z = torch.randn(1, 16)
    p = model.likelihood(z)
    with torch.no_grad():
        seconds = interleaved(
            {
                "decode": lambda: model.decode(z),
                "network": lambda: model.likelihood(z),
                "sum": lambda: summed(model.likelihood(z)),
            },
            20 if quick else 100,
            clock=time.process_time,
        )
        exact = DiscretizedLogistic(p.loc.double(), p.log_scale.double(), p.levels, p.event_dims)
        off = float((exact.mean - summed(exact)).abs().max())
    low, middle, high = ratio(seconds, "sum", "decode")
    return [
        Row(
            "mean of a 64x64 decoder",
            f"{1e3 * median(seconds['decode']):.1f} ms of CPU, network alone "
            f"{1e3 * median(seconds['network']):.1f} ms; {middle:.1f} times as fast as the sum "
            f"({low:.1f} to {high:.1f})",
            "> 1.5 times, off by < 0.0002 levels",
            middle > 1.5 and off < 2e-4,
            f"one code of 16, hidden 256, 256 grey levels; off by {off:.5f} of a level at most",
        )
    ]
