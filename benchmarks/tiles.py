"""Measures translation of large pictures by tiles: time a pixel and memory beyond the pictures are flat."""

from __future__ import annotations

import time
from functools import partial

import torch
from torch import Tensor

from benchmarks.memory import added, in_a_fresh_process
from benchmarks.timing import Row, interleaved, median, ratio
from simulacra.core.methods.whole import translate_whole
from simulacra.core.spaces.plain import Levels
from simulacra.models.adversarial.paired.pix2pix import Pix2Pix

TILE, SMALL, MIDDLE, LARGE = 64, 256, 512, 1024
NAME = f"pix2pix (16 channels) at {TILE} x {TILE}, a picture in tiles"


def tiles(quick: bool) -> list[Row]:
    """Measures time and memory of pictures of 512 x 512 beside smaller and larger ones."""
    model, sides = _model(), (SMALL, MIDDLE) if quick else (SMALL, MIDDLE, LARGE)
    draw = {str(side): partial(translate_whole, model, _picture(side)) for side in sides}
    seconds = interleaved(draw, 3, time.process_time)
    each = {side: [s / int(side) ** 2 for s in values] for side, values in seconds.items()}
    beyond = {side: in_a_fresh_process("tiles", f"print_beyond({side})") for side in sides}
    return [_time(each, str(sides[-1]), str(sides[-2])), _memory(beyond, sides[-1], sides[-2])]


def print_beyond(side: int) -> None:
    """Prints the MB that one translation needs at its peak beyond the picture and its answer.

    Args:
        side: of the picture, in pixels.
    """
    torch.set_num_threads(1)
    model, picture, found = _model(), _picture(side), []
    translate_whole(model, _picture(TILE))  # what is made once stays out
    peak = added(lambda: found.extend(translate_whole(model, picture)))
    print(peak - found[0].numel() * found[0].element_size() / 2**20)


def _model() -> Pix2Pix:
    torch.manual_seed(0)
    space = Levels((3, TILE, TILE), 256)
    return Pix2Pix(space, space, channels=16).eval()


def _picture(side: int) -> Tensor:
    noise = torch.Generator().manual_seed(side)
    return torch.randint(256, (3, side, side), generator=noise, dtype=torch.uint8)


def _time(each: dict[str, list[float]], large: str, small: str) -> Row:
    """Compares the time for each pixel at two sizes."""
    low, mid, high = ratio(each, large, small)
    figures = ", ".join(f"{median(values) * 1e6:.1f} at {side}" for side, values in each.items())
    return Row(
        f"{NAME}: time for each pixel, {large} x {large} / {small} x {small}",
        f"{mid:.2f} ({low:.2f} to {high:.2f})",
        "<= 1.25",
        mid <= 1.25,
        f"us of CPU a pixel: {figures}; tiles that overlap by half",
    )


def _memory(beyond: dict[int, float], large: int, small: int) -> Row:
    """Compares the memory beyond picture and answer at two sizes."""
    figures = ", ".join(f"{value:.0f} at {side}" for side, value in beyond.items())
    grown = beyond[large] - beyond[small]
    return Row(
        f"{NAME}: peak memory beyond picture and answer, {large} x {large} minus {small} x {small}",
        f"{grown:+.0f} MB",
        "no growth (<= 16 MB)",
        grown <= 16,
        f"MB: {figures}; as many tiles at once as hold {2**20:,} numbers",
    )
