"""Deep autoencoders with a code of 30 numbers against PCA with 30 components, on MNIST.

command     SIMULACRA_DATA=DATA python recipes/autoencoder_mnist.py     (DATA holds mnist/*.gz)
protocol    pixels in [0, 1]; squared error per test image, 60,000 training and 10,000 test images
network     784-1000-500-250-30 and its mirror; trained at once, or stacked layer by layer first
published   Hinton and Salakhutdinov 2006 (RBM pre-training, long fine-tuning): 3.00; PCA 13.87
ours        with --epochs 6 only: at once 11.00 (train 10.90; 1.3 min), stacked 7.73 (train 7.72;
            6 passes a stage, 3.3 min): layers first help, both are far from converged
device      2 shared CPU cores, one thread
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import torch

import simulacra
from simulacra.core.model import Model
from simulacra.data.dataset import Dataset, Split
from simulacra.evaluation.compare.reproduction import Figure, Measured
from simulacra.training.hardware.budget import Budget
from simulacra.training.run import Run

LAYERS = (1000, 500, 250, 30)
MODELS = {
    "autoencoder": lambda space: simulacra.Autoencoder(space, latent=30, hidden=LAYERS[:-1], net="mlp"),
    "stacked": lambda space: simulacra.StackedAutoencoder(space, layers=LAYERS, activation="relu"),
}
EPOCHS, PUBLISHED_EPOCHS = 20, 200  # the authors' code makes 200 passes of fine-tuning
SOURCE = "Hinton and Salakhutdinov 2006"
PROTOCOL = "MNIST, pixels in [0, 1]; squared error per test image, 60,000 training and 10,000 test images"
FIGURES = (
    Figure("deep autoencoder 784-1000-500-250-30, at once", 3.0, SOURCE, "", PROTOCOL, 0.1, 0.3, "lower"),
    Figure(
        "deep autoencoder 784-1000-500-250-30, layers first", 3.0, SOURCE, "", PROTOCOL, 0.1, 0.3, "lower"
    ),
)


def error(model: Model, split: Split) -> float:
    """Returns the mean over images of |x - x^|^2, with pixels in [0, 1].

    Args:
        model: an autoencoder or PCA.
        split: images with pixels from 0 to 255, shape (N, 1, 28, 28).
    """
    x = split.x
    total = sum(
        float(((x[i : i + 5000] - model.reconstruct(x[i : i + 5000])) / 255).double().square().sum())
        for i in range(0, len(x), 5000)
    )
    return total / len(x)


def built(name: str, data: Dataset) -> Model:
    """Returns the untrained network."""
    torch.manual_seed(0)
    return MODELS[name](data.space)


def trained(name: str, data: Dataset, epochs: float, out: str | Path) -> Run:
    """Trains a network for `epochs` passes; a stacked one for as many in each stage.

    Args:
        name: key of `MODELS`.
        data: MNIST.
        epochs: passes of training, in each stage.
        out: run folder.
    """
    return simulacra.fit(built(name, data), data, out=out, epochs=epochs, schedule="cosine")


def reproduce(budget: Budget) -> Iterator[Measured]:
    """Measures both networks; ours start from random weights, the published one from stacked RBMs."""
    data = simulacra.load_data("mnist", validation=0.0)
    for name, figure, share in zip(MODELS, FIGURES, (0.35, 0.6)):
        run = budget.fit(name, built(name, data), data, EPOCHS, share, schedule="cosine")
        part = run.epochs / PUBLISHED_EPOCHS
        yield figure.measured(error(run.model, data.test), share=part, note="begins at random")


def main() -> None:
    """Trains, scores and prints both networks."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=float, default=EPOCHS, help="of the autoencoder, and of each stage")
    parser.add_argument("--only", choices=list(MODELS))
    parser.add_argument("--out", type=Path, default=Path("runs/autoencoder-mnist"))
    options = parser.parse_args()
    data = simulacra.load_data("mnist", validation=0.0)
    for name in [options.only] if options.only else MODELS:
        began = time.perf_counter()
        run = trained(name, data, options.epochs, options.out / name)
        minutes = (time.perf_counter() - began) / 60
        test, train = error(run.model, data.test), error(run.model, data.train)
        print(f"{name}: squared error test {test:.3f}, train {train:.3f}; {minutes:.1f} min", flush=True)


if __name__ == "__main__":
    main()
