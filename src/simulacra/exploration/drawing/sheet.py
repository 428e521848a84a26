"""Sheets of images: every pixel of an image is a whole number of pixels of the picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib import colormaps
from matplotlib.figure import Figure
from torch import Tensor

from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Space
from simulacra.exploration.drawing import style
from simulacra.exploration.drawing.scale import Scale, scale_of

WIDTH, TILE = 1500, 96  # pixels: of a sheet at most, of a tile at least where that allows it
LETTERS = 30  # of a name beside a row
MARGIN, GAP = 28, 4


def pixels(space: Space, x: Tensor, scale: Scale | None = None) -> np.ndarray:
    """Images of `space` as bytes, shape (B, H, W, 3).

    Levels go from black to white, probabilities too; classes take colours.

    Args:
        scale: which values are black and white; None: as `scale_of` finds it for x.

    Raises:
        ValueError: if observations are no images.

    Example:
        >>> from simulacra.core.spaces.plain import Levels
        >>> pixels(Levels((1, 1, 2), 17), torch.tensor([[[[0, 16]]]]))[0, 0, :, 0].tolist()
        [0, 255]
    """
    if not space.image:
        raise ValueError(f"{space} holds no images.")
    x = x.detach().cpu()
    if isinstance(space, Categorical):
        colours = style.class_colours(space.classes)
        table = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in colours], dtype=np.uint8)
        return table[x[:, 0].long().numpy()]
    x, scale = x.double(), scale or scale_of(space, x)
    scaled = ((x - scale.black) / (scale.white - scale.black)).clamp(0, 1) * 255
    return scaled.round().to(torch.uint8).permute(0, 2, 3, 1).expand(-1, -1, -1, 3).numpy()


def signed(w: np.ndarray) -> np.ndarray:
    """Maps (B, H, W) with signs as bytes (B, H, W, 3), each on its own scale: blue below 0, red above.

    Example:
        >>> signed(np.array([[[0.0, 2.0]]]))[0, 0].tolist()
        [[247, 246, 246], [103, 0, 31]]
    """
    largest = np.abs(w).reshape(len(w), -1).max(1).clip(1e-12)[:, None, None]
    return (colormaps["RdBu_r"](0.5 + w / largest / 2)[..., :3] * 255).round().astype(np.uint8)


def mosaic(
    tiles: np.ndarray, columns: int, gap: int = 0, paper: Sequence[int] = (255, 255, 255)
) -> np.ndarray:
    """Tiles of shape (B, H, W, 3) row by row, shape (rows (H + gap) - gap, columns (W + gap) - gap, 3).

    Args:
        gap: pixels between tiles.
        paper: colour of the gaps.

    Example:
        >>> mosaic(np.zeros((6, 8, 8, 3), dtype=np.uint8), columns=3, gap=1).shape
        (17, 26, 3)
    """
    b, h, w, _ = tiles.shape
    rows = -(-b // columns)
    canvas = np.empty((rows * (h + gap) - gap, columns * (w + gap) - gap, 3), dtype=np.uint8)
    canvas[:] = np.asarray(paper, dtype=np.uint8)
    for i, tile in enumerate(tiles):
        top, left = (i // columns) * (h + gap), (i % columns) * (w + gap)
        canvas[top : top + h, left : left + w] = tile
    return canvas


def enlarge(tiles: np.ndarray, columns: int, width: int = WIDTH, tile: int = TILE) -> np.ndarray:
    """Tiles enlarged by a whole factor: up to `tile` pixels, as far as a row fits into `width`."""
    w = tiles.shape[2]
    factor = max(1, min(-(-tile // w), width // (columns * w)))
    return tiles.repeat(factor, 1).repeat(factor, 2)


def joined(space: Space, images: Tensor, columns: int) -> np.ndarray:
    """Images of shape (B, *shape) as one picture, parted by one of their own pixels in the colour
    that their edges mostly have, so that neighbours neither touch nor are fenced in."""
    tiles = pixels(space, images)
    large = enlarge(tiles, columns, WIDTH - columns * TILE // 8)
    ring = np.concatenate([tiles[:, [0, -1]].reshape(-1, 3), tiles[:, :, [0, -1]].reshape(-1, 3)])
    factor = large.shape[2] // tiles.shape[2]
    return mosaic(large, columns, factor, np.median(ring, 0).astype(int).tolist())


def sheet(
    space: Space,
    images: Tensor,
    title: str = "",
    row_names: Sequence[str] = (),
    column_names: Sequence[str] = (),
    captions: Sequence[str] = (),
) -> Figure:
    """Images in rows and columns with their names.

    Args:
        images: shape (rows, columns, *shape).
        row_names: on the left, one a row.
        column_names: above, one a column.
        captions: below the last row, one a column.

    Raises:
        ValueError: if observations are no images.
    """
    scale = scale_of(space, images)
    tiles = pixels(space, images.flatten(0, 1), scale)
    return tiled(tiles, images.shape[1], title, row_names, column_names, captions, scale.words)


def tiled(
    tiles: np.ndarray,
    columns: int,
    title: str = "",
    row_names: Sequence[str] = (),
    column_names: Sequence[str] = (),
    captions: Sequence[str] = (),
    note: str = "",
) -> Figure:
    """The same of images that are bytes already, shape (rows columns, H, W, 3), row by row."""
    tiles = enlarge(tiles, columns)
    step = (tiles.shape[1] + GAP, tiles.shape[2] + GAP)
    picture = mosaic(tiles, columns, GAP, style.FRAME)
    framed = np.pad(picture, ((GAP // 2,) * 2, (GAP // 2,) * 2, (0, 0)))
    for side in (framed[: GAP // 2], framed[-GAP // 2 :], framed[:, : GAP // 2], framed[:, -GAP // 2 :]):
        side[:] = style.FRAME
    return plate(framed, step, title, row_names, column_names, captions, note)


def plate(
    picture: np.ndarray,
    step: tuple[int, int] = (0, 0),
    title: str = "",
    row_names: Sequence[str] = (),
    column_names: Sequence[str] = (),
    captions: Sequence[str] = (),
    note: str = "",
) -> Figure:
    """One picture of bytes (H, W, 3), shown pixel by pixel, with a title and names around it.

    Args:
        step: pixels from one row to the next, and from one column to the next.
        note: below everything, such as the scale of greys.
    """
    # what comes from files is drawn as it is written
    title, note = (style.plain(text, 3 * style.LONGEST) for text in (title, note))
    row_names, column_names = ([style.plain(name, LETTERS) for name in n] for n in (row_names, column_names))
    left = MARGIN + max((style.text_width(name, style.NAME) + 16 for name in row_names), default=0)
    top = MARGIN + (style.text_height(style.TITLE) + 12 if title else 0)
    top += style.text_height(style.SMALL) if any(column_names) else 0
    bottom = MARGIN + style.text_height(style.SMALL) * (any(captions) + bool(note))
    height, width = picture.shape[:2]
    words = int(style.text_width(title, style.TITLE) * style.BOLD), style.text_width(note, style.SMALL)
    full = max(left + width + MARGIN, *(room + 2 * MARGIN for room in words))
    canvas = np.full((top + height + bottom, full, 3), 255, dtype=np.uint8)
    canvas[top : top + height, left : left + width] = picture
    figure = _figure_of(canvas)
    middle = [left + (c + 0.5) * step[1] for c in range(max(len(column_names), len(captions)))]
    write = _Writer(figure, *canvas.shape[:2])
    write(MARGIN, MARGIN, title, style.TITLE, va="top", fontweight="bold")
    for r, name in enumerate(row_names):
        at = top + (r + 0.5) * step[0]
        write(left - 16, at, name, style.NAME, ha="right", va="center")
    for x, name in zip(middle, column_names):
        write(x, top - 6, name, style.SMALL, ha="center", va="bottom", color=style.MUTED)
    for x, name in zip(middle, captions):
        write(x, top + height + 6, name, style.SMALL, ha="center", va="top", color=style.MUTED)
    if note:
        write(MARGIN, canvas.shape[0] - MARGIN // 2, note, style.SMALL, va="bottom", color=style.MUTED)
    return figure


def _figure_of(canvas: np.ndarray) -> Figure:
    """A figure whose pixels are those of `canvas`."""
    height, width = canvas.shape[:2]
    figure = style.new_figure(width / style.DPI, height / style.DPI, constrained=False)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis("off")
    axes.imshow(canvas, interpolation="nearest", aspect="auto")
    return figure


class _Writer:
    """Writes at pixels counted from the top left."""

    def __init__(self, figure: Figure, height: int, width: int):
        self.figure, self.height, self.width = figure, height, width

    def __call__(self, x: float, y: float, text: str, size: float, **how: str) -> None:
        how = {"color": style.INK, **how}
        self.figure.text(x / self.width, 1 - y / self.height, text, fontsize=size, **how)  # type: ignore[arg-type]
