"""Uses of games of pairs on toys: edges to filled shapes, degraded galaxies, noisy squares."""

from __future__ import annotations

import pytest
import torch

import simulacra
from simulacra import Binary, Levels
from simulacra.core.random.keyed import Rng
from simulacra.data.sources.tensors import from_tensors

QUICK = {"progress": False, "validate": False, "doctor": False, "batch_size": 8}
SIDE, LEVELS = 12, 64


def trained(model, x, c, steps):
    data = from_tensors(x, model.space, c=c, condition=model.condition, valid=0.0, test=0.0)
    return simulacra.fit(model, data, steps=steps, **QUICK).model.eval()


def striped(n, key):
    """Rectangles of stripes that begin with a bright or a dark row by the toss of a coin, and their edges."""
    u = Rng(0, key, rows=range(n)).uniform("places", 5).view(n, 5, 1, 1, 1)
    i, j = torch.arange(8).view(8, 1), torch.arange(8)
    top, left = (2 * u[:, 0]).long(), (2 * u[:, 1]).long()
    bottom, right = top + 4 + (2 * u[:, 2]).long(), left + 4 + (2 * u[:, 3]).long()
    inside = (i >= top) & (i <= bottom) & (j >= left) & (j <= right)
    inner = (i > top) & (i < bottom) & (j > left) & (j < right)
    bright = (i + (u[:, 4] < 0.5)) % 2 == 0
    return (inside & bright).long(), (inside & ~inner).long(), inside


@pytest.mark.system("G19")
def test_edges_become_filled_shapes_where_the_distance_alone_blurs():
    """Which row is bright is not in the edges: the best of both answers has more right pixels than a blur."""
    (x, c, _), (truth, edges, inside) = striped(200, "train"), striped(50, "test")
    other = torch.where(inside, 1 - truth, truth)

    def right(model):
        made = model.emit(model.prior(Rng(3, rows=range(50))), edges).detach()
        hits = [((made - t).abs() < 0.25).flatten(1).float().mean(1) for t in (truth, other)]
        return float(torch.stack(hits).amax(0).mean())

    space = Binary((1, 8, 8))
    more = {"channels": 6, "lr": 3e-3, "network": "residual", "l1": 0.3}
    build = lambda **how: simulacra.Pix2Pix(space, space, **more, **how)
    game = right(trained(build(), x, c, 100))
    blurred = right(trained(build(adversarial=0.0, latent=0), x, c, 50))
    assert game > blurred + 0.05
    assert game > 0.85


def galaxies(n, key):
    """Round and oval Gaussian galaxies, and the same blurred by a 3 x 3 box and noise, in levels."""
    rng = Rng(0, key, rows=range(n))
    u = rng.uniform("places", 4).view(n, 4, 1, 1, 1)
    i, j = torch.arange(SIDE).view(SIDE, 1) - 3 - 6 * u[:, 0], torch.arange(SIDE) - 3 - 6 * u[:, 1]
    light = torch.exp(-(i / (1 + u[:, 2])).square() / 2 - (j / (1 + u[:, 3])).square() / 2)
    poor = torch.nn.functional.avg_pool2d(light, 3, 1, 1) + 0.2 * rng.normal("noise", 1, SIDE, SIDE)
    return [(h.clamp(0, 1) * (LEVELS - 1)).round().long() for h in (light, poor)]


def psnr(made, truth, top):
    return float((-10 * ((made - truth) / top).square().flatten(1).mean(1).log10()).mean())


@pytest.mark.system("G28")
def test_degraded_galaxies_gain_signal():
    (x, c), (truth, poor) = galaxies(200, "train"), galaxies(50, "test")
    space = Levels((1, SIDE, SIDE), LEVELS)
    model = trained(simulacra.Pix2Pix(space, space, channels=6, lr=3e-3), x, c, 90)
    gain = psnr(model.sample(50, condition=poor), truth, LEVELS - 1) - psnr(poor, truth, LEVELS - 1)
    assert gain > 2


@pytest.mark.system("F22")
def test_noisy_squares_gain_signal_without_a_look_at_their_own_truth():
    """No term compares x^ with the x that belongs to y."""
    space = Levels((1, 8, 8), LEVELS)
    x = 16 + 31 * striped(200, "squares")[2].long()
    noise = 10 * Rng(0, "noise", rows=range(200)).normal("n", 1, 8, 8)
    y = (x + noise).round().clamp(0, LEVELS - 1).long()
    model = simulacra.CleanGAN(space, space, channels=6, lr=3e-3, network="residual", consistency=30.0)
    model = trained(model, x[:150], y[:150], 70)
    truth, poor = x[150:], y[150:]
    gain = psnr(model.sample(50, condition=poor), truth, LEVELS - 1) - psnr(poor, truth, LEVELS - 1)
    assert gain > 1.5
