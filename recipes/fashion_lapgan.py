"""LAPGAN and DCGAN on Fashion-MNIST at 28 x 28 for equal times, scored by the data's own features.

command     SIMULACRA_DATA=DATA python recipes/fashion_lapgan.py [--minutes N]
            (DATA holds fashion_mnist/*.gz);
            `simulacra explore looks RUN` then draws samples from level to level
protocol    60,000 grey images of 28 x 28, pyramid 28, 14, 7, a third of the time for each level; batch 64;
            distances of 10,000 samples to the test images in the features of a classifier trained on the
            training images
published   none with this extractor: distances in other features, or of other sample counts, cannot be
            compared
ours        not measured yet
device      2 shared CPU cores, one thread
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import simulacra
from simulacra.core.model import Model
from simulacra.data.dataset import Dataset
from simulacra.evaluation import sample_scores
from simulacra.evaluation.compare.reproduction import Figure, Measured
from simulacra.training.hardware.budget import Budget

MODELS = ("lapgan", "dcgan")
PASSES, BATCH = {"lapgan": 30.0, "dcgan": 10.0}, 64
EXTRACTOR = "10,000 samples and the test images, features of a classifier of the training images"
FIGURES = tuple(
    Figure(f"{name}, Frechet distance extrapolated", None, "", "", EXTRACTOR, 0.0, 0.0) for name in MODELS
)


def built(name: str, data: Dataset) -> Model:
    """Returns an untrained game with 32 channels next to the image."""
    kind = {"lapgan": simulacra.LAPGAN, "dcgan": simulacra.DCGAN}[name]
    return kind(data.space, channels=32)


def distance(model: Model, data: Dataset) -> float:
    """Returns the Frechet distance of samples to the test images, extrapolated to infinitely many samples."""
    return float(sample_scores(model, data).model.frechet.limit)


def reproduce(budget: Budget) -> Iterator[Measured]:
    """Measures both games, each with two fifths of the time; the rest is for the scores."""
    data = simulacra.load_data("fashion-mnist")
    for name, figure in zip(MODELS, FIGURES):
        run = budget.fit(name, built(name, data), data, PASSES[name], 0.4, batch_size=BATCH)
        value = budget.once(f"{name}-score", distance, run.model, data)
        yield figure.measured(value, share=run.epochs / PASSES[name])


def main() -> None:
    """Trains, and prints each figure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, help="time limit; none: the full schedule")
    for found in reproduce(Budget(parser.parse_args().minutes)):
        print(f"{found.figure.name}: {found.value:.3f}", flush=True)


if __name__ == "__main__":
    main()
