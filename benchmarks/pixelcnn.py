"""Drawing images from row caches: the cost of a pixel does not grow, and the whole net is never run."""

from __future__ import annotations

import time

import torch

from benchmarks.timing import Row, interleaved, median, ratio
from simulacra.core.random import Rng
from simulacra.core.space import Binary
from simulacra.models.autoregressive.pixelcnn import GatedPixelCNN, PixelCNN
from simulacra.models.autoregressive.raster import Raster

IMAGES, SIDES, MIDDLE = 16, (14, 28, 56), 28


def pixelcnn(quick: bool) -> list[Row]:
    """Microseconds a pixel at three sizes, and the whole network run again for each pixel."""
    return [row for kind in (GatedPixelCNN, PixelCNN) for row in _rows(kind, 1 if quick else 3)]


@torch.no_grad()
def _rows(kind: type[Raster], repeats: int) -> list[Row]:
    models = {side: kind(Binary((1, side, side)), layers=7, channels=32).eval() for side in SIDES}
    rng = Rng(0, rows=range(IMAGES))
    draw = {str(side): lambda model=model: model.draw(rng) for side, model in models.items()}
    seconds = interleaved(draw, repeats)
    each = {side: [s / side**2 * 1e6 for s in seconds[str(side)]] for side in SIDES}
    again = [_again(models[MIDDLE]) for _ in range(repeats)]
    low, mid, high = ratio({"again": again, "cached": seconds[str(MIDDLE)]}, "again", "cached")
    low_g, growth, high_g = ratio({"large": each[SIDES[-1]], "small": each[SIDES[0]]}, "large", "small")
    figures = ", ".join(f"{median(each[side]):.0f} us at {side} x {side}" for side in SIDES)
    name = f"{kind.__name__} (7 layers, 32 channels), {IMAGES} images"
    return [
        Row(
            f"{name}: a pixel of 56 x 56 / a pixel of 14 x 14",
            f"{growth:.2f} ({low_g:.2f} to {high_g:.2f})",
            "<= 1.25",
            growth <= 1.25,
            f"a pixel of all images with its noise: {figures}",
        ),
        Row(
            f"{name} of 28 x 28: the network again for each pixel / row caches",
            f"{mid:.0f} ({low:.0f} to {high:.0f})",
            ">= 30",
            mid >= 30,
            f"caches {median(seconds[str(MIDDLE)]):.2f} s; again: 8 of the 784 pixels timed and scaled, "
            f"{median(again):.0f} s",
        ),
    ]


def _again(model: Raster, pixels: int = 8) -> float:
    """Seconds of one whole pass for each entry, from `pixels` passes scaled up."""
    x = torch.zeros(IMAGES, *model.space.shape)
    model.parameters_of(x)
    began = time.perf_counter()
    for _ in range(pixels):
        model.parameters_of(x)
    return (time.perf_counter() - began) * model.space.dims / pixels
