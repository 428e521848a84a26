"""Clean digits from noisy ones by a conditional RBM, trained by four losses, beside a logistic regression.

command     SIMULACRA_DATA=DATA python recipes/mnist_denoise_crbm.py [--minutes N] [--rows N] [--hidden N]
            (DATA holds mnist/*.gz)
protocol    MNIST, pixels above one half are 1; the input is the grey digit with salt and pepper of level 0.2,
            which replaces a fifth of the pixels by 0 or 1. Error: share of the pixels of the test images that
            differ from the clean ones, of which 8.6 times as many are 0 as 1
published   none quotable: Mnih, Larochelle and Hinton 2011 print other noise on other images
baseline    the noisy image itself, cut at one half; a logistic regression of each pixel on all pixels
ours        not measured yet
device      2 shared CPU cores, one thread
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

import simulacra
from simulacra.data.dataset import Dataset, Split
from simulacra.evaluation.compare.reproduction import Figure, Measured
from simulacra.training.hardware.budget import Budget

PASSES, PIXELS = 20.0, 784
SETTINGS = {"batch_size": 100, "schedule": "linear", "validate": False}
LOSSES: dict[str, dict] = {
    "percloss": {"estimator": "percloss", "margin": 2.0, "lr": 0.02},
    "mean-field": {"estimator": "mean-field", "lr": 0.02},
    "cd": {"estimator": "cd", "lr": 0.02},
}
error_figure = partial(
    Figure,
    published=None,
    source="",
    unit="%",
    protocol="MNIST cut at one half, salt and pepper of level 0.2, all pixels of 10,000 test images",
    better="lower",
    tolerance=0.0,
    wide=0.0,
)
FIGURES = (
    error_figure("pixel error of the noisy image"),
    error_figure("pixel error of a logistic regression a pixel"),
    *(error_figure(f"pixel error of structured-crbm, {name}") for name in LOSSES),
)


def load(rows: int | None = None) -> Dataset:
    """Returns the digits, each with its noisy copy as the condition."""
    return simulacra.load_data(
        "mnist", binarize="threshold", condition="salt:0.2", validation=0.0, limit=rows
    )


def built(data: Dataset, loss: str, hidden: int = 256) -> simulacra.StructuredCRBM:
    """Returns the untrained machine for one of the losses."""
    return simulacra.StructuredCRBM(data.space, data.condition, hidden=hidden, momentum=0.5, **LOSSES[loss])


def whole(split: Split) -> tuple[Tensor, Tensor]:
    """Returns clean pixels of 0 and 1, and inputs on the range 0 to 1, both of shape (N, 784)."""
    rows = split.rows(torch.arange(len(split)))
    return (rows.x.flatten(1).float() > 127.5).float(), rows.c.flatten(1).float() / 255


def percent_wrong(made: Tensor, truth: Tensor) -> float:
    """Returns the share of pixels that differ, in percent."""
    return 100 * float((made != truth).double().mean())


def regression(data: Dataset, passes: int = 5, batch: int = 100, lr: float = 1e-3) -> float:
    """Returns the error of the logistic regression of each pixel, fitted to the training images by Adam."""
    x, u = whole(data.train)
    a, b = torch.zeros(PIXELS, PIXELS, requires_grad=True), torch.zeros(PIXELS, requires_grad=True)
    steps, order = passes * (len(x) // batch), torch.Generator().manual_seed(0)
    optimizer = torch.optim.Adam([a, b], lr=lr)
    falling = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.01, steps)
    for _ in range(steps):
        i = torch.randint(len(x), (batch,), generator=order)
        loss = F.binary_cross_entropy_with_logits(u[i] @ a + b, x[i], reduction="sum") / batch
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        falling.step()
    truth, inputs = whole(data.test)
    with torch.no_grad():
        return percent_wrong((inputs @ a + b > 0).float(), truth)


def scored(model: simulacra.StructuredCRBM, data: Dataset) -> float:
    """Returns the error of the model's answers to the test inputs."""
    rows = data.test.rows(torch.arange(len(data.test)))
    made = model.translate(rows.c).flatten(1).float()
    return percent_wrong((made > 0.5).float(), whole(data.test)[0])


def reproduce(budget: Budget) -> Iterator[Measured]:
    """Measures both baselines, then each loss after its training."""
    yield from measured(budget, load())


def measured(budget: Budget, data: Dataset, hidden: int = 256) -> Iterator[Measured]:
    """Measures on some of the digits, or with another number of hidden units."""
    truth, inputs = whole(data.test)
    yield FIGURES[0].measured(percent_wrong((inputs > 0.5).float(), truth))
    yield FIGURES[1].measured(budget.once("regression", regression, data))
    for figure, loss in zip(FIGURES[2:], LOSSES):
        run = budget.fit(loss, built(data, loss, hidden), data, PASSES, 0.3, **SETTINGS)
        yield figure.measured(
            budget.once(f"{loss}-score", scored, run.model, data), share=run.epochs / PASSES
        )


def main() -> None:
    """Trains, and prints each figure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, help="time limit; none: the full schedule")
    parser.add_argument("--rows", type=int, help="training images; none: all")
    parser.add_argument("--hidden", type=int, default=256, help="hidden units")
    args = parser.parse_args()
    for found in measured(Budget(args.minutes), load(args.rows), args.hidden):
        print(f"{found.figure.name}: {found.value:.3f} {found.figure.unit}", flush=True)


if __name__ == "__main__":
    main()
