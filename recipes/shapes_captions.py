"""Shapes from captions by GAN-CLS, GAN-INT and StackGAN: what samples show, beside real pictures.

command     python recipes/shapes_captions.py [--minutes N]
protocol    captioned-shapes (32 x 32) for gan-cls and captioned-shapes-64 (drafts of 16, pictures of 64) for
            stackgan; 500 test captions, each with a sample. Share of samples whose own caption fits best
            among ten, and shares that show its color, shape, place and size, by a judge of training rows
published   none: the toy is ours (StackGAN reports inception scores of birds and flowers)
baseline    real test pictures with their own captions, by the same judge; chance is 10 %
ours        not measured yet at the full schedule
device      2 shared CPU cores, one thread
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from functools import partial

import simulacra
from simulacra.core.model import Model
from simulacra.data.dataset import Dataset
from simulacra.evaluation.captions.agreement import agreement
from simulacra.evaluation.compare.reproduction import Figure, Measured
from simulacra.training.hardware.budget import Budget

PASSES = 60.0
SETTINGS = {"batch_size": 64, "validate": False}
MODELS = {
    "GAN-CLS": ("gan-cls", {"channels": 16, "interpolated": 0.0}),
    "GAN-INT": ("gan-cls", {"channels": 16}),
    "StackGAN": ("stackgan", {"channels": 12}),
}
SHARE = {"gan-cls": 0.2, "stackgan": 0.5}  # of the time
MEASURES = ("caption found", "size", "colour", "shape", "place")
shown_figure = partial(
    Figure,
    published=None,
    source="",
    protocol="500 test captions of drawn shapes, a judge of the training rows",
    better="higher",
    tolerance=0.0,
    wide=0.0,
)
FIGURES = tuple(
    shown_figure(f"{measure}, {name}") for name in ("real pictures", *MODELS) for measure in MEASURES
)


def load(kind: str) -> Dataset:
    """Returns the shapes of a model with their captions."""
    name = "captioned-shapes-64" if kind == "stackgan" else "captioned-shapes"
    return simulacra.load_data(name, condition="captions")


def built(kind: str, data: Dataset, **more: float) -> Model:
    """Returns an untrained model."""
    if kind == "stackgan":
        return simulacra.StackGAN(data.space, data.condition, **more)
    return simulacra.GANCLS(data.space, data.condition, **more)


def scored(model: Model, data: Dataset) -> list[float]:
    """Returns the measures of samples, then those of real pictures."""
    found = agreement(model, data)
    assert found is not None
    ours = [found.search, *(one.model for one in found.attributes)]
    real = [found.real, *(one.real for one in found.attributes)]
    return [one.value for one in (*ours, *real)]


def reproduce(budget: Budget) -> Iterator[Measured]:
    """Trains each model and measures what its samples show; real pictures are those of 32 x 32."""
    figures, told = iter(FIGURES[len(MEASURES) :]), False
    for name, (kind, more) in MODELS.items():
        data = load(kind)
        run = budget.fit(name, built(kind, data, **more), data, PASSES, SHARE[kind], **SETTINGS)
        values = budget.once(f"{name}-score", scored, run.model, data)
        if not told:
            told = True
            for figure, value in zip(FIGURES, values[len(MEASURES) :]):
                yield figure.measured(value)
        for value in values[: len(MEASURES)]:
            yield next(figures).measured(value, share=run.epochs / PASSES)


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
