"""R3GAN, DCGAN and WGAN-GP on Fashion-MNIST with equal CPU minutes, scored by its own features.

command     SIMULACRA_DATA=DATA python recipes/r3gan_fashion.py [MODEL ...] [--minutes M] (DATA holds
            fashion_mnist/*.gz)
protocol    60,000 grey images of 28 x 28; batch 64; each model trains for the same CPU minutes, with an
            average of its weights (0.999); distances of 10,000 samples to the test images in the features of
            a classifier trained on the training images
published   none with this extractor: distances in other features, or of other sample counts, cannot be
            compared
ours        not yet run with these settings
device      2 shared CPU cores, one thread
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

import torch

import simulacra
from simulacra.evaluation import sample_scores
from simulacra.evaluation.compare.reproduction import Figure, Measured
from simulacra.training.hardware.budget import Budget

MODELS = {
    "dcgan": lambda space: simulacra.DCGAN(space, channels=32),
    "wgan-gp": lambda space: simulacra.WGANGP(
        space, network="dcgan", channels=32, latent=100, critic_steps=3
    ),
    "r3gan": lambda space: simulacra.R3GAN(space, channels=16, blocks=1),
}
PASSES, SHARE = 200, 0.27  # more passes than any model has time for; share of the time for each
SETTINGS = {"batch_size": 64, "ema": 0.999}
EXTRACTOR = "10,000 samples and the test images, features of a classifier of the training images"


def main() -> None:
    """Trains the models for the same time, and scores their samples."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="*", default=[], help=f"of {', '.join(MODELS)}; none: all")
    parser.add_argument("--minutes", type=float, default=10, help="CPU minutes of each training")
    asked = parser.parse_args()
    data = simulacra.load_data("fashion-mnist")
    budget = Budget(asked.minutes / SHARE, clock=time.process_time)
    for name in asked.models or MODELS:
        began = time.process_time()
        run = trained(name, budget, data)
        minutes = (time.process_time() - began) / 60
        print(f"{name}: {run.epochs:.2f} passes in {minutes:.1f} CPU minutes", flush=True)
        print(simulacra.evaluate(run).table())


def trained(name: str, budget: Budget, data: simulacra.Dataset) -> simulacra.Run:
    """Trains a model for its share of the time.

    Args:
        name: key of `MODELS`.
        budget: the time of the recipe.
        data: Fashion-MNIST.
    """
    torch.manual_seed(0)
    return budget.fit(name, MODELS[name](data.space), data, PASSES, SHARE, **SETTINGS)


FIGURES = tuple(
    Figure(f"{name}, Frechet distance extrapolated", None, "", "", EXTRACTOR, 0.0, 0.0, "lower")
    for name in MODELS
)


def reproduce(budget: Budget) -> Iterator[Measured]:
    """Measures the three models, each with the same time; the rest is for the scores."""
    data = simulacra.load_data("fashion-mnist")
    for name, figure in zip(MODELS, FIGURES):
        run = trained(name, budget, data)
        yield figure.measured(sample_scores(run.model, data).model.frechet.limit)


if __name__ == "__main__":
    main()
