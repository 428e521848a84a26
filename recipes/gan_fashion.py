"""DCGAN and WGAN-GP on Fashion-MNIST at 32 x 32: samples at three iterations, scores by its own features.

command     SIMULACRA_DATA=DATA python recipes/gan_fashion.py dcgan|wgan-gp [--iterations N] (DATA holds
            fashion_mnist/*.gz); `simulacra explore RUN` then draws interpolations, arithmetic and
            inversions
protocol    60,000 grey images scaled to 32 x 32; batch 64; 32 channels next to the image; samples after
            300, 900 and 6,000 iterations of the generator (row F29); distances of 10,000 samples to the
            test images in the features of a classifier trained on the training images
published   none with this extractor: distances in other features, or of other sample counts, cannot be
            compared
ours        DCGAN, 6,000 iterations, 38 min on a busy machine: Frechet distance 1.341 extrapolated (1.369 at
            5,000 samples, 1.355 at 10,000; training rows -0.009 and 0.024), kernel distance 0.116 +- 0.010
            (0.019), precision 71.8 %, recall 82.9 %, coverage 53.6 % (97.3 %), inception score 5.41 (held-out
            rows 7.08), in 64 features of a classifier that names 88.0 % of held-out training images. After
            300 iterations blocks in a 4 x 4 pattern, after 900 outlines, after 6,000 shirts, trousers and
            boots with torn edges in about a quarter. WGAN-GP was stopped after 1,167 iterations (a quiet core
            takes about 0.5 s for one with its three moves of the critic): Frechet distance 2.005 extrapolated
            (2.035, 2.020), kernel distance 0.125 +- 0.010, precision 55.5 %, recall 86.5 %, coverage 30.6 %,
            inception score 4.79; its 900 iterations look better than DCGAN's 900
device      2 shared CPU cores, one thread
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import torch

import simulacra
from simulacra.evaluation import sample_scores
from simulacra.evaluation.compare.reproduction import Figure, Measured
from simulacra.exploration.live.snapshots import Snapshots
from simulacra.training.hardware.budget import Budget

MODELS = {
    "dcgan": lambda space: simulacra.DCGAN(space, channels=32),
    "wgan-gp": lambda space: simulacra.WGANGP(
        space, network="dcgan", channels=32, latent=100, critic_steps=3
    ),
}
BATCH, SHOWN = 64, (300, 900, 6000)


def main() -> None:
    """Trains one model, draws samples and scores them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("--iterations", type=int, default=6000)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    data = simulacra.load_data("fashion-mnist", size=32)
    torch.manual_seed(0)
    model = MODELS[asked.model](data.space)
    began = time.perf_counter()
    draws = max(update.repeat for update in model.updates())
    run = simulacra.fit(
        model,
        data,
        out=asked.out or Path(f"runs/{asked.model}-fashion"),
        epochs=asked.iterations * BATCH * draws / len(data.train),
        batch_size=BATCH,
        callbacks=(Snapshots(SHOWN),),
    )
    print(f"training {(time.perf_counter() - began) / 60:.1f} min, {asked.iterations} iterations", flush=True)
    print(simulacra.evaluate(run).table())


EXTRACTOR = "10,000 samples and the test images, features of a classifier of the training images"
FIGURES = tuple(
    Figure(f"{name}, Frechet distance extrapolated", None, "", "", EXTRACTOR, 0.0, 0.0) for name in MODELS
)


def reproduce(budget: Budget) -> Iterator[Measured]:
    """Measures both models, each with two fifths of the time; the rest is for the scores."""
    data = simulacra.load_data("fashion-mnist", size=32)
    for name, figure in zip(MODELS, FIGURES):
        torch.manual_seed(0)
        model = MODELS[name](data.space)
        draws = max(update.repeat for update in model.updates())
        whole = SHOWN[-1] * BATCH * draws / len(data.train)
        run = budget.fit(name, model, data, whole, 0.4, batch_size=BATCH)
        distance = sample_scores(run.model, data).model.frechet.limit
        yield figure.measured(distance, share=run.epochs / whole)


if __name__ == "__main__":
    main()
