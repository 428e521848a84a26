"""Measures drawing of images row by row: the cost of a pixel is constant, the whole net never runs."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from benchmarks.timing import Row, interleaved, median, ratio
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary
from simulacra.models.autoregressive.images.pixelcnn import GatedPixelCNN, PixelCNN
from simulacra.models.autoregressive.images.pixelrnn import PixelRNN
from simulacra.models.autoregressive.images.raster import Raster

IMAGES, SIDES, MIDDLE = 16, (14, 28, 56), 28
Draws = dict[int, list[float]]


def pixelcnn(quick: bool) -> list[Row]:
    """Measures microseconds a pixel at three sizes, and the whole network run again for each pixel."""
    return [row for kind in (GatedPixelCNN, PixelCNN) for row in _convolutional(kind, 1 if quick else 3)]


def row_lstm(quick: bool) -> list[Row]:
    """Measures a PixelRNN with layers down the rows, with fewer images and two sizes."""
    build = lambda side: PixelRNN(Binary((1, side, side)), recurrence="row", layers=7, channels=16).eval()
    return _rows("Row LSTM (7 layers, 16 channels)", build, 4, SIDES[:2], 10, 1 if quick else 3)


def _convolutional(kind: type[Raster], repeats: int) -> list[Row]:
    build = lambda side: kind(Binary((1, side, side)), layers=7, channels=32).eval()
    return _rows(f"{kind.__name__} (7 layers, 32 channels)", build, IMAGES, SIDES, 30, repeats)


@torch.no_grad()
def _rows(
    name: str, build: Callable[[int], Raster], images: int, sides: tuple[int, ...], wanted: int, repeats: int
) -> list[Row]:
    models = {side: build(side) for side in sides}
    rng = Rng(0, rows=range(images))
    draw = {str(side): lambda model=model: model.draw(rng) for side, model in models.items()}
    seconds = interleaved(draw, repeats, clock=time.process_time)
    kept = {side: seconds[str(side)] for side in sides}
    again = [_again(models[MIDDLE], images) for _ in range(repeats)]
    name = f"{name}, {images} images"
    return [_growth(name, kept), _against_again(name, kept[MIDDLE], again, wanted)]


def _growth(name: str, kept: Draws) -> Row:
    each = {side: [s / side**2 * 1e6 for s in seconds] for side, seconds in kept.items()}
    small, large = min(each), max(each)
    low, mid, high = ratio({"large": each[large], "small": each[small]}, "large", "small")
    figures = ", ".join(f"{median(each[side]):.0f} us at {side} x {side}" for side in each)
    return Row(
        f"{name}: a pixel of {large} x {large} / a pixel of {small} x {small}",
        f"{mid:.2f} ({low:.2f} to {high:.2f})",
        "<= 1.25",
        mid <= 1.25,
        f"a pixel of all images with its noise: {figures}",
    )


def _against_again(name: str, kept: list[float], again: list[float], wanted: int) -> Row:
    low, mid, high = ratio({"again": again, "kept": kept}, "again", "kept")
    return Row(
        f"{name} of 28 x 28: the network again for each pixel / row by row",
        f"{mid:.0f} ({low:.0f} to {high:.0f})",
        f">= {wanted}",
        mid >= wanted,
        f"row by row {median(kept):.2f} s; again: 8 of 784 pixels timed and scaled, {median(again):.0f} s",
    )


def _again(model: Raster, images: int, pixels: int = 8) -> float:
    """Returns the seconds of one whole pass for each entry, extrapolated from `pixels` passes."""
    x = torch.zeros(images, *model.space.shape)
    model.parameters_of(x)
    began = time.process_time()
    for _ in range(pixels):
        model.parameters_of(x)
    return (time.process_time() - began) * model.space.dims / pixels
