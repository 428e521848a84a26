"""Answers that are files: a folder with one for each file of the input, by its name.

Tiles of a page and windows of a recording are put in their places again; what no tile covers stays as it is.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from simulacra.cli.methods.request import Request

if TYPE_CHECKING:
    from torch import Tensor

    from simulacra.core.model import Model
    from simulacra.data.new_rows.chunk import Chunk, NewRows, Origin

log = logging.getLogger("simulacra")


def write_files(
    request: Request, model: Model, rows: NewRows, answers: Callable[[Chunk], list[Tensor]]
) -> int:
    """Writes one file of answers for each input file, to a folder or a file; returns the number of rows.

    Args:
        request: the words of the command.
        model: the model, for the kind of its data.
        rows: rows of a folder.
        answers: returns the draws for the rows of a chunk in raw units, each (B, *).

    Raises:
        ValueError: if the output is no folder, or holds files; nothing is computed then.
    """
    from simulacra.core.storage.folders import check_output, holds_files, holds_part, parents_of, write_folder

    folder = request.path
    if rows.path.is_file() and not request.piped and folder.suffix.lower() == _suffix(model):
        return _write_one(request, model, rows, answers)
    if request.piped or folder.suffix:
        raise ValueError(f"{request.file} holds files: give --out a folder, such as --out answers/.")
    check_output(folder, folder=True)
    if holds_part(folder):
        raise ValueError(
            f"--out {request.out} holds a part of the answers of a process that was killed: remove "
            "the folder, or give one that is empty."
        )
    if holds_files(folder):
        raise ValueError(f"--out {request.out} holds files already: give a folder that is empty.")
    counts: list[int] = []

    def fill(aside: Path) -> None:
        names, written = Names(rows.listed, _suffix(model)), False
        for origin, draws in put_together(rows, answers, counts):
            for path, x in zip(names.of(origin.file, len(draws)), draws):
                _write(model, x, aside / path)
            written = True
        if not written:
            raise request.nothing(rows)
        names.tell()

    with parents_of(folder):
        write_folder(folder, fill)
    return sum(counts)


def _write_one(
    request: Request, model: Model, rows: NewRows, answers: Callable[[Chunk], list[Tensor]]
) -> int:
    """Writes the answer for a single file of one page to a file; returns the number of rows."""
    from simulacra.core.storage.files import write_atomically
    from simulacra.core.storage.folders import check_output, parents_of

    check_output(request.path)
    counts: list[int] = []
    found = [x for _, draws in put_together(rows, answers, counts) for x in draws]
    if not found:
        raise request.nothing(rows)
    if len(found) > 1:
        raise ValueError(
            f"{request.file} has {len(found):,} answers, and --out {request.out} is one file: give --out a "
            "folder, such as --out answers/."
        )
    with parents_of(request.path):
        write_atomically(request.path, lambda aside: _write(model, found[0], aside))
    return sum(counts)


def put_together(
    rows: NewRows, answers: Callable[[Chunk], list[Tensor]], counts: list[int]
) -> Iterator[tuple[Origin, list[Tensor]]]:
    """Yields the draws of each page or recording, with tiles and windows in their places.

    Args:
        rows: rows of a folder.
        answers: returns the draws for the rows of a chunk in raw units, each (B, *).
        counts: gets the number of rows of each chunk.
    """
    from simulacra.core.methods.rows import CHUNK

    held: tuple[Origin, list[Tensor]] | None = None  # the page whose tiles are being put together
    for chunk in rows.chunks(CHUNK):
        counts.append(len(chunk))
        # a file that cannot be read has no row; it is named at the end
        draws = answers(chunk) if len(chunk.places) else []
        for i, place in enumerate(chunk.places.tolist()):
            origin = chunk.origins[place]
            if held is not None and (held[0].file, held[0].page) != (origin.file, origin.page):
                yield held
                held = None
            page = rows.whole(origin) if origin.part and held is None else None
            if page is not None:
                held = origin, [page.clone() for _ in draws]
            if held is None:
                yield origin, [x[i] for x in draws]
                continue
            for whole, x in zip(held[1], draws):
                _put(whole, x[i], origin.at)
    if held is not None:
        yield held


def _put(whole: Tensor, part: Tensor, at: Sequence[int]) -> None:
    """Puts a tile of shape (C, h, w), or a window of shape (T,), in its place."""
    place = whole
    for side, start in enumerate(at, part.dim() - len(at)):
        place = place.narrow(side, start, part.shape[side])
    place.copy_(part)


def _suffix(model: Model) -> str:
    from simulacra.core.spaces.audio import Audio

    return ".wav" if isinstance(model.preprocessing.raw, Audio) else ".png"


def _write(model: Model, x: Tensor, path: Path) -> None:
    """Writes an image or a recording, and the folders above it."""
    from simulacra.core.preprocessing.images import save_png
    from simulacra.core.spaces.audio import Audio, write_wav
    from simulacra.core.storage.nested import make_folder

    raw = model.preprocessing.raw
    make_folder(path.parent)
    if isinstance(raw, Audio):
        write_wav(x, raw.rate, path)
    else:
        save_png(x.cpu().numpy(), getattr(raw, "levels", 2), path)


class Names:
    """Names of answers, of which no two are the same.

    The answer for `a.png` is `a.png`, and so is that for `a.bmp`, unless the folder has another file `a`:
    then it has the whole name, `a.bmp.png`. Further pages have numbers, `a-2.png`, `a.bmp-2.png`, and so have
    several draws, after that of the page.

    Args:
        files: names of all files of the input.
        suffix: suffix of the answers.

    Example:
        >>> names = Names(["a.bmp", "a.png", "b.tif", "b-2.png"], ".png")
        >>> [next(names.of(name, 1)) for name in ("a.bmp", "a.png", "b.tif", "b.tif", "b-2.png")]
        ['a.bmp.png', 'a.png', 'b.png', 'b.tif-2.png', 'b-2.png']
        >>> list(names.of("b.tif", 2))
        ['b-3-1.png', 'b-3-2.png']
    """

    def __init__(self, files: Sequence[str], suffix: str):
        self.suffix = suffix
        self.pages: Counter[str] = Counter()
        stems = {name: PurePosixPath(name).with_suffix("").as_posix() for name in files}
        # file systems may take capitals for small letters, and a file cannot have the name of a folder
        alike = Counter(stem.casefold() for stem in stems.values())
        folders = {path.as_posix() for name in files for path in PurePosixPath(name).parents}
        self.taken = {name.removesuffix(suffix).casefold() for name in folders if name.endswith(suffix)}
        self.bases = {
            name: stem
            for name, stem in stems.items()
            if name == stem + suffix or (alike[stem.casefold()] == 1 and stem.casefold() not in self.taken)
        }
        self.taken |= {base.casefold() for base in self.bases.values()}
        self.whole = [name for name in stems if name not in self.bases]
        for name in self.whole:
            self.bases[name] = self._free(name)
            self.taken.add(self.bases[name].casefold())

    def of(self, file: str, draws: int) -> Iterator[str]:
        """Yields the name of each draw for the next page of a file."""
        self.pages[file] += 1
        base = self.bases[file]
        if self.pages[file] > 1:
            base = f"{base}-{self.pages[file]}"
            if base.casefold() in self.taken:
                base = self._free(f"{file}-{self.pages[file]}")
            self.taken.add(base.casefold())
        for j in range(1, draws + 1):
            yield f"{base}{f'-{j}' if draws > 1 else ''}{self.suffix}"

    def _free(self, base: str) -> str:
        """Returns a name that no other answer has: itself, or with further marks."""
        while base.casefold() in self.taken:
            base += "-"
        return base

    def tell(self) -> None:
        """Says which answers have the whole name of their file."""
        if self.whole:
            log.info(
                "%s answer%s the whole name of the file, since others are called alike: %s is %s",
                f"{len(self.whole):,}",
                "s have" if len(self.whole) > 1 else " has",
                self.whole[0],
                f"{self.bases[self.whole[0]]}{self.suffix}",
            )
