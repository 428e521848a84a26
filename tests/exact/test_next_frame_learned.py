"""Bouncing squares: the next frame is nearer than the last one again, and sharper with the GDL term.

Weights and limits were chosen on seeds 1 and 2; the fresh seed of the test was not seen before.
"""

from __future__ import annotations

import pytest
import torch

import simulacra
from simulacra import Levels
from simulacra.core.random.keyed import Rng
from simulacra.data.drawn.moving_digits import places
from simulacra.data.sources.tensors import from_tensors
from simulacra.evaluation.pairs.row_scores import sharpness

QUICK = {"progress": False, "validate": False, "doctor": False, "batch_size": 8, "lr": 3e-3}
SPEEDS = torch.tensor([[1, 0], [0, 1], [1, 1], [1, -1], [2, 1], [-1, 2], [0, -2], [-1, -1]])
SIDE, SQUARE, STEPS = 8, 3, 120


def films(n, seed):
    """Five frames each of a bright square that moves at a constant speed and bounces, shape (n, 5, 8, 8)."""
    rng = Rng(seed, "dots", rows=range(n))
    most = SIDE - SQUARE
    start = (rng.uniform("p", 2) * (most + 1)).long()
    at = places(start, SPEEDS[(rng.uniform("v") * len(SPEEDS)).long()], 5, most)
    line = torch.arange(SIDE)
    on = lambda a: (line >= a.unsqueeze(-1)) & (line < a.unsqueeze(-1) + SQUARE)
    return 8 * (on(at[..., 0]).unsqueeze(-1) & on(at[..., 1]).unsqueeze(-2)).long()


def scores(seed, **how):
    """Mean squared error and sharpness of the model and of the last frame, on films that were held out."""
    x, held = films(300, seed), films(60, seed + 1000)
    model = simulacra.NextFrameGAN(
        Levels((1, 8, 8), 9), Levels((4, 8, 8), 9), channels=6, blocks=1, adversarial=0.0, seed=seed, **how
    )
    data = from_tensors(x[:, 4:], model.space, c=x[:, :4], condition=model.condition, valid=0.0, test=0.0)
    model = simulacra.fit(model, data, steps=STEPS, seed=seed, **QUICK).model.eval()
    truth, last = held[:, 4:] / 8, held[:, 3:4] / 8
    made = model.sample(60, condition=held[:, :4], seed=0) / 8
    mse = lambda y: (y - truth).square().mean().item()
    return mse(made), mse(last), sharpness(made, truth).mean().item()


@pytest.mark.system("G26")
def test_the_next_frame_is_nearer_than_the_last_and_sharper_than_by_squared_errors_alone():
    blurred, copied, soft = scores(200, gdl=0.0)
    error, _, sharp = scores(200)
    assert max(error, blurred) < 0.65 * copied
    assert sharp > soft + 0.1
