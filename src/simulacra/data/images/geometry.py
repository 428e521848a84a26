"""Changes that are made to every row once: size, colour, and binarisations that are fixed."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from simulacra.core.pixels import Geometry, coloured
from simulacra.core.space import Binary, Levels, Space
from simulacra.core.transforms import Binarise
from simulacra.data.images.binarize import static_bits
from simulacra.data.images.tiles import applied
from simulacra.data.row_store import RowStore
from simulacra.data.source import Source


def reshape_images(source: Source, geometry: Geometry, grey: bool) -> Source:
    """The source with its images cut or resized and, if asked, grey.

    Raises:
        ValueError: if the rows are no images of levels, or are smaller than the cut.
    """
    if geometry.side is None and not grey:
        return source
    if not isinstance(source.space, Levels) or not source.space.image:
        raise ValueError(
            f"size=, crop= and grey= apply to images with grey or colour levels, but {source.name} holds "
            f"{source.space}."
        )
    levels, (channels, height, width) = source.space.levels, source.space.shape
    if geometry.crop and geometry.crop > min(height, width):
        raise ValueError(
            f"the images of {source.name} are {width}x{height}, smaller than crop={geometry.crop}: load them "
            f"with crop={min(height, width)} or load them with size={geometry.crop}."
        )
    whole = geometry.side is None or geometry.side == height == width
    source = replace(source, geometry=geometry if geometry.side else None)
    if whole and (channels == 1 or not grey):
        return source
    wanted = 1 if grey else channels
    rows = {name: _reshaped(part.rows, geometry, wanted, levels) for name, part in source.parts.items()}
    space = Levels((wanted, geometry.side or height, geometry.side or width), levels)
    return source.change(rows, space, *applied(geometry, grey and channels == 3))


def _reshaped(x: Tensor | RowStore, geometry: Geometry, channels: int, levels: int) -> Tensor:
    assert isinstance(x, Tensor)
    (place,) = geometry.places(*x.shape[2:])
    row = lambda pixels: geometry.cut(coloured(pixels, channels), *place, levels)
    return torch.stack([torch.from_numpy(row(pixels).copy()) for pixels in x.numpy()])


def binarise_once(source: Source, scheme: str, threshold: float, seed: int) -> Source:
    """The source with 0/1 rows: row i of a part has the same bits for ever.

    Raises:
        ValueError: if the rows are no levels.
    """
    levels = getattr(source.space, "levels", 256)
    step = Binarise(scheme, levels, threshold, seed)
    space: Space = step.space(source.space)
    assert isinstance(space, Binary)
    rows: dict[str, Tensor | RowStore] = {}
    for name, part in source.parts.items():
        if isinstance(part.rows, RowStore):
            rows[name] = part.rows.binarised(step)
        else:
            rows[name] = static_bits(part.rows, step, name, range(len(part)))
    return source.change(rows, space, step.label)
