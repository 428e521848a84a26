"""Renderer of images for matplotlib: each image pixel becomes a whole number of pixels of the figure."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from simulacra.exploration.drawing.picture import Images, Sheet
from simulacra.exploration.drawing.scale import ClassColours, Scale, SignedScale
from simulacra.exploration.drawing.text import LONGEST
from simulacra.exploration.rendering import style

WIDTH, TILE = 1500, 96  # pixels: largest width of a sheet; smallest width of a tile, where WIDTH allows it
LETTERS = 30  # of a name beside a row
MARGIN, GAP = 28, 4
DARK = (96, 96, 96)  # gaps between filters: a weight near zero looks like the pale frame


def pixels(images: Images) -> np.ndarray:
    """Images as bytes, shape (B, H, W, 3); missing pixels have the colour of the frame.

    Args:
        images: one channel, or three (red, green, blue).

    Example:
        >>> images = Images(np.array([[[[0, 16]]]]), Scale(0, 16))
        >>> pixels(images)[0, 0, :, 0].tolist()
        [0, 255]
    """
    made = _coloured(images.values, images.scale)
    if images.hidden is not None:
        made = made.copy()
        made[images.hidden] = style.FRAME
    return made


def _coloured(values: np.ndarray, scale: Scale | ClassColours | SignedScale) -> np.ndarray:
    if isinstance(scale, SignedScale):
        return signed(values.mean(1))
    if isinstance(scale, ClassColours):
        colours = style.class_colours(scale.classes)
        table = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in colours], dtype=np.uint8)
        return table[values[:, 0].astype(np.int64)]
    shares = ((values.astype(np.float64) - scale.black) / (scale.white - scale.black)).clip(0, 1)
    made = (shares * 255).round().astype(np.uint8).transpose(0, 2, 3, 1)
    return np.broadcast_to(made, (*made.shape[:3], 3))


def signed(w: np.ndarray) -> np.ndarray:
    """Signed maps as bytes, each on its own scale: blue below 0, red above.

    Args:
        w: shape (B, H, W).

    Returns:
        Bytes of shape (B, H, W, 3).

    Example:
        >>> signed(np.array([[[0.0, 2.0]]]))[0, 0].tolist()
        [[247, 246, 246], [103, 0, 31]]
    """
    largest = np.abs(w).reshape(len(w), -1).max(1).clip(1e-12)[:, None, None]
    return (colormaps["RdBu_r"](0.5 + w / largest / 2)[..., :3] * 255).round().astype(np.uint8)


def mosaic(
    tiles: np.ndarray, columns: int, gap: int = 0, paper: Sequence[int] = (255, 255, 255)
) -> np.ndarray:
    """Tiles row by row in one array, shape (rows (H + gap) - gap, columns (W + gap) - gap, 3).

    Args:
        tiles: shape (B, H, W, 3).
        columns: tiles in each row.
        gap: pixels between tiles.
        paper: red, green and blue of the gaps.

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
    """Returns tiles enlarged by a whole factor, to at least `tile` pixels if a row of them fits into `width`.

    Args:
        tiles: shape (B, H, W, 3).
        columns: tiles in each row.
        width: largest width of a row, in pixels.
        tile: smallest width of a tile, in pixels.
    """
    w = tiles.shape[2]
    factor = max(1, min(-(-tile // w), width // (columns * w)))
    return tiles.repeat(factor, 1).repeat(factor, 2)


def joined(tiles: np.ndarray, columns: int) -> np.ndarray:
    """Tiles as one picture, with gaps of one image pixel in the colour that the edges of tiles mostly have.

    Args:
        tiles: shape (B, H, W, 3).
        columns: tiles in each row.
    """
    large = enlarge(tiles, columns, WIDTH - columns * TILE // 8)
    ring = np.concatenate([tiles[:, [0, -1]].reshape(-1, 3), tiles[:, :, [0, -1]].reshape(-1, 3)])
    factor = large.shape[2] // tiles.shape[2]
    return mosaic(large, columns, factor, np.median(ring, 0).astype(int).tolist())


def sheet_figure(title: str, images: Sequence[Images], layout: Sheet) -> Figure:
    """The images of a picture in rows and columns, with their names.

    Args:
        title: above the images.
        images: all of one shape; they follow each other in the rows.
        layout: columns, names and gaps.
    """
    tiles = np.concatenate([pixels(part) for part in images])
    if layout.between == "ground":
        return plate(joined(tiles, layout.columns), (0, 0), title, layout)
    tiles = enlarge(tiles, layout.columns)
    step = (tiles.shape[1] + GAP, tiles.shape[2] + GAP)
    if layout.between == "dark":
        return plate(mosaic(tiles, layout.columns, GAP, DARK), step, title, layout)
    picture = mosaic(tiles, layout.columns, GAP, style.FRAME)
    framed = np.pad(picture, ((GAP // 2,) * 2, (GAP // 2,) * 2, (0, 0)))
    for side in (framed[: GAP // 2], framed[-GAP // 2 :], framed[:, : GAP // 2], framed[:, -GAP // 2 :]):
        side[:] = style.FRAME
    return plate(framed, step, title, layout)


def plate(picture: np.ndarray, step: tuple[int, int], title: str, layout: Sheet) -> Figure:
    """A figure of bytes (H, W, 3), shown pixel by pixel, with a title and names around it.

    Args:
        picture: all images as one array.
        step: pixels from one row to the next, and from one column to the next.
        title: above the picture.
        layout: names, captions and note.
    """
    title, note = (style.plain(text, 3 * LONGEST) for text in (title, layout.note))
    row_names = ["\n".join(_lines(name)) for name in layout.row_names]
    column_names = [style.plain(name, LETTERS) for name in layout.column_names]
    captions = layout.captions
    lines = [line for name in row_names for line in name.split("\n")]
    left = MARGIN + max((style.text_width(line, style.NAME) + 16 for line in lines), default=0)
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


def _lines(name: str) -> list[str]:
    """Returns a name, or a text of several words in up to two lines."""
    first, *rest = textwrap.wrap(name, LETTERS, break_long_words=False, break_on_hyphens=False) or [name]
    return [style.plain(line, LETTERS) for line in (first, " ".join(rest)) if line]


def _figure_of(canvas: np.ndarray) -> Figure:
    """A figure with exactly the pixels of `canvas`."""
    height, width = canvas.shape[:2]
    figure = style.new_figure(width / style.DPI, height / style.DPI, constrained=False)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis("off")
    axes.imshow(canvas, interpolation="nearest", aspect="auto")
    return figure


class _Writer:
    """Writes text at a position in pixels from the top left corner."""

    def __init__(self, figure: Figure, height: int, width: int):
        self.figure, self.height, self.width = figure, height, width

    def __call__(self, x: float, y: float, text: str, size: float, **how: str) -> None:
        how = {"color": style.INK, **how}
        self.figure.text(x / self.width, 1 - y / self.height, text, fontsize=size, **how)  # type: ignore[arg-type]
