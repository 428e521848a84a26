"""DDPM and DCGAN on MNIST at equal CPU time: the bound in bits, and distances in features of our own.

command     SIMULACRA_DATA=DATA python recipes/diffusion_mnist.py [--minutes N] (DATA holds mnist/*.gz)
protocol    60,000 grey images of 28 x 28, 256 levels; DDPM with T = 200, cosine schedule and channels 32, 64,
            64; DCGAN with 32 channels next to the image; each trained for the same CPU minutes, DDPM in
            bf16. The bound is the exact sum over all steps with the discrete decoder, 500 test images.
            Distances of 5,000 samples to test images in the features of a classifier of the training images;
            DDPM draws them by Heun's method in 18 steps
published   none with this extractor and time
ours        not measured yet
device      2 shared CPU cores, one thread
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator

import simulacra
from simulacra.core.capabilities.sampling import drawing_with
from simulacra.data.dataset import Dataset
from simulacra.evaluation import sample_scores
from simulacra.evaluation.compare.reproduction import Figure, Measured
from simulacra.training.hardware.budget import Budget
from simulacra.training.run import Run

PASSES, BATCH, SAMPLES, TESTED = 20, 64, 5000, 500
FEW = {"sampler": "heun", "steps": 18}
PROTOCOL = "5,000 samples and the test images, features of a classifier of the training images"
BOUND = Figure("bound of ddpm", None, "", "bits a pixel", "exact sum over 200 steps, 500 test images", 0, 0)
DISTANCES = tuple(
    Figure(f"Frechet distance of {name}", None, "", "", PROTOCOL, 0, 0) for name in ("ddpm", "dcgan")
)
FIGURES = (BOUND, *DISTANCES)


def distance(run: Run, data: Dataset, how: dict[str, object]) -> float:
    """The Frechet distance of samples, extrapolated to infinitely many.

    Args:
        run: trained run.
        data: data set.
        how: options of drawing.
    """
    with drawing_with(run.model, how):
        return sample_scores(run.model, data, n=SAMPLES).model.frechet.limit


def reproduce(budget: Budget) -> Iterator[Measured]:
    """Measures both models, each trained for a third of the time; the rest is for the scores."""
    data = simulacra.load_data("mnist")
    ddpm = simulacra.DDPM(data.space, T=200, schedule="cosine")
    run = budget.fit("ddpm", ddpm, data, PASSES, 0.33, batch_size=BATCH, precision="bf16", validate=False)
    found = run.model.log_prob(data.test.x[:TESTED])
    per_pixel = -math.log(2) * data.space.dims
    share = run.epochs / PASSES
    yield BOUND.measured(found.mean / per_pixel, found.error / abs(per_pixel), share=share)
    yield DISTANCES[0].measured(distance(run, data, FEW), share=share)
    game = budget.fit("dcgan", simulacra.DCGAN(data.space, channels=32), data, PASSES, 0.33, batch_size=BATCH)
    yield DISTANCES[1].measured(distance(game, data, {}), share=game.epochs / PASSES)


def main() -> None:
    """Trains both models, and prints what was measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=45)
    for measured in reproduce(Budget(minutes=parser.parse_args().minutes)):
        print(measured, flush=True)


if __name__ == "__main__":
    main()
