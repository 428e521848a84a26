"""A causal transformer over the pixels of binarized MNIST, beside the PixelCNN's -81.30.

command     SIMULACRA_DATA=DATA python recipes/transformer_binarized_mnist.py [--epochs N] [--limit N] (DATA
            holds binarized_mnist/)
protocol    binarized-mnist (Larochelle and Murray): 50,000 training, 10,000 test images; exact mean log p(x)
            of the test images in nats (--limit N: the first N)
published   none for this network; van den Oord et al. 2016: PixelCNN -81.30
ours        not yet: 784 entries an image leave a CPU a few passes of a small network (2 layers of 64)
device      2 shared CPU cores, one thread
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import torch

import simulacra
from simulacra.data.dataset import Dataset
from simulacra.evaluation.compare.reproduction import Figure, Measured
from simulacra.training.hardware.budget import Budget

EPOCHS = 10.0
SIZES = {"layers": 2, "heads": 4, "width": 64}
SETTINGS = {"batch_size": 50, "lr": 2e-3, "warmup": 0.05, "validate": False}
# an image's log p has a standard deviation of about 23 nats, a mean over 10,000 images an error of 0.23
FIGURES = (
    Figure(
        "log p(x), transformer beside the PixelCNN",
        unit="nats",
        protocol="fixed binarization of MNIST (Larochelle and Murray), 10,000 test images; exact",
        published=-81.30,
        source="van den Oord et al. 2016, the PixelCNN",
        tolerance=0.25,
        wide=1.0,
        better="higher",
    ),
)


def built(data: Dataset) -> simulacra.Transformer:
    """Returns the untrained network."""
    torch.manual_seed(0)
    return simulacra.Transformer(data.space, **SIZES)


def reproduce(budget: Budget) -> Iterator[Measured]:
    """Trains the network and scores the test images."""
    data = simulacra.load_data("binarized-mnist")
    run = budget.fit("transformer", built(data), data, EPOCHS, 0.85, **SETTINGS)
    score = run.model.log_prob(data.test.x)
    yield FIGURES[0].measured(score.mean, score.error, share=run.epochs / EPOCHS)


def main() -> None:
    """Trains the network, scores it, and prints the score."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--epochs", type=float, default=EPOCHS)
    parser.add_argument("--limit", type=int)
    asked = parser.parse_args()
    data = simulacra.load_data("binarized-mnist")
    run = simulacra.fit(built(data), data, epochs=asked.epochs, **SETTINGS)
    print(run.model.log_prob(data.test.x[: asked.limit]), flush=True)


if __name__ == "__main__":
    main()
