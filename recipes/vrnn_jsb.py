"""A VRNN on chorales by Bach: its bound beside a published one.

command     SIMULACRA_DATA=DATA python recipes/vrnn_jsb.py [--minutes N] (DATA holds polyphonic_music/)
protocol    official splits; nats a frame over all test frames together, 88 keys. The pass with the best
            validation score is kept. The ELBO and the bound of 100 paths are those of whole pieces
published   Maddison et al., Filtering Variational Objectives, 2017, a VRNN trained on the ELBO: -8.69 nats a
            frame; on 5 importance samples -8.01
ours        a trial of 13 passes in a CPU minute, in two parts, each with a new optimizer: ELBO -8.64, bound
            of 5 paths -8.58, rate 0.25, all still rising (after 7 passes: ELBO -9.23, rate 0.00)
device      2 shared CPU cores, one thread
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from functools import partial

import simulacra
from simulacra.data.dataset import Dataset
from simulacra.evaluation.compare.reproduction import Figure, Measured
from simulacra.evaluation.latents.rates import rates
from simulacra.evaluation.likelihood.held_out import likelihoods
from simulacra.training.hardware.budget import Budget
from simulacra.training.run import Run

PASSES, PATHS = 150, 100
SETTINGS = {"batch_size": 16, "patience": 15, "seed": 0}
frame_figure = partial(
    Figure,
    unit="nats a frame",
    protocol="JSB chorales, official split, over all test frames together, 88 keys",
    better="higher",
)
FIGURES = (
    frame_figure("ELBO", -8.69, source="Maddison et al. 2017", tolerance=0.1, wide=0.3),
    frame_figure("bound of 100 paths", None, source="", tolerance=0.0, wide=0.0),
    frame_figure("rate", None, source="", tolerance=0.0, wide=0.0),
)


def built(data: Dataset) -> simulacra.VRNN:
    """Returns the untrained network."""
    return simulacra.VRNN(data.space, latent=32, state=100, hidden=(100,), lr=3e-3)


def reproduce(budget: Budget) -> Iterator[Measured]:
    """Trains, and measures the two bounds and the KL of the codes."""
    data = simulacra.load_data("jsb-chorales")
    run = budget.fit("vrnn", built(data), data, PASSES, 0.8, **SETTINGS)
    share = run.epochs / PASSES
    for figure, value in zip(FIGURES, budget.once("vrnn-score", scored, run, data)):
        yield figure.measured(value, share=share)


def scored(run: Run, data: Dataset) -> tuple[float, float, float]:
    """Returns the ELBO, the bound of 100 paths and the KL of the codes in nats a test frame."""
    frames = int(data.test.lengths.sum())
    found = likelihoods(run.model, data, k=PATHS)
    rate = rates(run.model, data.test).total
    mean = lambda values: float(values.sum()) / frames
    return mean(found.elbo.values), mean(found.estimate.values), rate * len(data.test) / frames


def main() -> None:
    """Trains, and prints each figure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, help="time limit; none: the full schedule")
    for found in reproduce(Budget(parser.parse_args().minutes)):
        print(f"{found.figure.name}: {found.value:.3f} nats a frame", flush=True)


if __name__ == "__main__":
    main()
