"""Toy solids drawn from noise, and found again from a picture of their front.

command     python recipes/solids_voxel_gan.py [--minutes N]
protocol    2,000 solids of 16 x 16 x 16 voxels (spheres, cubes, cylinders, crosses), 1,600 of them training
            and 200 test rows. IoU of 200 samples with the nearest test solid and of test solids with the
            nearest sample; IoU of one reconstruction of each test picture with its solid; means
published   none for these data (Wu et al. 2016 report average precision on IKEA furniture, 64^3)
baseline    200 training solids in place of samples; the training solid of the nearest picture
ours        not measured yet
device      2 shared CPU cores, one thread
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from functools import partial

import torch

import simulacra
from simulacra.core.model import Model
from simulacra.data.dataset import Dataset
from simulacra.evaluation.compare.reproduction import Figure, Measured
from simulacra.evaluation.samples.overlap import iou, overlap
from simulacra.training.hardware.budget import Budget

PASSES = 100.0
SETTINGS = {"batch_size": 32, "validate": False}
solid_figure = partial(
    Figure,
    published=None,
    source="",
    unit="",
    protocol="toy solids, 16^3 voxels, 200 test rows",
    better="higher",
    tolerance=0.0,
    wide=0.0,
)
FIGURES = (
    solid_figure("IoU nearest, training solids"),
    solid_figure("IoU covered, training solids"),
    solid_figure("IoU, solid of the nearest picture"),
    solid_figure("IoU nearest, voxel-gan"),
    solid_figure("IoU covered, voxel-gan"),
    solid_figure("IoU, voxel-gan from pictures"),
)


def load(condition: str | None = None) -> Dataset:
    """Returns the solids, alone or with their pictures."""
    return simulacra.load_data("solids", condition=condition)


def built(data: Dataset, channels: int = 16) -> Model:
    """Returns the untrained model."""
    return simulacra.VoxelGAN(data.space, data.condition, channels=channels)


def drawn_scores(model: Model, data: Dataset) -> tuple[float, float, float, float]:
    """Returns both overlaps of training solids, and of samples."""
    found = overlap(data, "test", model.sample(len(data.test), seed=0).cpu())
    assert found is not None
    scores = found.real_nearest, found.real_covered, found.nearest, found.covered
    return tuple(one.value for one in scores)  # type: ignore[return-value]


def nearest_picture(data: Dataset) -> float:
    """Returns the mean IoU of test solids with the training solid whose picture is nearest."""
    train, test = data.train, data.test
    assert train.c is not None and test.c is not None
    apart = torch.cdist(test.c.flatten(1).float(), train.c.flatten(1).float())
    return float(iou(test.x.bool(), train.x[apart.argmin(1)].bool()).mean())


def found_again(model: Model, data: Dataset) -> float:
    """Returns the mean IoU of test solids with what the model makes of their pictures."""
    rows = data.test.rows(torch.arange(len(data.test)))
    return float(iou(rows.x.bool(), model.sample(len(rows), rows.c, seed=0).cpu().bool()).mean())


def reproduce(budget: Budget) -> Iterator[Measured]:
    """Measures samples and training solids, then reconstructions and the nearest picture."""
    alone, pictured = load(), load("view")
    run = budget.fit("voxel-gan", built(alone), alone, PASSES, 0.45, **SETTINGS)
    values = budget.once("drawn", drawn_scores, run.model, alone)
    for i, value in zip((0, 1, 3, 4), values):
        yield FIGURES[i].measured(value, **({"share": run.epochs / PASSES} if i > 2 else {}))
    yield FIGURES[2].measured(nearest_picture(pictured))
    run = budget.fit("from-pictures", built(pictured), pictured, PASSES, 0.45, **SETTINGS)
    value = budget.once("found-again", found_again, run.model, pictured)
    yield FIGURES[5].measured(value, share=run.epochs / PASSES)


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
