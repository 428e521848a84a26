"""The convolutional generator on COIL-20: views of 20 objects at angles that training lacks.

command     SIMULACRA_DATA=DATA python recipes/conv_generator_coil20.py [--minutes N] (DATA holds coil20/)
protocol    20 objects at 72 angles, 32 x 32 grey pixels. Training has every fourth angle (0, 20, ..., 340
            degrees: 360 images), the other 1,080 views are held out, 5 or 10 degrees from the nearest. Object
            and angle are the condition, the angle as a point of the circle. Squared error of a pixel on the
            range 0 to 1, times 1,000, of the mean image; log p(x | c) in bits a pixel
published   none for this protocol (the paper renders chairs of its own)
baseline    the view at the nearest training angle; the mean of the two neighbors, and their linear mixture
ours        a trial stopped after 147 of 250 passes, about 40 CPU seconds, at a rate that had not yet fallen:
            6.90 and 3.95 bits with un-pooling; nearest 8.62, mean 6.73, mixture 5.29. The full schedule has
            not run
device      2 shared CPU cores, one thread
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import simulacra
from simulacra.data.dataset import Dataset
from simulacra.evaluation.compare.reproduction import Figure, Measured
from simulacra.training.hardware.budget import Budget

PASSES, SPACING, VIEWS, OBJECTS = 700.0, 4, 72, 20
SETTINGS = {"batch_size": 32, "lr": 2e-3, "schedule": "cosine", "validate": False}
SPACE = simulacra.Levels((1, 32, 32), 256)
GIVEN = simulacra.Table(object=simulacra.Categorical((), OBJECTS), angle=simulacra.Real())
view_figure = partial(
    Figure,
    published=None,
    source="",
    unit="squared error x 1,000",
    protocol="COIL-20, 32 x 32, training at every fourth angle",
    tolerance=0.0,
    wide=0.0,
    better="lower",
)
FIGURES = (
    view_figure("nearest angle"),
    view_figure("mean of both neighbors"),
    view_figure("mixture of both neighbors"),
    view_figure("conv-generator, un-pooling"),
    view_figure("conv-generator, transposed convolutions"),
    view_figure("conv-generator, angle as a number"),
    view_figure("bits of conv-generator, un-pooling", unit="bits a pixel"),
)


def views() -> Tensor:
    """Returns all images by object and angle, shape (20, 72, 1, 32, 32)."""
    with np.load(Path(os.environ.get("SIMULACRA_DATA", "."), "coil20", "coil20_32x32.npz")) as arrays:
        order = np.lexsort((arrays["angle"], arrays["object"]))
        return torch.from_numpy(arrays["images"][order]).view(OBJECTS, VIEWS, *SPACE.shape)


def given(at: Tensor) -> Tensor:
    """Returns object and angle of the views of all objects at some angles, shape (20 n, 2).

    Args:
        at: numbers of the angles, shape (n,).
    """
    return torch.cartesian_prod(torch.arange(OBJECTS).double(), 360 / VIEWS * at.double())


def held_out() -> Tensor:
    """Returns the numbers of the angles that training lacks, shape (54,)."""
    return torch.tensor([i for i in range(VIEWS) if i % SPACING])


def load(x: Tensor) -> Dataset:
    """Returns the training views."""
    at = torch.arange(0, VIEWS, SPACING)
    return simulacra.from_tensors(
        x[:, at].flatten(0, 1), SPACE, "coil20-views", given(at), GIVEN, valid=0.0, test=0.0
    )


def error(made: Tensor, truth: Tensor) -> float:
    """Returns the squared error of a pixel on the range 0 to 1, times 1,000."""
    return 1000 * float((made.double() / 255 - truth.double() / 255).square().mean())


def baselines(x: Tensor) -> list[float]:
    """Returns the errors of the nearest angle, and of the mean and the mixture of both neighbors."""
    at = held_out()
    before, after = (
        x[:, at // SPACING * SPACING].double(),
        x[:, (at // SPACING + 1) * SPACING % VIEWS].double(),
    )
    w = (at % SPACING / SPACING).double().view(1, -1, 1, 1, 1)
    nearest = torch.where(w <= 0.5, before, after)
    return [error(made, x[:, at]) for made in (nearest, (before + after) / 2, (1 - w) * before + w * after)]


def scored(model: simulacra.ConvGenerator, x: Tensor) -> list[float]:
    """Returns the error of the mean images at held-out angles, and the bits of a pixel there."""
    at = held_out()
    truth, c = x[:, at].flatten(0, 1), given(at)
    made = model.sample(len(c), c, seed=0, mean=True)
    return [error(made, truth), -model.log_prob(truth, c).mean / SPACE.dims / np.log(2)]


def reproduce(budget: Budget) -> Iterator[Measured]:
    """Trains the three generators, and measures all at the held-out angles."""
    x = views()
    for figure, value in zip(FIGURES, baselines(x)):
        yield figure.measured(value)
    data, bits = load(x), []
    settings = {"un-pooling": {}, "transposed": {"upsampling": "transposed"}, "number": {"circular": ()}}
    for (name, more), figure in zip(settings.items(), FIGURES[3:]):
        model = simulacra.ConvGenerator(data.space, data.condition, **{"circular": ("angle",), **more})
        run = budget.fit(name, model, data, PASSES, 0.3, **SETTINGS)
        value, rate = budget.once(f"{name}-score", scored, run.model, x)
        bits.append((rate, run.epochs / PASSES))
        yield figure.measured(value, share=run.epochs / PASSES)
    yield FIGURES[-1].measured(bits[0][0], share=bits[0][1])


def main() -> None:
    """Trains, and prints each figure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, help="time limit; none: the full schedule")
    for found in reproduce(Budget(parser.parse_args().minutes)):
        print(f"{found.figure.name}: {found.value:.3f} {found.figure.unit}", flush=True)


if __name__ == "__main__":
    main()
