"""A deep autoencoder of MNIST whose layers are RBMs first, with a code of 30 numbers.

command     SIMULACRA_DATA=DATA python recipes/rbm_autoencoder_mnist.py [--minutes M]  (DATA holds mnist/*.gz)
protocol    pixels in [0, 1]; squared error per test image, 60,000 training and 10,000 test images
network     784-1000-500-250-30 and its mirror, logistic units, linear code; RBMs by contrastive divergence
published   Hinton and Salakhutdinov 2006: 3.00, after 10 passes an RBM and 200 of fine-tuning by conjugate
            gradients; PCA with 30 components 13.87 (`pca_mnist.py`)
ours        after one pass an RBM and two of fine-tuning: 11.83 (train 12.03; 0.9 CPU minutes)
device      2 shared CPU cores, one thread
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import simulacra
from simulacra.core.model import Model
from simulacra.data.dataset import Dataset, Split
from simulacra.evaluation.compare.reproduction import Figure, Measured
from simulacra.training.hardware.budget import Budget

LAYERS = (1000, 500, 250, 30)
EPOCHS, PUBLISHED_EPOCHS = 60, 200
SOURCE = "Hinton and Salakhutdinov 2006"
PROTOCOL = "MNIST, pixels in [0, 1]; squared error per test image, 60,000 training and 10,000 test images"
FIGURES = (
    Figure("deep autoencoder 784-1000-500-250-30, RBMs first", 3.0, SOURCE, "", PROTOCOL, 0.1, 0.3, "lower"),
)


def error(model: Model, split: Split) -> float:
    """Returns the mean over images of |x - x^|^2, with pixels in [0, 1].

    Args:
        model: an autoencoder.
        split: images with pixels from 0 to 255, shape (N, 1, 28, 28).
    """
    x = split.x
    total = sum(
        float(((x[i : i + 5000] - model.reconstruct(x[i : i + 5000])) / 255).double().square().sum())
        for i in range(0, len(x), 5000)
    )
    return total / len(x)


def trained(data: Dataset, budget: Budget) -> simulacra.Run:
    """Trains the stack and fine-tunes it, as many passes of each stage as the time allows.

    Args:
        data: MNIST.
        budget: time and folder.
    """
    model = simulacra.DeepAutoencoder(data.space, layers=LAYERS)
    return budget.fit("rbms-first", model, data, EPOCHS, 0.9, schedule="cosine")


def reproduce(budget: Budget) -> Iterator[Measured]:
    """Measures the error on the test images."""
    data = simulacra.load_data("mnist", validation=0.0)
    run = trained(data, budget)
    yield FIGURES[0].measured(error(run.model, data.test), share=min(1.0, run.epochs / PUBLISHED_EPOCHS))


def main() -> None:
    """Trains, scores and prints."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, help="time limit; none: the full schedule")
    data = simulacra.load_data("mnist", validation=0.0)
    run = trained(data, Budget(parser.parse_args().minutes))
    test, train = error(run.model, data.test), error(run.model, data.train)
    print(f"{run.epochs:.2f} passes a stage: squared error test {test:.3f}, train {train:.3f}", flush=True)


if __name__ == "__main__":
    main()
