"""Pillow images as levels: the integers that their files store, with the orientation as displayed.

Pillow scales images of fewer than 256 levels to 0..255. This is inverted exactly, since rounding moves a
level by less than half the distance of two.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from simulacra.core.preprocessing.images import Geometry, coloured, to_chw
from simulacra.core.spaces.plain import Binary, Levels, Space

GREY = {"L", "1"}
GREY_ALPHA = {"LA", "La"}
ALPHA = {"RGBA", "PA", "RGBa"} | GREY_ALPHA
COLOUR = {"RGB", "P", "CMYK", "YCbCr"}
SPREAD = {"PNG", "PPM", "TIFF"}  # formats that keep fewer than 256 levels


def pictures_in(x: Any) -> Sequence[Image.Image] | None:
    """Returns the Pillow images that x is or contains; None if it is something else."""
    images = x if isinstance(x, (list, tuple)) else [x]
    return images if images and all(isinstance(image, Image.Image) for image in images) else None


def picture_rows(
    space: Space, geometry: Geometry | None, images: Sequence[Image.Image], what: str = "x"
) -> Tensor:
    """Converts images to raw rows: rotated, cropped, resized and made grey as the training images were.

    Args:
        space: raw space of a model.
        geometry: cropping of its training images; tiles give several rows an image. None: no cropping.
        images: images; of several frames, the current one is used.
        what: name of the images in messages.

    Returns:
        levels, shape (B, C, H, W).

    Raises:
        ValueError: if the space has no images of levels, or an image has another depth or size.
    """
    if not (isinstance(space, Levels | Binary) and space.image):
        raise ValueError(
            f"{what} holds images, but the model was trained on {space}: give its rows as an array."
        )
    levels = space.levels if isinstance(space, Levels) else 2
    cut, rows = geometry or Geometry(), []
    for i, image in enumerate(images):
        name = f"image {i} (from 0)"
        pixels = coloured(_levels_of(image, levels, name), space.shape[0])
        fits = cut.side is None or min(np.subtract(pixels.shape[1:], cut.side)) >= 0 or cut.size
        places = cut.places(*pixels.shape[1:]) if fits else []
        cuts = [cut.cut(pixels, *place, levels) for place in places]
        if not cuts or any(row.shape != space.shape for row in cuts):
            raise ValueError(
                f"{name} is {pixels.shape[2]}x{pixels.shape[1]}, but the model takes "
                f"{space.shape[2]}x{space.shape[1]}: crop or resize it, or train with size=."
            )
        rows += cuts
    return torch.from_numpy(np.stack(rows).astype(np.uint8 if levels <= 256 else np.int32))


def _levels_of(image: Image.Image, levels: int, name: str) -> np.ndarray:
    """Returns an image at the depth of its file, rotated by its orientation tag, shape (C, H, W)."""
    if image.mode not in COLOUR | GREY | ALPHA and not image.mode.startswith("I"):
        raise ValueError(f"{name} has the mode {image.mode}: convert it to L or RGB first.")
    deep = image.mode.startswith("I")
    # before the image is loaded
    depth = stored_levels(image, name)
    if depth > 256 and not deep:
        raise ValueError(f"{name} was cut to 8 bits when Pillow opened it: give its values as an array.")
    if deep != (levels > 256) or (depth < levels and (depth, levels) != (2, 256)):
        raise ValueError(
            f"{name} has {16 if deep else 8} bits a value (mode {image.mode}, {depth} levels), but the model "
            f"knows {levels} levels: give images of the depth that it was trained on."
        )
    seen = ImageOps.exif_transpose(image)
    pixels = stored(seen, depth, 1 if is_grey(image) else 3, name)
    pixels = pixels * np.uint8(255) if depth == 2 < levels else pixels
    if pixels.max(initial=0) >= levels:
        raise ValueError(
            f"{name} holds the value {pixels.max()}, but the model knows the levels 0 to {levels - 1}: give "
            "images of the depth that it was trained on."
        )
    return pixels


def stored_levels(image: Image.Image, name: str = "the image") -> int:
    """Returns the number of levels that an image's file stores; 256 or 65,536 for an image without a file.

    Args:
        image: a Pillow image.
        name: name of the image in messages.

    Raises:
        ValueError: if the image was loaded from a file that may store fewer, and has no file name.
    """
    if image.mode == "1":
        return 2
    most = 2**16 if image.mode.startswith("I") else 256
    if image.format not in SPREAD or image.mode not in ("L", "I", "RGB", "RGBA", "LA"):
        return most
    tile = getattr(image, "tile", None)
    if not tile and (file := getattr(image, "filename", None)):
        # loading discards the description of the stored pixels
        with Image.open(file) as again:
            tile = getattr(again, "tile", None)
    if not tile:
        raise ValueError(f"{name} was loaded from a file without a name: give its values as an array.")
    return _of_tile(tile[0][3], most)


def _of_tile(arguments: Any, most: int) -> int:
    """Returns the number of levels from the arguments of Pillow's decoder."""
    kept = arguments if isinstance(arguments, tuple) else (arguments,)
    if len(kept) == 2 and isinstance(kept[1], int) and kept[0] in ("L", "I", "RGB"):
        return kept[1] + 1  # of PNM, its maximum
    rawmode = str(kept[0])
    return 2**16 if ";16" in rawmode else {"L;2": 4, "L;4": 16}.get(rawmode[:3], most)


def stored(image: Image.Image, levels: int, channels: int, name: object) -> np.ndarray:
    """Returns the integers that an image's file stores, shape (C, H, W), uint8 or uint16.

    Args:
        image: a Pillow image.
        levels: number of levels of the file, from `stored_levels`.
        channels: 1 or 3; palettes and CMYK become the colours as displayed.
        name: name of the image in messages.

    Raises:
        ValueError: if a pixel is transparent.
    """
    pixels: np.ndarray
    if image.mode.startswith("I"):
        deep = np.asarray(image)
        pixels = _unscaled(deep, levels, 65535).astype(np.uint16)[None]
    elif image.mode == "1":
        pixels = np.asarray(image, np.uint8)[None]
    else:
        pixels = _unscaled(to_chw(_opaque(image, channels, name)), levels, 255)
    if _has_transparent_pixel(image, pixels):
        raise transparent(name)
    return pixels


def _unscaled(spread: np.ndarray, levels: int, most: int) -> np.ndarray:
    """Returns the levels that Pillow scaled to 0..most."""
    if levels == most + 1:
        return spread
    whole = (spread.astype(np.uint64) * (2 * (levels - 1)) + most) // (2 * most)
    return whole.astype(spread.dtype if most == 255 else np.uint16)


def _opaque(image: Image.Image, channels: int, name: object) -> Image.Image:
    """Returns the image as grey or RGB without the alpha channel, which must be opaque."""
    if image.mode in ALPHA or (image.mode == "P" and "transparency" in image.info):
        image = image.convert("RGBA")
        if image.getchannel("A").getextrema()[0] != 255:
            raise transparent(name)
    wanted = "L" if channels == 1 else "RGB"
    return image if image.mode == wanted else image.convert(wanted)


def _has_transparent_pixel(image: Image.Image, pixels: np.ndarray) -> bool:
    """Returns True if a pixel has the colour that is declared transparent."""
    hidden = image.info.get("transparency")
    if hidden is None or isinstance(hidden, bytes) or image.mode in {"P", *ALPHA}:
        return False
    colour = np.atleast_1d(hidden) if image.mode != "1" else np.atleast_1d(bool(hidden))
    return len(colour) == len(pixels) and bool((pixels == colour[:, None, None]).all(0).any())


def transparent(name: object) -> ValueError:
    """Returns the error for an image that is not opaque."""
    return ValueError(
        f"{name} is partly transparent: paste it on a background and save it without alpha channel."
    )


def is_grey(image: Image.Image) -> bool:
    """Returns True if all colours are grey, including those of a palette."""
    if image.mode != "P" or image.palette is None:
        return image.mode in GREY | GREY_ALPHA or image.mode.startswith("I")
    palette = image.palette
    kept = np.frombuffer(bytes(palette.palette), np.uint8)
    layout = palette.rawmode or palette.mode
    entries = kept.reshape(3, -1).T if layout.endswith(";L") else _entries(kept, len(layout))
    return bool((entries[:, :3] == entries[:, :1]).all())


def _entries(kept: np.ndarray, width: int) -> np.ndarray:
    return kept[: len(kept) // width * width].reshape(-1, width)
