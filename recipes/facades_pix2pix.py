"""Facades from label maps by pix2pix: the distance alone, the game alone, and both, on 100 test pairs.

command     SIMULACRA_DATA=DATA python recipes/facades_pix2pix.py [--minutes N] (DATA holds facades/)
protocol    CMP facades, 64 x 64, photo given label map; 400 training pairs and 100 test pairs by file order,
            not the official parts. L1 of a pixel on the range 0 to 1, and PSNR in dB, means over the test
            pairs; the distance of mean log spectra is the root mean square over all frequencies, in dB
published   none for this protocol (pix2pix reports scores of people and of a segmentation network)
baseline    the mean of all training photos; the label map itself
ours        mean photo 0.165, 13.98 dB, 22.4 dB; label map 0.394, 6.72 dB, 2.5 dB. A trial of L1 alone with 16
            channels, 25 passes in 54 s of CPU time: L1 0.169, PSNR 13.45 dB, no better than the mean photo;
            170 passes in 334 s: 0.177, 13.04 dB, 6.9 dB of spectra. Game and L1, 14 passes in 97 s: 0.177,
            12.98 dB, 3.9 dB: as near, and sharper. The game alone and the full schedule are not measured yet
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
from simulacra.core.model import Model
from simulacra.data.dataset import Dataset
from simulacra.evaluation.compare.reproduction import Figure, Measured
from simulacra.evaluation.latents.fidelity import psnr
from simulacra.training.hardware.budget import Budget

PASSES, CHANNELS, FLOOR = 200.0, 32, 1e-6
SETTINGS = {"batch_size": 4, "validate": False}
GAMES = {
    "L1 alone": {"adversarial": 0.0, "latent": 0},
    "game alone": {"l1": 0.0},
    "game and L1": {},
}
pair_figure = partial(
    Figure,
    published=None,
    source="",
    protocol="facades, 64 x 64, 100 test pairs by file order",
    better="lower",
    tolerance=0.0,
    wide=0.0,
)
MEASURES = {
    "L1": {"unit": "range 0 to 1"},
    "PSNR": {"unit": "dB", "better": "higher"},
    "distance of spectra": {"unit": "dB"},
}
FIGURES = tuple(
    pair_figure(f"{measure}, {name}", **how)
    for name in ("mean training photo", "label map", *GAMES)
    for measure, how in MEASURES.items()
)


def load() -> Dataset:
    """Returns the pairs, the label map as the condition of the photo."""
    path = Path(os.environ.get("SIMULACRA_DATA", "."), "facades", "facades_64.npz")
    return simulacra.load_data(path, key="photo", condition="label", validation=0.0)


def whole(split: simulacra.Split) -> tuple[Tensor, Tensor]:
    """Returns the photos and the label maps of a split on the range 0 to 1, shape (N, 3, 64, 64)."""
    rows = split.rows(torch.arange(len(split)))
    return rows.x.double() / 255, rows.c.double() / 255


def spectrum(x: Tensor) -> Tensor:
    """Returns the mean log power at each frequency in dB, shape (H, W / 2 + 1)."""
    power = torch.fft.rfft2(x).abs().square().mean(1) / x[0, 0].numel()
    return 10 * (power + FLOOR).log10().mean(0)


def measured(made: Tensor, truth: Tensor) -> list[float]:
    """Returns L1, PSNR and the distance of mean log spectra of photos on the range 0 to 1."""
    gap = (spectrum(made) - spectrum(truth)).square().mean().sqrt()
    return [float((made - truth).abs().mean()), float(psnr(made, truth).mean()), float(gap)]


def baselines(data: Dataset) -> list[float]:
    """Returns the measures of the mean training photo, then those of the label map."""
    (truth, maps), mean = whole(data.test), whole(data.train)[0].mean(0, keepdim=True)
    return [*measured(mean.expand_as(truth), truth), *measured(maps, truth)]


def scored(model: Model, data: Dataset) -> list[float]:
    """Returns the measures of one draw for each test pair."""
    truth, maps = whole(data.test)
    made = model.sample(len(maps), (255 * maps).round(), seed=0).double() / 255
    return measured(made, truth)


def built(data: Dataset, channels: int = CHANNELS, **more: float) -> simulacra.Pix2Pix:
    """Returns an untrained game."""
    return simulacra.Pix2Pix(data.space, data.condition, channels=channels, **more)


def reproduce(budget: Budget) -> Iterator[Measured]:
    """Measures the baselines, then each game after its training."""
    data, figures = load(), iter(FIGURES)
    for value in baselines(data):
        yield next(figures).measured(value)
    for name, more in GAMES.items():
        key = name.replace(" ", "-")
        run = budget.fit(key, built(data, **more), data, PASSES, 0.3, **SETTINGS)
        for value in budget.once(f"{key}-score", scored, run.model, data):
            yield next(figures).measured(value, share=run.epochs / PASSES)


def main() -> None:
    """Trains, and prints each figure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, help="time limit; none: the full schedule")
    for found in reproduce(Budget(parser.parse_args().minutes)):
        print(f"{found.figure.name}: {found.value:.4f} {found.figure.unit}", flush=True)


if __name__ == "__main__":
    main()
