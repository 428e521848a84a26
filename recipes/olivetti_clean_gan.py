"""Noisy faces restored without pairs by two discriminators, and with pairs by pix2pix.

command     SIMULACRA_DATA=DATA python recipes/olivetti_clean_gan.py [--minutes N]
            (DATA holds faces/olivettifaces.mat)
protocol    400 Olivetti faces of 64 x 64, Gaussian noise of a tenth of the range; 40 random faces of the
            same people are the test set. PSNR in dB, the mean over these faces
published   none for this protocol
baseline    the noisy face itself; its means over 3 x 3 pixels
ours        OURS
device      2 shared CPU cores, one thread
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

import simulacra
from simulacra.core.model import Model
from simulacra.data.dataset import Dataset
from simulacra.evaluation.compare.reproduction import Figure, Measured
from simulacra.evaluation.latents.fidelity import psnr
from simulacra.training.hardware.budget import Budget

PASSES = 200.0
SETTINGS = {"batch_size": 4, "validate": False}
face_figure = partial(
    Figure,
    published=None,
    source="",
    unit="dB",
    protocol="Olivetti faces, 64 x 64, noise of a tenth of the range, 40 test faces",
    better="higher",
    tolerance=0.0,
    wide=0.0,
)
FIGURES = (
    face_figure("PSNR of the noisy face"),
    face_figure("PSNR of means over 3 x 3 pixels"),
    face_figure("PSNR of clean-gan"),
    face_figure("PSNR of pix2pix"),
)


def load() -> Dataset:
    """Returns the faces, each with its noisy copy as the condition."""
    return simulacra.load_data("olivetti", condition="noise:0.1")


def built(data: Dataset, channels: int = 32) -> list[Model]:
    """Returns both untrained games, with blocks at the full resolution."""
    more = {"network": "residual", "halvings": 0, "channels": channels}
    return [
        simulacra.CleanGAN(data.space, data.condition, consistency=100.0, **more),
        simulacra.Pix2Pix(data.space, data.condition, latent=0, **more),
    ]


def whole(data: Dataset) -> tuple[Tensor, Tensor]:
    """Returns the test faces and their noisy copies on the range 0 to 1, shape (N, 1, 64, 64)."""
    rows = data.test.rows(torch.arange(len(data.test)))
    return rows.x.double() / 255, rows.c.double() / 255


def in_db(made: Tensor, truth: Tensor) -> float:
    """Returns the mean PSNR of the faces."""
    return float(psnr(made, truth).mean())


def baselines(data: Dataset) -> tuple[float, float]:
    """Returns the PSNR of the noisy faces and of their means over 3 x 3 pixels."""
    x, y = whole(data)
    return in_db(y, x), in_db(F.avg_pool2d(y, 3, 1, 1, count_include_pad=False), x)


def scored(model: Model, data: Dataset) -> float:
    """Returns the PSNR of the restored test faces."""
    x, y = whole(data)
    return in_db(model.sample(len(y), (255 * y).round(), seed=0).double() / 255, x)


def reproduce(budget: Budget) -> Iterator[Measured]:
    """Measures the baselines, then each game after its training."""
    data = load()
    for figure, value in zip(FIGURES, baselines(data)):
        yield figure.measured(value)
    for figure, name, model in zip(FIGURES[2:], ("clean-gan", "pix2pix"), built(data)):
        run = budget.fit(name, model, data, PASSES, 0.45, **SETTINGS)
        value = budget.once(f"{name}-score", scored, run.model, data)
        yield figure.measured(value, share=run.epochs / PASSES)


def main() -> None:
    """Trains, and prints each figure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, help="time limit; none: the full schedule")
    for found in reproduce(Budget(parser.parse_args().minutes)):
        print(f"{found.figure.name}: {found.value:.2f} {found.figure.unit}", flush=True)


if __name__ == "__main__":
    main()
