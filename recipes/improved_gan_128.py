"""Improved GAN at 128 x 128: every trick of the paper as an option of `gan`, on photographs of a folder.

command     python recipes/improved_gan_128.py [FOLDER] [--network dcgan|residual] [--steps N] [--device cuda]
            (without a folder: 256 pictures of noise, one step, which shows that the game runs)
protocol    images of 128 x 128, batch 64; virtual batch normalization of both players, 64 kernels of
            minibatch discrimination, feature matching, labels of 0.9, historical averaging; 64 channels next
            to the image on a GPU, 4 on a CPU
published   none: the paper shows samples of ImageNet at 128 x 128 without a score (Salimans et al. 2016, 6.4)
ours        not yet run with these settings
device      2 shared CPU cores, one thread
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import torch

import simulacra
from simulacra.evaluation.compare.reproduction import Figure, Measured
from simulacra.training.hardware.budget import Budget

SIDE, BATCH = 128, 64
TRICKS = {
    "normalization": "virtual",
    "critic_normalization": "virtual",
    "minibatch_kernels": 64,
    "feature_matching": True,
    "smoothing": 0.9,
    "historical_averaging": 1e-4,
    "lr": 2e-4,
}


def main() -> None:
    """Trains the game, and prints the seconds of a step and the losses."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", help="of photographs; without one: noise")
    parser.add_argument("--network", choices=("dcgan", "residual"), default="dcgan")
    parser.add_argument("--steps", type=int, default=1)
    parser.add_argument("--channels", type=int)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    data = noise() if asked.folder is None else simulacra.load_data(asked.folder, size=SIDE)
    channels = asked.channels or (4 if asked.device == "cpu" else 64)
    seconds = played(data, asked.network, channels, asked.steps, asked.device, asked.out)
    print(f"{asked.network}, {channels} channels: {asked.steps} steps of {BATCH} rows in {seconds:.1f} s")


def noise(n: int = 256) -> simulacra.Dataset:
    """Returns pictures of noise; the content does not change the cost of a step.

    Args:
        n: number of pictures.
    """
    seeded = torch.Generator().manual_seed(0)
    x = torch.randint(0, 256, (n, 3, SIDE, SIDE), dtype=torch.uint8, generator=seeded)
    return simulacra.from_tensors(x, simulacra.Levels((3, SIDE, SIDE), 256), "noise", valid=0.0, test=0.0)


def played(
    data: simulacra.Dataset,
    network: str,
    channels: int,
    steps: int,
    device: str = "cpu",
    out: Path | None = None,
) -> float:
    """Trains for some steps, and returns the seconds that they took.

    Args:
        data: images of 128 x 128.
        network: `dcgan` or `residual`.
        channels: channels next to the image.
        steps: steps of both players.
        device: where to train.
        out: run folder; None: a folder that is not kept.
    """
    torch.manual_seed(0)
    model = simulacra.GAN(data.space, latent=100, network=network, channels=channels, **TRICKS)
    began = time.perf_counter()
    settings = {"epochs": steps * BATCH / len(data.train), "batch_size": BATCH, "device": device}
    run = simulacra.fit(
        model, data, out=out or Path(tempfile.mkdtemp()), doctor=False, validate=False, **settings
    )
    sample = run.model.sample(2, seed=1)
    assert sample.shape == (2, 3, SIDE, SIDE) and math.isfinite(float(sample.float().std()))
    return time.perf_counter() - began


FIGURES = tuple(
    Figure(f"{name}, seconds of a step at 128 x 128", None, "", "s", "noise, 4 channels", 0.0, 0.0)
    for name in ("dcgan", "residual")
)


def reproduce(budget: Budget) -> Iterator[Measured]:
    """Measures one step of each network, whatever the budget."""
    for name, figure in zip(("dcgan", "residual"), FIGURES):
        yield figure.measured(budget.once(name, lambda name: played(noise(), name, 4, 1), name))


if __name__ == "__main__":
    main()
