"""Faces of 64 x 64 from coarse to fine: a Laplacian pyramid and progressive growing, for equal times.

command     SIMULACRA_DATA=DATA python recipes/smiles64_growing.py [--minutes N]
            (DATA holds faces/smiles_64x64.npz); `simulacra explore looks RUN` then draws samples from level
            to level
protocol    3,000 grey faces of 64 x 64, half of them smiling, which is the condition; a tenth held out.
            Pyramid 64, 32, 16, 8; levels 4, 8, 16, 32, 64. Distances of samples to the held-out faces in the
            features of a classifier of smiles trained on the training faces
published   none for these data
ours        not measured yet
device      2 shared CPU cores, one thread
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import simulacra
from simulacra.core.model import Model
from simulacra.data.catalog import names
from simulacra.data.dataset import Dataset
from simulacra.evaluation import sample_scores
from simulacra.evaluation.compare.reproduction import Figure, Measured
from simulacra.training.hardware.budget import Budget

MODELS = ("lapgan", "progressive-gan")
PASSES = {"lapgan": 300.0, "progressive-gan": 200.0}
FILE = "smiles_64x64.npz"
FACES = names.Entry(
    "faces", "", folders=("faces",), files=((FILE,),), by_hand=f"save faces labelled `smile` as faces/{FILE}"
)
PROTOCOL = "held-out faces of 64 x 64, features of a classifier of smiles"
FIGURES = tuple(
    Figure(f"{name}, Frechet distance extrapolated", None, "", "", PROTOCOL, 0.0, 0.0) for name in MODELS
)


def load() -> Dataset:
    """Returns the faces, given whether they smile."""
    return simulacra.load_data(names.locate(FACES)[FILE], label="smile", condition="label")


def built(name: str, data: Dataset) -> Model:
    """Returns an untrained game."""
    if name == "lapgan":
        return simulacra.LAPGAN(data.space, data.condition, channels=32)
    return simulacra.ProgressiveGAN(data.space, data.condition, channels=16)


def distance(model: Model, data: Dataset) -> float:
    """Returns the Frechet distance of samples to held-out faces, extrapolated to infinitely many samples."""
    return float(sample_scores(model, data).model.frechet.limit)


def reproduce(budget: Budget) -> Iterator[Measured]:
    """Measures both games, each with nine twentieths of the time."""
    data = load()
    for name, figure in zip(MODELS, FIGURES):
        run = budget.fit(name, built(name, data), data, PASSES[name], 0.45, batch_size=16)
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
