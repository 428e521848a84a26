"""Answers that are rows: written in the form of the input, a table, an array, images or recordings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from simulacra.cli.methods.columns import ARRAYS, SUFFIXES, Put, check_table, written
from simulacra.cli.methods.request import Request, prepare

if TYPE_CHECKING:
    from torch import Tensor

    from simulacra.core.model import Model
    from simulacra.data.new_rows.chunk import Chunk, NewRows
    from simulacra.data.new_rows.table_rows import TableRows

Answers = Callable[["Chunk"], list["Tensor"]]  # one or several draws of the rows of a chunk, each (B, *)


def write_rows(
    request: Request, model: Model, rows: NewRows, answers: Answers, draws: int = 1, every: bool = True
) -> int:
    """Writes rows in the form of the input; returns the number of input rows.

    Args:
        request: the words of the command.
        model: the model, in evaluation mode.
        rows: rows of the file.
        answers: returns the draws for the rows of a chunk in raw units.
        draws: number of draws of each row; a table gets a column `draw` if there are several.
        every: in a table, replace all cells of the model's columns; False: only gaps.
    """
    from simulacra.core.spaces.tokens import Tokens
    from simulacra.data.new_rows.table_rows import TableRows

    if isinstance(rows, TableRows):
        check_table(request)
        request.check_names(rows, ["draw"] if draws > 1 else [])
        return written(request, lambda put: _table(put, request, model, rows, answers, draws, every))
    if isinstance(model.preprocessing.raw, Tokens) and (request.piped or request.path.suffix in SUFFIXES):
        return written(request, lambda put: _lines(put, request, model, rows, answers))
    files = rows.names == ["file"]
    return _files(request, model, rows, answers) if files else _saved(request, rows, answers, draws)


def _lines(put: Put, request: Request, model: Model, rows: NewRows, answers: Answers) -> int:
    """Writes texts, one a line; several draws of a row follow each other."""
    from simulacra.core.methods.rows import CHUNK
    from simulacra.data.text.lines import on_one_line

    n = 0
    for chunk in rows.chunks(CHUNK):
        draws = [model.text(x) for x in answers(chunk)]
        put("".join(f"{on_one_line(text)}\n" for row in zip(*draws) for text in row))
        n += len(chunk)
    return n


def _table(
    put: Put, request: Request, model: Model, rows: TableRows, answers: Answers, draws: int, every: bool
) -> int:
    """Writes a table with the rows' values; several draws of a row follow each other."""
    from simulacra.core.inputs.to_frames import columns_of
    from simulacra.core.methods.rows import CHUNK
    from simulacra.core.spaces.composite import Table

    mark, n, raw = rows.mark, 0, model.preprocessing.raw
    if not isinstance(raw, Table) or raw.names != _names_of(rows):
        raise ValueError(
            f"{request.file} holds {rows.wanted.raw}, and the answers are {raw}: a table is answered by one "
            "of the same columns, so call the method in Python."
        )
    # held back until a row has an answer, so that nothing is written if none has
    lines = [] if mark.header is None else [mark.header + f"{mark.separator}draw" * (draws > 1) + mark.end]
    answered = False
    for chunk in rows.chunks(CHUNK):
        usable = len(chunk.places) > 0
        drawn = [columns_of(raw, x) for x in answers(chunk)] if usable else [{}] * draws
        for texts in zip(*(rows.filled(chunk, columns, every) for columns in drawn)):
            for j, text in enumerate(texts, 1):
                lines.append(text + f"{mark.separator}{j}" * (draws > 1) + mark.end)
        n, answered = n + len(chunk), answered or usable
        if answered:
            put("".join(lines))
            lines.clear()
    if not answered:
        raise request.nothing(rows)
    return n


def _names_of(rows: TableRows) -> tuple[str, ...]:
    from simulacra.core.spaces.composite import Table

    return rows.wanted.raw.names if isinstance(rows.wanted.raw, Table) else ()


def write_array(request: Request, rows: NewRows, answers: Callable[[Chunk], Tensor]) -> int:
    """Writes one array of shape (N, *), NaN in rows without an answer; returns N.

    Args:
        request: the words of the command.
        rows: rows of the file.
        answers: returns the answers for the rows of a chunk, shape (B, *).
    """
    return _saved(request, rows, lambda chunk: [answers(chunk)], 1)


def _saved(request: Request, rows: NewRows, answers: Answers, draws: int) -> int:
    """Writes one array: shape (N, *), or (draws, N, *) for several draws."""
    import numpy as np

    from simulacra.core.methods.rows import CHUNK
    from simulacra.core.storage.files import write_atomically

    if request.path.suffix.lower() not in ARRAYS:
        raise ValueError(f"--out {request.out} must end in .npy or .npz, as {request.file} is an array.")
    parts: list[Any] = []
    for chunk in rows.chunks(CHUNK):
        found = np.stack([x.cpu().numpy() for x in answers(chunk)]) if len(chunk.places) else None
        parts.append((len(chunk), chunk.places, found))
    like = next((found for _, _, found in parts if found is not None), None)
    if like is None:
        raise request.nothing(rows)
    whole = all(len(places) == n for n, places, _ in parts)
    x = np.full(
        (draws, sum(n for n, _, _ in parts), *like.shape[2:]),
        0 if whole else np.nan,
        like.dtype if whole else np.result_type(like.dtype, np.float32),
    )
    start = 0
    for n, places, found in parts:
        if found is not None:
            x[:, start + places] = found
        start += n
    x = x[0] if draws == 1 else x

    def write(aside: Path) -> None:
        with open(aside, "wb") as file:
            if request.path.suffix.lower() == ".npy":
                np.save(file, x, allow_pickle=False)
            else:
                np.savez_compressed(file, x=x)

    prepare(request.path)
    write_atomically(request.path, write)
    return start


def _files(request: Request, model: Model, rows: NewRows, answers: Answers) -> int:
    """Writes a folder with a file for each row, with the names of the input."""
    from simulacra.core.methods.rows import CHUNK
    from simulacra.core.storage.files import write_folder

    folder = request.path
    if request.piped or folder.suffix:
        raise ValueError(f"{request.file} holds files: give --out a folder, such as --out answers/.")
    if folder.is_dir() and any(folder.iterdir()):
        raise ValueError(f"--out {request.out} holds files already: give a folder that is empty.")
    counts = []

    def fill(aside: Path) -> None:
        names, answered = _Names(aside, _suffix(model)), False
        for chunk in rows.chunks(CHUNK):
            # a file that cannot be read has no row; it is named at the end
            if len(chunk.places):
                _write(model, chunk, answers(chunk), names)
                answered = True
            counts.append(len(chunk))
        if not answered:
            raise request.nothing(rows)

    prepare(folder)
    write_folder(folder, fill)
    return sum(counts)


def _suffix(model: Model) -> str:
    from simulacra.core.spaces.audio import Audio

    return ".wav" if isinstance(model.preprocessing.raw, Audio) else ".png"


def _write(model: Model, chunk: Chunk, draws: list[Tensor], names: _Names) -> None:
    from simulacra.core.preprocessing.images import save_png
    from simulacra.core.spaces.audio import Audio, write_wav

    raw = model.preprocessing.raw
    for i, head in enumerate(chunk.heads):
        for path, x in zip(names.of(head, len(draws)), draws):
            if isinstance(raw, Audio):
                write_wav(x[i], raw.rate, path)
            else:
                save_png(x[i].cpu().numpy(), getattr(raw, "levels", 2), path)


class _Names:
    """Paths for answers, by the names of the input; a name that is taken gets a number.

    Args:
        folder: folder of the answers.
        suffix: suffix of the files.
    """

    def __init__(self, folder: Path, suffix: str):
        self.folder, self.suffix = folder, suffix
        self.taken: dict[str, int] = {}

    def of(self, name: str, draws: int) -> Iterator[Path]:
        """Yields the path of each draw, and makes its folder."""
        stem = PurePosixPath(name).with_suffix("").as_posix()
        self.taken[stem] = self.taken.get(stem, 0) + 1
        stem += f"-{self.taken[stem]}" if self.taken[stem] > 1 else ""
        for j in range(1, draws + 1):
            path = self.folder / f"{stem}{f'-{j}' if draws > 1 else ''}{self.suffix}"
            prepare(path)
            yield path
