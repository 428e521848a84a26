"""Facades from label maps by a diffusion given the map: L1 and PSNR on 100 test pairs, one draw and many.

command     SIMULACRA_DATA=DATA python recipes/facades_diffusion.py [--minutes N] (DATA holds facades/)
protocol    CMP facades, 64 x 64, photo given label map; 400 training pairs and 100 test pairs by file order,
            not the official parts. L1 of a pixel on the range 0 to 1, and PSNR in dB, means over the test
            pairs; the distance of two draws is their L1
published   none for this protocol (pix2pix reports scores of people and of a segmentation network)
baseline    the mean of all training photos; the label map itself
ours        after 9 CPU minutes (the full schedule has 400 passes): one draw L1 0.208, 11.66 dB; the mean of 8
            draws 0.164, 13.95 dB, as near as the mean training photo (0.165, 13.98 dB); two draws of one map
            differ by L1 0.204. Label map: L1 0.394
device      2 shared CPU cores, one thread
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

import simulacra
from simulacra.data.dataset import Dataset
from simulacra.evaluation.compare.reproduction import Figure, Measured
from simulacra.evaluation.latents.fidelity import psnr
from simulacra.training.hardware.budget import Budget

PASSES, DRAWS, STEPS = 400.0, 8, 18
MODEL = {"schedule": "cosine", "predicts": "v", "hidden": (12, 24, 32, 32), "net": "unet"}
SETTINGS = {"batch_size": 16, "lr": 2e-3, "schedule": "cosine", "warmup": 0.02, "validate": False}
pair_figure = partial(
    Figure,
    published=None,
    source="",
    protocol="facades, 64 x 64, 100 test pairs by file order",
    tolerance=0.0,
    wide=0.0,
)
l1_figure = partial(pair_figure, unit="L1, range 0 to 1", better="lower")
psnr_figure = partial(pair_figure, unit="dB", better="higher")
FIGURES = (
    l1_figure("L1 of the mean training photo"),
    psnr_figure("PSNR of the mean training photo"),
    l1_figure("L1 of the label map"),
    l1_figure("L1 of one draw"),
    psnr_figure("PSNR of one draw"),
    l1_figure("L1 of the mean of 8 draws"),
    psnr_figure("PSNR of the mean of 8 draws"),
    pair_figure("distance of two draws", unit="L1, range 0 to 1"),
)


def load() -> Dataset:
    """Returns the pairs, the label map as the condition of the photo."""
    path = Path(os.environ.get("SIMULACRA_DATA", "."), "facades", "facades_64.npz")
    return simulacra.load_data(path, key="photo", condition="label", validation=0.0)


def whole(split: simulacra.Split) -> tuple[Tensor, Tensor]:
    """Returns the photos and the label maps of a split on the range 0 to 255, shape (N, 3, 64, 64)."""
    rows = split.rows(torch.arange(len(split)))
    return rows.x.double(), rows.c.double()


def l1(made: Tensor, truth: Tensor) -> float:
    """Returns the mean absolute difference on the range 0 to 1."""
    return float((made.double() - truth).abs().mean()) / 255


def in_db(made: Tensor, truth: Tensor) -> float:
    """Returns the mean PSNR of the images."""
    return float(psnr(made / 255, truth / 255).mean())


def baselines(data: Dataset) -> list[float]:
    """Returns L1 and PSNR of the mean training photo, and L1 of the label map."""
    (truth, maps), mean = whole(data.test), whole(data.train)[0].mean(0, keepdim=True)
    mean = mean.expand_as(truth)
    return [l1(mean, truth), in_db(mean, truth), l1(maps, truth)]


def scored(model: simulacra.DDPM, data: Dataset) -> list[float]:
    """Returns L1 and PSNR of the first of 8 draws and of their mean, and the distance of the first two."""
    truth, maps = whole(data.test)
    draw = lambda seed: model.sample(len(maps), maps, seed=seed, sampler="heun", steps=STEPS).double()
    draws = torch.stack([draw(seed) for seed in range(DRAWS)])
    answers = (draws[0], draws.mean(0))
    found = [measure(made, truth) for made in answers for measure in (l1, in_db)]
    return [*found, l1(draws[0], draws[1])]


def reproduce(budget: Budget) -> Iterator[Measured]:
    """Trains the diffusion, and measures its draws beside the baselines."""
    data = load()
    for figure, value in zip(FIGURES, baselines(data)):
        yield figure.measured(value)
    model = simulacra.DDPM(data.space, data.condition, **MODEL)
    run = budget.fit("ddpm", model, data, PASSES, 0.8, **SETTINGS)
    share = run.epochs / PASSES
    for figure, value in zip(FIGURES[3:], budget.once("ddpm-score", scored, run.model, data)):
        yield figure.measured(value, share=share)


def main() -> None:
    """Trains, and prints each figure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, help="time limit; none: the full schedule")
    for found in reproduce(Budget(parser.parse_args().minutes)):
        print(f"{found.figure.name}: {found.value:.4f} {found.figure.unit}", flush=True)


if __name__ == "__main__":
    main()
