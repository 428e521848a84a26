"""New images and recordings at their own size, one file at a time; a file that cannot be used is named.

Other methods cut or resize the files of a folder to rows of the model's size. A method that answers tiles of
a whole image or recording (`core.numerics.stitched`) reads them here: at full size and depth, in their own
colors, or in those of a model's source.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from simulacra.core.preprocessing.transforms import Binarize
from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.plain import Binary, Levels, Space
from simulacra.data.audio.wav import read_wav
from simulacra.data.images.binarize import static_bits
from simulacra.data.images.decode import decode
from simulacra.data.images.files import half_of
from simulacra.data.images.frames import quietly
from simulacra.data.images.headers import Head, read_heads
from simulacra.data.listing import list_folder
from simulacra.data.new_rows.chunk import Chunk, Mark, Origin
from simulacra.data.new_rows.labelled import LabelledRows
from simulacra.data.new_rows.usable import half_in, misfit, unheard
from simulacra.data.new_rows.wanted import Wanted
from simulacra.data.sources.reader import Reader
from simulacra.data.splits.keys import path_sides


@dataclass
class WholeRows(LabelledRows):
    """Images or recordings at their own size.

    Args:
        files: the files.
        heads: name of each file.
        labels: class number of each file, shape (n,); None: no class folders.
    """

    files: tuple[Path, ...] = ()
    heads: tuple[str, ...] = ()
    labels: Tensor | None = None

    def chunks(self, size: int) -> Iterator[Chunk]:
        """Yields one image (or page) or recording at a time, at its own size, shape (1, *).

        A file that cannot be used gives a chunk without rows, counts as unused, and has a reason.
        """
        first = 0
        for i, (path, head) in enumerate(zip(self.files, self.heads)):
            page = 0
            pieces = self._waves(path) if isinstance(self.wanted.raw, Audio) else self._pages(path, first)
            while True:
                try:
                    x = next(pieces, None)
                except ValueError as error:
                    self.unused += 1
                    self.reasons[str(path)] = str(error)
                    yield Chunk(torch.empty(0), np.arange(0), [head], first, origins=[Origin(head, page)])
                    first += 1
                    break
                if x is None:
                    break
                origins = [Origin(head, page)]
                yield Chunk(x.unsqueeze(0), np.arange(1), [head], first, self._condition(i), origins=origins)
                first, page = first + 1, page + 1
        self.check_all_given(len(self.files))

    def _condition(self, i: int) -> Tensor | None:
        """Returns the condition of the i-th file."""
        if self.labelled and self.labels is not None:
            return self.classes(self.labels[i : i + 1])
        return self.given(np.array([i]))

    def _waves(self, path: Path) -> Iterator[Tensor]:
        """Yields the recording of a file, shape (T,)."""
        raw, found = self.wanted.raw, read_wav(path)
        assert isinstance(raw, Audio)
        if reason := unheard(path, found, raw, shorter=self.wanted.source):
            raise ValueError(reason)
        yield found.x

    def _pages(self, path: Path, first: int) -> Iterator[Tensor]:
        """Yields the pages of a file, shape (C, H, W); the first page has this number.

        Channels are those of the file, or of the model's source.
        """
        for i, page in enumerate(read_heads([path])[0]):
            head = replace(page, width=page.width // 2) if self.half else page
            self._check(path, head)
            channels = self.wanted.raw.shape[0] if self.wanted.source else head.channels
            with quietly():
                (pixels,) = decode(path, channels, [head.page], self._levels(head))
            pixels = half_of(pixels, self.half)
            most = int(pixels.max())
            if most >= self._levels(head):
                raise ValueError(
                    f"{path} holds the value {most:,}, but the model was trained on 0 to "
                    f"{self._levels(head) - 1:,}: convert it to that range."
                )
            yield self._bits(torch.from_numpy(_contiguous(pixels)), head, first + i)

    def _levels(self, head: Head) -> int:
        """Returns the number of levels of the model's images; for 0 and 1, that of the file."""
        return self.wanted.raw.levels if isinstance(self.wanted.raw, Levels) else head.levels

    def _check(self, path: Path, head: Head) -> None:
        """Raises ValueError if a page is smaller than a tile, or has other channels or another depth."""
        grey, source = bool(self.wanted.spec.get("grey")), self.wanted.source
        if reason := misfit(path, head, self.wanted.raw.shape, grey, smaller=source):
            raise ValueError(reason)
        wanted = self._levels(head)
        deep = self.wanted.spec.get("levels") == wanted and wanted < head.levels
        if wanted != head.levels and {wanted, head.levels} != {2, 256} and not deep:
            raise ValueError(
                f"{path} has {head.levels:,} levels, but the model was trained on {wanted:,}: convert it to "
                f"{(wanted - 1).bit_length()} bits."
            )
        if isinstance(self.wanted.raw, Binary) and head.levels > 2 and not self._scheme:
            raise ValueError(
                f"{path} has {head.levels:,} levels, but the model was trained on 0 and 1: convert it to "
                "black and white."
            )

    @property
    def _scheme(self) -> str:
        """The scheme by which the run made 0 and 1 of levels once; empty if it did not."""
        scheme = str(self.wanted.spec.get("binarize") or "")
        return scheme if scheme in ("static", "threshold") else ""

    def _bits(self, x: Tensor, head: Head, number: int) -> Tensor:
        """Returns pixels as 0 and 1 where the run made its own rows so, otherwise as they are."""
        if not isinstance(self.wanted.raw, Binary) or head.levels == 2:
            return x
        spec = self.wanted.spec
        step = Binarize(self._scheme, head.levels, spec.get("threshold", 0.5), spec.get("seed", 0))
        return static_bits(x[None], step, "train", range(number, number + 1))[0]


def answers_whole(reader: Reader, wanted: Wanted) -> bool:
    """Returns True if files of a reader can be read at their own size for a model.

    Args:
        reader: reader of the files.
        wanted: what the model takes; a model of resized images takes no parts of an image.
    """
    raw: Space = wanted.raw
    if isinstance(raw, Audio):
        return reader.whole and reader.holds == "recordings"
    resized = wanted.geometry is not None and wanted.geometry.size is not None
    return (
        reader.whole
        and reader.holds == "images"
        and raw.image
        and isinstance(raw, Levels | Binary)
        and not resized
    )


def open_whole(path: Path, wanted: Wanted) -> WholeRows:
    """Opens a folder of images or recordings, or one file, to be read at their own size.

    Args:
        path: the folder or file.
        wanted: what the model takes.

    Raises:
        ValueError: if there are no such files, or the model needs a condition that is not there.
    """
    half = half_in(path, wanted)
    if path.is_file():
        rows = WholeRows(path, wanted=wanted, files=(path,), heads=(path.name,))
    else:
        listing = list_folder(path)
        files = tuple(listing.paths)
        names = [
            path_sides(part, listing.folder, listing.below[name]) for name, part in listing.files.items()
        ]
        heads = tuple(head for sides in names for head in sides["file"].tolist())
        labels = torch.cat(list(listing.labels.values())) if listing.label_names else None
        rows = WholeRows(path, wanted=wanted, files=files, heads=heads, labels=labels)
        rows.label_names = listing.label_names
    rows.half = half
    rows.names, rows.mark, rows.listed = ["file"], Mark(header="file"), rows.heads
    rows.settle_condition()
    return rows


def _contiguous(pixels: np.ndarray) -> np.ndarray:
    """Returns pixels as bytes or int32, without the negative strides of turned images."""
    return np.array(pixels, np.uint8 if pixels.dtype == np.uint8 else np.int32, order="C")
