"""Bidirectional Helmholtz machine and mean-field belief net on 8x8 digits, beside reweighted wake-sleep.

command     python recipes/helmholtz_digits.py [MODEL ...] [--epochs N] (MODEL is bihm, mean-field or rws)
protocol    the 1,797 embedded digits, binarized by a threshold, 1,437 train and 180 test images; each model's
            own lower bound of log p(x) of the test images in nats, k = 1,000 draws where it draws. A
            bidirectional machine is the normalized p*; its bound holds without Z, whose estimate is printed
published   none for these data (Bornschein et al. 2016 train up to twelve layers on binarized MNIST)
ours        bihm -18.07 +- 0.30 nats (Z^2 = 0.509 +- 0.005: log p* is 0.68 nats above log p~),
            mean-field -20.63 +- 0.26, rws -17.53 +- 0.31; 18, 25 and 24 s of CPU time
device      2 shared CPU cores, one thread
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from functools import partial

import torch

import simulacra
from simulacra.core.model import Model
from simulacra.data.dataset import Dataset
from simulacra.evaluation.compare.reproduction import Figure, Measured
from simulacra.models.beliefs.bidirectional import BiHM, normalizer
from simulacra.training.hardware.budget import Budget

MODELS = {
    "bihm": lambda space: simulacra.BiHM(space, hidden=(100, 50), k=10),
    "mean-field": lambda space: simulacra.MeanFieldSBN(space, hidden=(20,), steps=5),
    "rws": lambda space: simulacra.BeliefNet(space, hidden=(100, 50), estimator="rws", k=10),
}
EPOCHS = {"bihm": 300, "mean-field": 60, "rws": 300}
K, DRAWS = 1000, 20_000  # draws of the bound; draws of Z
digits_figure = partial(
    Figure,
    published=None,
    source="",
    unit="nats",
    protocol=f"8x8 digits binarized by a threshold, 180 test images; bound, k = {K:,}",
    tolerance=0.0,
    wide=0.0,
)
FIGURES = tuple(digits_figure(f"{name}, bound of log p(x)") for name in MODELS)


def load() -> Dataset:
    """Loads the digits."""
    return simulacra.load_data("digits", binarize="threshold")


def settings() -> dict:
    """Returns the options of training."""
    return {"lr": 0.01, "schedule": "cosine", "validate": False}


def built(name: str, data: Dataset) -> Model:
    """Returns the untrained model."""
    torch.manual_seed(0)
    return MODELS[name](data.space)


def reproduce(budget: Budget) -> Iterator[Measured]:
    """Measures each model with the same share of the time."""
    data = load()
    for name, figure in zip(MODELS, FIGURES):
        run = budget.fit(name, built(name, data), data, EPOCHS[name], 0.3, **settings())
        found = run.model.log_prob(data.test.x, k=K)
        yield figure.measured(found.mean, found.error, share=run.epochs / EPOCHS[name])


def main() -> None:
    """Trains the models that are named, and prints their bounds and Z."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="*", metavar="MODEL", default=list(MODELS))
    parser.add_argument("--epochs", type=float)
    asked = parser.parse_args()
    data = load()
    for name in asked.models:
        began = time.process_time()
        epochs = asked.epochs or EPOCHS[name]
        with tempfile.TemporaryDirectory() as out:
            run = simulacra.fit(built(name, data), data, out=out, epochs=epochs, **settings())
            seconds = time.process_time() - began
            print(f"{name}: {run.model.log_prob(data.test.x, k=K)}; training {seconds:.0f} s", flush=True)
            if isinstance(run.model, BiHM):
                found = normalizer(run.model, DRAWS)
                print(f"  Z^2 = {found.squared:.3f} +- {found.error:.3f}: -2 log Z = {found.nats:.3f} nats")


if __name__ == "__main__":
    main()
