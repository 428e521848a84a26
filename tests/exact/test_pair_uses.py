"""Uses of games of pairs on toys: edges to filled shapes, degraded galaxies, noisy squares.

Limits were set before any fresh seed was run. Fresh seeds 200 to 204 gave 0.80 to 0.95 against 0.0 (G19) and
3.1 to 4.4 dB (F22). G28 missed its limit at two of the seeds 210 to 214; its options were mended on these;
seeds 220 to 224 gave 4.6 to 7.7 dB.
"""

from __future__ import annotations

import pytest
import torch

import simulacra
from simulacra import Levels
from simulacra.core.random.keyed import Rng
from simulacra.data.sources.tensors import from_tensors

QUICK = {"progress": False, "validate": False, "doctor": False, "batch_size": 8, "lr": 1e-2}
SIDE, LEVELS, TESTED = 12, 64, 50


def trained(model, x, c, steps, seed):
    data = from_tensors(x, model.space, c=c, condition=model.condition, valid=0.0, test=0.0)
    return simulacra.fit(model, data, steps=steps, seed=seed, **QUICK).model.eval()


def boxes(n, seed):
    """Returns rectangles of 3 or 4 pixels a side as masks, shape (n, 1, 8, 8), and their edges."""
    u = Rng(seed, "boxes", rows=range(n)).uniform("places", 4).view(n, 4, 1, 1, 1)
    i, j = torch.arange(8).view(8, 1), torch.arange(8)
    top, left = (3 * u[:, 0]).long(), (3 * u[:, 1]).long()
    bottom, right = top + 3 + (2 * u[:, 2]).long(), left + 3 + (2 * u[:, 3]).long()
    inside = (i >= top) & (i <= bottom) & (j >= left) & (j <= right)
    inner = (i > top) & (i < bottom) & (j > left) & (j < right)
    return inside, (inside & ~inner).long()


def right_pixels(seed):
    """Shares of right pixels inside shapes, of the game and of the distance alone.

    Each outline comes once with a bright and once with a dark filling on grey: both answers are right, but
    only as a whole.
    """
    (inside, edges), (shape, given) = boxes(100, seed), boxes(TESTED, seed + 1000)
    x, c = torch.cat([1 + inside.long(), 1 - inside.long()]), torch.cat([edges, edges])

    def share(steps, **how):
        model = simulacra.Pix2Pix(
            Levels((1, 8, 8), 3), Levels((1, 8, 8), 2), channels=6, halvings=1, l1=1.0, seed=seed, **how
        )
        made = trained(model, x, c, steps, seed).sample(TESTED, condition=given, seed=seed)
        hits = [((made == 1 + way * shape.long()) & shape).flatten(1).sum(1) for way in (1, -1)]
        return float((torch.stack(hits).amax(0) / shape.flatten(1).sum(1)).mean())

    return share(80), share(30, adversarial=0.0, latent=0)


@pytest.mark.system("G19")
def test_edges_become_filled_shapes_where_the_distance_alone_blurs():
    game, blurred = right_pixels(200)
    assert game > 0.6
    assert blurred < 0.2


def psnr(made, truth):
    return float((-10 * ((made - truth) / (LEVELS - 1)).square().flatten(1).mean(1).log10()).mean())


def galaxies(n, seed):
    """Round and oval Gaussian galaxies, and the same blurred by a 3 x 3 box and noise, in levels."""
    rng = Rng(seed, "galaxies", rows=range(n))
    u = rng.uniform("places", 4).view(n, 4, 1, 1, 1)
    i, j = torch.arange(SIDE).view(SIDE, 1) - 3 - 6 * u[:, 0], torch.arange(SIDE) - 3 - 6 * u[:, 1]
    light = torch.exp(-(i / (1 + u[:, 2])).square() / 2 - (j / (1 + u[:, 3])).square() / 2)
    poor = torch.nn.functional.avg_pool2d(light, 3, 1, 1) + 0.2 * rng.normal("noise", 1, SIDE, SIDE)
    return [(h.clamp(0, 1) * (LEVELS - 1)).round().long() for h in (light, poor)]


def gain_of_galaxies(seed):
    """PSNR of restored galaxies less that of degraded ones, in dB."""
    (x, c), (truth, poor) = galaxies(200, seed), galaxies(TESTED, seed + 1000)
    space = Levels((1, SIDE, SIDE), LEVELS)
    model = simulacra.Pix2Pix(space, space, channels=16, halvings=1, normalization="none", seed=seed)
    made = trained(model, x, c, 120, seed).sample(TESTED, condition=poor, seed=seed)
    return psnr(made, truth) - psnr(poor, truth)


@pytest.mark.system("G28")
def test_degraded_galaxies_gain_signal():
    assert gain_of_galaxies(220) > 4


def gain_of_squares(seed):
    """PSNR of restored squares less that of noisy ones, in dB; in training no square is both."""
    x = 16 + 31 * boxes(200 + TESTED, seed)[0].long()
    noise = 10 * Rng(seed, "noise", rows=range(len(x))).normal("n", 1, 8, 8)
    y = (x + noise).round().clamp(0, LEVELS - 1).long()
    space = Levels((1, 8, 8), LEVELS)
    how = {"network": "residual", "halvings": 0, "normalization": "none"}
    model = simulacra.CleanGAN(space, space, channels=4, consistency=30.0, seed=seed, **how)
    model = trained(model, x[:100], y[100:200], 60, seed)
    truth, poor = x[200:], y[200:]
    return psnr(model.sample(TESTED, condition=poor, seed=seed), truth) - psnr(poor, truth)


@pytest.mark.system("F22")
def test_noisy_squares_gain_signal_without_a_look_at_their_own_truth():
    assert gain_of_squares(200) > 2
