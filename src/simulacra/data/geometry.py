"""Changes that are made to every row once: size, colour, and binarisations that are fixed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from simulacra.core.space import Binary, Levels, Space
from simulacra.core.transforms import Binarise
from simulacra.data.bits import static_bits
from simulacra.data.images import ImageFiles, fit_square, to_chw
from simulacra.data.source import Source


def reshape_images(source: Source, size: int | None, grey: bool) -> Source:
    """The source with its images as squares of side `size` and, if asked, grey.

    Raises:
        ValueError: if the rows are no images of levels.
    """
    if isinstance(source.parts["train"].rows, ImageFiles):
        # files were opened for this size and colour: they are changed while they are read
        return source
    if size is None and not grey:
        return source
    if not isinstance(source.space, Levels) or not source.space.image:
        raise ValueError(
            f"size= and grey= apply to images with grey or colour levels, but {source.name} holds "
            f"{source.space}."
        )
    channels, side, width = source.space.shape
    if size in (None, side) and side == width and (channels == 1 or not grey):
        return source
    rows = {
        name: _reshaped(part.rows, size, grey, source.space.levels) for name, part in source.parts.items()
    }
    shape = (1 if grey else channels, size or side, size or width)
    return source.change(rows, Levels(shape, source.space.levels), describe(size, grey and channels == 3))


def describe(size: int | None, grey: bool) -> str:
    """What a protocol says of the geometry, such as `resized to 32x32, grey`."""
    said = [f"resized to {size}x{size}"] if size else []
    return ", ".join([*said, "grey"] if grey else said)


def _reshaped(x: Tensor | ImageFiles, size: int | None, grey: bool, levels: int) -> Tensor:
    assert isinstance(x, Tensor)
    first = _row(x[0], size, grey)
    out = torch.empty((len(x), *first.shape), dtype=torch.uint8)
    for i, row in enumerate(x):
        out[i] = torch.from_numpy(_row(row, size, grey))
    # Lanczos may overshoot the highest level where that is below 255
    return out.clamp_(max=levels - 1)


def _row(row: Tensor, size: int | None, grey: bool) -> np.ndarray:
    pixels = row.numpy()
    image = Image.fromarray(
        pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0))
    )
    if grey:
        image = image.convert("L")
    return to_chw(image if size is None else fit_square(image, size))


def binarise_once(source: Source, scheme: str, threshold: float, seed: int) -> Source:
    """The source with 0/1 rows: row i of a part has the same bits for ever.

    Raises:
        ValueError: if the rows are no levels.
    """
    levels = getattr(source.space, "levels", 256)
    step = Binarise(scheme, levels, threshold, seed)
    space: Space = step.space(source.space)
    assert isinstance(space, Binary)
    rows: dict[str, Tensor | ImageFiles] = {}
    for name, part in source.parts.items():
        if isinstance(part.rows, ImageFiles):
            rows[name] = replace(part.rows, bits=step)
        else:
            rows[name] = static_bits(part.rows, step, name, range(len(part)))
    return source.change(rows, space, step.label)
