"""Conditional RBMs of recorded walks: the next frame from the last ones, beside repeating the last frame.

command     SIMULACRA_DATA=DATA python recipes/motion_mocap.py [--minutes M]
            (DATA holds mocap/mit_mocap.mat and mocap/cmu_walk_bvh.zip)
protocol    mean square of E[v_t | v_<t] - v_t over the entries of all test frames after the first three, in
            units of the training frames' variance. MIT walks (Hsu; 31 sequences of 100 frames of 49 entries
            to train on, the 4 given ones to test); CMU walks of two people at 30 frames a second, in windows
            of 60 frames, the last recording of each person to test. References: the last frame, and the
            ridge regression on the last three
published   none with this protocol: Taylor, Hinton and Roweis 2007 and Taylor and Hinton 2009 show films
ours        a trial of 100 epochs: MIT last frame 0.1036, regression 0.0529, crbm 0.0528; CMU last frame
            0.1050, regression 0.0931, crbm 0.0947, factored-crbm 0.124. With so few rows the hidden units
            add nothing to the regression that training starts at
device      2 shared CPU cores, one thread
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

import simulacra
from simulacra.core.ragged import valid_steps
from simulacra.core.random.keyed import Rng
from simulacra.data.catalog import names
from simulacra.data.dataset import Dataset
from simulacra.evaluation.compare.reproduction import Figure, Measured
from simulacra.models.boltzmann.recurrent.windows import regression, windows
from simulacra.training.hardware.budget import Budget

ORDER, EPOCHS, BATCH = 3, 200, 10


def _figure(name: str) -> Figure:
    return Figure(name, None, "", "variances", "mean square of a frame's error", 0.0, 0.0, "lower")


GUESSES = ("last frame", "regression", "crbm")
FIGURES = (
    *(_figure(f"{data}, {guess}") for data in ("MIT", "CMU") for guess in GUESSES),
    _figure("CMU, factored-crbm"),
)


def reproduce(budget: Budget) -> Iterator[Measured]:
    """Measures the references and the models on both collections."""
    figures = {figure.name: figure for figure in FIGURES}
    for name, data in (("MIT", mit()), ("CMU", walks())):
        for guess, error in references(data).items():
            yield figures[f"{name}, {guess}"].measured(error)
        for kind in ("crbm", "factored-crbm"):
            figure = figures.get(f"{name}, {kind}")
            if figure is not None:
                held = data if kind == "factored-crbm" else plain(name, data)
                settings = {"batch_size": BATCH, "seed": 0}
                run = budget.fit(f"{name}-{kind}", built(kind, held), held, EPOCHS, 0.3, **settings)
                yield figure.measured(error_of(held, run.model.expected), share=run.epochs / EPOCHS)


def mit() -> Dataset:
    """Returns the walks of Eugene Hsu."""
    archive = names.locate(names.find("mocap"))["cmu_walk_bvh.zip"]
    return simulacra.load_data(archive.with_name("mit_mocap.mat"))


def walks(condition: str | None = "label") -> Dataset:
    """Returns the walks of two people, in windows of two seconds."""
    return simulacra.load_data("mocap", every=4, frames=60, condition=condition)


def plain(name: str, data: Dataset) -> Dataset:
    """Returns the data without the person as the condition."""
    return data if name == "MIT" else walks(condition=None)


def built(kind: str, data: Dataset) -> simulacra.Model:
    """Returns an untrained model."""
    torch.manual_seed(0)
    if kind == "crbm":
        return simulacra.CRBM(data.space, order=ORDER)
    return simulacra.FactoredCRBM(data.space, data.condition, order=ORDER)


def references(data: Dataset) -> dict[str, float]:
    """Returns the errors of the last frame and of the ridge regression."""
    A, b, _ = regression(data.train, Rng(0), ORDER)
    last = lambda x, c: torch.cat([x[:, :1], x[:, :-1]], 1)
    line = lambda x, c: (windows(x.double(), ORDER) @ A + b).to(x.dtype)
    return {"last frame": error_of(data, last), "regression": error_of(data, line)}


def error_of(data: Dataset, guess: Callable[[Tensor, Tensor | None], Tensor]) -> float:
    """Returns the mean square error of the test frames after the first three.

    Args:
        data: the walks.
        guess: predicts all frames, shape (B, T, d), from sequences and their condition.
    """
    batch = data.test.batch(torch.arange(len(data.test)), Rng(0))
    square = (guess(batch.x, batch.c) - batch.x).square().mean(2)
    counted = valid_steps(batch.x, batch.lengths)
    counted[:, :ORDER] = False
    return float(square[counted].mean())


def main() -> None:
    """Trains, and prints each figure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, help="time limit; none: the full schedule")
    for found in reproduce(Budget(parser.parse_args().minutes)):
        print(f"{found.figure.name}: {found.value:.4f} variances", flush=True)


if __name__ == "__main__":
    main()
