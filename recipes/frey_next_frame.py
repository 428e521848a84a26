"""The next frame of the Frey face: the last frame again, squared errors alone, with edges, and with the game.

command     SIMULACRA_DATA=DATA python recipes/frey_next_frame.py [--minutes N] (DATA holds freyfaces/)
protocol    1,965 frames of 28 x 20 in their order, each given the 4 before it; the first 80 % train, then a
            tenth each for validation and test, and no window crosses a cut. PSNR and the sharpness difference
            in dB, means over the 192 test frames
published   none for these data (Mathieu et al. 2015 report UCF101)
baseline    the last frame again
ours        not measured yet
device      2 shared CPU cores, one thread
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor

import simulacra
from simulacra.core.model import Model
from simulacra.data.dataset import Dataset
from simulacra.evaluation.compare.reproduction import Figure, Measured
from simulacra.evaluation.latents.fidelity import psnr
from simulacra.evaluation.pairs.row_scores import sharpness
from simulacra.training.hardware.budget import Budget

PASSES = 50.0
SETTINGS = {"batch_size": 16, "validate": False}
LOSSES = {
    "squared error": {"adversarial": 0.0, "gdl": 0.0},
    "error and edges": {"adversarial": 0.0},
    "game": {},
}
frame_figure = partial(
    Figure,
    published=None,
    source="",
    unit="dB",
    protocol="Frey face, 28 x 20, next frame given 4, 192 test frames",
    better="higher",
    tolerance=0.0,
    wide=0.0,
)
FIGURES = tuple(
    frame_figure(f"{score}, {name}") for name in ("last frame", *LOSSES) for score in ("PSNR", "sharpness")
)


def load() -> Dataset:
    """Returns the frames, each with the four before it."""
    return simulacra.load_data("frey", condition="past:4")


def built(data: Dataset, channels: int = 32) -> list[Model]:
    """Returns an untrained model for each loss."""
    make = lambda **more: simulacra.NextFrameGAN(data.space, data.condition, channels=channels, **more)
    return [make(**how) for how in LOSSES.values()]


def whole(data: Dataset) -> tuple[Tensor, Tensor]:
    """Returns the test frames on the range 0 to 1, shape (N, 1, 28, 20), and those before them, in levels."""
    rows = data.test.rows(torch.arange(len(data.test)))
    return rows.x.double() / 255, rows.c


def in_db(made: Tensor, truth: Tensor) -> tuple[float, float]:
    """Returns mean PSNR and sharpness of frames; those that are equal to the truth are left out."""
    different = (made != truth).flatten(1).any(1)
    made, truth = made[different], truth[different]
    return float(psnr(made, truth).mean()), float(sharpness(made, truth).mean())


def scored(model: Model, data: Dataset) -> tuple[float, float]:
    """Returns PSNR and sharpness of the model's next frames."""
    x, c = whole(data)
    return in_db(model.sample(len(c), c, seed=0).cpu().double() / 255, x)


def reproduce(budget: Budget) -> Iterator[Measured]:
    """Measures the last frame, then each model after its training."""
    data = load()
    x, c = whole(data)
    for figure, value in zip(FIGURES, in_db(c[:, -1:].double() / 255, x)):
        yield figure.measured(value)
    for i, (name, model) in enumerate(zip(LOSSES, built(data)), 1):
        run = budget.fit(name.replace(" ", "-"), model, data, PASSES, 0.3, **SETTINGS)
        values = budget.once(f"{name}-score", scored, run.model, data)
        for figure, value in zip(FIGURES[2 * i :], values):
            yield figure.measured(value, share=run.epochs / PASSES)


def main() -> None:
    """Trains, and prints each figure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, help="time limit; none: the full schedule")
    for found in reproduce(Budget(parser.parse_args().minutes)):
        print(f"{found.figure.name}: {found.value:.2f} {found.figure.unit}", flush=True)


if __name__ == "__main__":
    main()
