"""What decoders without an encoder hold: one image, four, five under four codes, and a hundred learned codes.

command     python recipes/memorizers.py [COIL] (the file coil20_32x32.npz: local dimension of its objects)
protocol    first digits of 8x8 images, 2,000 steps; mean squared error of an entry of features in [0, 1].
            Fifty other digits are held out: their codes are found by inversion. Local dimension: of 500
            samples, and of the 72 views of each object of COIL-20, by four neighbours, median of 20 objects
published   none (the checks are those of the lecture; learned codes follow Bojanowski et al. 2018)
ours        below. Four codes cannot hold five images: the error is the variance within the pair that shares
            one. Two numbers hold a hundred images on a surface so crumpled that 500 samples do not show two
            directions. A turning object is one circle, but views five degrees apart are too far from each
            other to show it: blurred, they come nearer
device      2 shared CPU cores, one thread; about a minute

| what | figure |
|---|---|
| one image, a code of ones | 1.2e-08 |
| four images, four one-hot codes | 6.8e-07 |
| five images, four one-hot codes (at least 0.01585) | 0.01585 |
| 100 images, codes of 2 numbers | 0.00647; held out 0.03896; dimension 7.7 +- 0.2 (of 32 neighbours) |
| 100 images, codes of 8 numbers | 0.00040; held out 0.01510; dimension 17.1 +- 0.1 (of 128 neighbours) |
| 100 images, codes of 16 numbers | 0.00016; held out 0.00566; dimension 17.4 +- 0.1 (of 128 neighbours) |
| COIL-20, blur of 0 pixels | local dimension 3.28 |
| COIL-20, blur of 1 pixels | local dimension 2.45 |
| COIL-20, blur of 2 pixels | local dimension 2.15 |
| COIL-20, blur of 4 pixels | local dimension 2.18 |
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import simulacra
from simulacra.core.corruption.parse import parse
from simulacra.core.numerics.dimension import local_dimension
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Levels
from simulacra.evaluation.compare.reproduction import Figure, Measured
from simulacra.exploration import invert
from simulacra.training.hardware.budget import Budget

SPACE = Levels((1, 8, 8), 17)
QUIET: dict[str, Any] = {"progress": False, "doctor": False}
FIGURES: tuple[Figure, ...] = ()


def reproduce(budget: Budget) -> Iterator[Measured]:
    """Yields nothing: no figure is published.

    Args:
        budget: not used.
    """
    yield from ()


def main() -> None:
    """Prints the table."""
    digits = simulacra.load_data("digits").train.x
    print("| what | figure |\n|---|---|")
    print(f"| one image, a code of ones | {error(digits[:1], codes='ones'):.1e} |")
    print(f"| four images, four one-hot codes | {error(digits[:4], codes='one-hot', rows=4):.1e} |")
    five = error(digits[:5], codes="one-hot", rows=4, shared=True)
    print(f"| five images, four one-hot codes (at least {floor(digits[:5]):.5f}) | {five:.5f} |")
    for latent in (2, 8, 16):
        model = trained(digits[:100], rows=100, latent=latent)
        found = local_dimension(model.sample(500, seed=0).float()).words
        other = float(invert(model, digits[100:150]).errors.mean())
        what = f"100 images, codes of {latent} numbers"
        print(f"| {what} | {error_of(model, digits[:100]):.5f}; held out {other:.5f}; dimension {found} |")
    for path in map(Path, sys.argv[1:]):
        for blur in (0, 1, 2, 4):
            print(f"| COIL-20, blur of {blur} pixels | local dimension {circle(path, blur):.2f} |")


def trained(x: Tensor, **arguments: Any) -> simulacra.Memorizer:
    """Returns a memorizer after 2,000 steps on rows."""
    data = simulacra.from_tensors(x, SPACE, "digits", valid=0, test=0)
    model = simulacra.Memorizer(data.space, **arguments)
    simulacra.fit(model, data, **QUIET)
    return model


def error(x: Tensor, **arguments: Any) -> float:
    """Returns the mean squared error of an entry after training."""
    return error_of(trained(x, **arguments), x)


@torch.no_grad()
def error_of(model: simulacra.Memorizer, x: Tensor) -> float:
    """Returns the mean squared error of an entry of features of the training rows."""
    made = model.generate(model.codes_of(torch.arange(len(x))))
    return float((model.features(x) - made).square().mean())


def floor(x: Tensor) -> float:
    """Returns the least error of rows of which the first and the last share a code."""
    f = SPACE.features(x)
    return float(((f[0] - f[-1]) / 2).square().sum() * 2 / f.numel())


def circle(path: Path, blur: int) -> float:
    """Returns the median over objects of the mean dimension of four neighbours.

    Args:
        path: file with `images` (1440, 32, 32) and `object` (1440,).
        blur: width of a Gaussian window in pixels; 0: none.
    """
    file = np.load(path)
    views = torch.tensor(file["images"]).unsqueeze(1)
    space, noise = Levels((1, 32, 32), 256), parse(f"blur:{blur}" if blur else "none")
    seen = views if noise is None else noise.apply(views, Rng(0, rows=range(len(views))), space)
    objects = torch.tensor(file["object"])
    found = [local_dimension(space.features(seen[objects == k])).dimension[0] for k in objects.unique()]
    return float(np.median(found))


if __name__ == "__main__":
    main()
