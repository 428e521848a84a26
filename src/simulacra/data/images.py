"""Image files: decoded to (C, H, W) bytes, cropped, resized and turned grey on the way."""

from __future__ import annotations

import hashlib
import io
import struct
import warnings
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from simulacra.core.transforms import Binarise
from simulacra.data.bits import static_bits

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".pbm")
COLOUR = {"RGB", "P", "CMYK", "YCbCr", "LAB", "HSV"}
GREY = {"L", "1"}
ALPHA = {"RGBA", "LA", "PA", "La", "RGBa"}
# what Pillow raises on damaged files of one kind or another
DAMAGED = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    struct.error,
    zlib.error,
)
# the EXIF tag's number, and what undoes it
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class Head:
    """What an image file says of itself.

    Args:
        width: in pixels, as the picture is seen (turned as its EXIF tag says).
        height: likewise.
        channels: 1 or 3.
    """

    width: int
    height: int
    channels: int


@contextmanager
def quietly() -> Iterator[None]:
    """Without Pillow's warnings: what they warn of is an error here, or harmless.

    Not to be entered by several threads: the filters belong to the process.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def read_heads(paths: Iterable[Path]) -> list[Head]:
    """`read_head` of many files, by a few threads."""
    with quietly(), ThreadPoolExecutor(2) as pool:
        return list(pool.map(read_head, paths))


def read_head(path: Path) -> Head:
    """Size and channels without decoding.

    Raises:
        ValueError: if the file is empty, no image, too large, or deeper than 8 bits.
    """
    with _open(path, path) as image:
        width, height = image.size
        if _orientation(image) >= 5:
            width, height = height, width
        return Head(width, height, 1 if image.mode in GREY | {"LA", "La"} else 3)


def _orientation(image: Image.Image) -> int:
    """The EXIF tag of a photo, 1 to 8."""
    # in a PNG the tag may stand behind the pixels: it would have to be decoded for it
    if image.format not in {"JPEG", "MPO", "TIFF", "WEBP"}:
        return 1
    try:
        tag = image.getexif().get(0x0112, 1)
    except DAMAGED:
        return 1
    return tag if tag in TURNS else 1


def _open(path: Path, source: Path | io.BytesIO) -> Image.Image:
    """The image with its header read and found fit."""
    try:
        image = Image.open(source)
    except Image.DecompressionBombError as error:
        raise _too_large(path, str(error)) from error
    except FileNotFoundError as error:
        raise ValueError(f"{path} does not exist.") from error
    except DAMAGED as error:
        if path.stat().st_size == 0:
            raise ValueError(f"{path} is empty (0 bytes): remove it or copy it again.") from error
        raise ValueError(
            f"{path} is no image that can be read: it is damaged, or of another kind than its name "
            "says; remove it or copy it again."
        ) from error
    limit = Image.MAX_IMAGE_PIXELS
    if limit and image.width * image.height > limit:
        raise _too_large(path, f"{image.width}x{image.height} pixels")
    _check_depth(path, image)
    return image


def _too_large(path: Path, what: str) -> ValueError:
    return ValueError(
        f"{path} is larger than Pillow's guard against decompression bombs allows ({what}): resize or "
        "crop the file first."
    )


def _check_depth(path: Path, image: Image.Image) -> None:
    # Pillow opens 16-bit colour as RGB and drops the lower bytes without a word
    described = str([tile[3] for tile in getattr(image, "tile", [])])
    deep = ";16" in described or (image.format == "PPM" and _maxval(image) > 255)
    if deep or image.mode in {"I", "F"} or image.mode.startswith("I;"):
        raise ValueError(
            f"{path} has more than 8 bits a channel (mode {image.mode}); this version reads 8-bit "
            "images: convert it first, such as with Pillow or ImageMagick (-depth 8)."
        )
    if image.mode not in COLOUR | GREY | ALPHA:
        raise ValueError(f"{path} has the pixel mode {image.mode}; save it as 8-bit grey or RGB.")


def _maxval(image: Image.Image) -> int:
    args = getattr(image, "tile")[0][3]  # noqa: B009  (the type has no such field)
    return next((a for a in args if isinstance(a, int)), 255) if isinstance(args, tuple) else 255


def _flat(path: Path, image: Image.Image) -> Image.Image:
    """The image without its alpha channel, which must be opaque."""
    transparent = image.mode == "P" and "transparency" in image.info
    if image.mode not in ALPHA and not transparent:
        return image
    rgba = image.convert("RGBA")
    if np.array(rgba.getchannel("A")).min() < 255:
        raise ValueError(
            f"{path} is partly transparent: paste it on a background and save it without alpha channel."
        )
    return rgba.convert("L" if image.mode in {"LA", "La"} else "RGB")


def fit_square(image: Image.Image, size: int) -> Image.Image:
    """The central square of the image, resized with antialiasing to `size` x `size`.

    A box filter where `size` divides the side, otherwise Lanczos.
    """
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side)) if image.width != image.height else image
    whole = side % size == 0
    return square.resize((size, size), Image.Resampling.BOX if whole else Image.Resampling.LANCZOS)


@dataclass(frozen=True)
class ImageFiles:
    """Image files as rows, decoded when they are asked for.

    Args:
        paths: the files, in order.
        shape: (C, H, W) of every row.
        size: side of the square they are fitted to, or None.
        bits: a static or threshold binarisation of each row, or None.
        part: which part of the data set this is: static bits are keyed by it.
        numbers: number of each file within its part: static bits are keyed by it.
    """

    paths: tuple[Path, ...]
    shape: tuple[int, int, int]
    size: int | None = None
    bits: Binarise | None = None
    part: str = "train"
    numbers: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: Tensor) -> ImageFiles:
        rows = index.tolist()
        numbers = self.numbers or range(len(self.paths))
        paths = tuple(self.paths[i] for i in rows)
        return replace(self, paths=paths, numbers=tuple(numbers[i] for i in rows))

    @property
    def bytes(self) -> int:
        """What all rows take in memory."""
        return len(self.paths) * int(np.prod(self.shape))

    def read(self, index: list[int] | range) -> Tensor:
        """The rows `index` as bytes, shape (B, C, H, W).

        Raises:
            ValueError: if a file is damaged.
        """
        with quietly():
            rows = [self._row(i) for i in index]
        return torch.stack(rows) if rows else torch.empty((0, *self.shape), dtype=torch.uint8)

    def read_all(self) -> Tensor:
        """Every row, decoded by a few threads."""
        x = torch.empty((len(self), *self.shape), dtype=torch.uint8)
        with quietly(), ThreadPoolExecutor(2) as pool:
            for i, row in enumerate(pool.map(self._row, range(len(self)))):
                x[i] = row
        return x

    def _row(self, i: int) -> Tensor:
        pixels = decode(self.paths[i], self.shape[0], self.size)
        if pixels.shape != self.shape:
            raise ValueError(f"{self.paths[i]} changed while it was in use: it is {pixels.shape} now.")
        x = torch.from_numpy(pixels)
        if self.bits is None:
            return x
        number = self.numbers[i] if self.numbers else i
        return static_bits(x[None], self.bits, self.part, range(number, number + 1))[0]

    def digest(self) -> str:
        """SHA-256 over the files' bytes and over what is done to their pixels.

        Files are hashed, not pixels, so that a large folder need not be decoded for it.
        """
        h = hashlib.sha256(str((self.shape, self.size, self.bits)).encode())
        numbers = self.numbers or range(len(self))
        with ThreadPoolExecutor(2) as pool:
            for number, digest in zip(numbers, pool.map(_file_digest, self.paths)):
                h.update(f"{number if self.bits else ''}:".encode() + digest)
        return h.hexdigest()


def _file_digest(path: Path) -> bytes:
    try:
        return hashlib.sha256(path.read_bytes()).digest()
    except OSError as error:
        raise ValueError(f"{path} could not be read ({error}).") from error


def decode(path: Path, channels: int, size: int | None) -> np.ndarray:
    """Pixels of one file as bytes of shape (C, H, W).

    Raises:
        ValueError: if the file is damaged, too deep, too large or transparent.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path} could not be read ({error}).") from error
    image = _open(path, io.BytesIO(content))
    try:
        turn = TURNS.get(_orientation(image))
        image.load()
    except DAMAGED as error:
        raise ValueError(f"{path} is truncated or damaged ({error}): remove it or copy it again.") from error
    image = _flat(path, image).convert("L" if channels == 1 else "RGB")
    if turn is not None:
        image = image.transpose(turn)
    if size is not None:
        image = fit_square(image, size)
    return to_chw(image)


def to_chw(image: Image.Image) -> np.ndarray:
    """An 8-bit image as (C, H, W)."""
    pixels = np.array(image, np.uint8)
    return pixels[None] if pixels.ndim == 2 else np.ascontiguousarray(pixels.transpose(2, 0, 1))
