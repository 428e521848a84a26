"""Answers that are rows: written in the form of the input, a table, an array, images or recordings."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulacra.cli.methods.columns import ARRAYS, SUFFIXES, Put, check_table, written
from simulacra.cli.methods.in_files import write_files
from simulacra.cli.methods.request import Request

if TYPE_CHECKING:
    from torch import Tensor

    from simulacra.core.model import Model
    from simulacra.data.new_rows.array_form import ArrayForm
    from simulacra.data.new_rows.chunk import Chunk, NewRows
    from simulacra.data.new_rows.table_rows import TableRows

Answers = Callable[["Chunk"], list["Tensor"]]  # one or several draws of the rows of a chunk, each (B, *)
VOLUME = 4  # sides of a volume (1, D, H, W)


def write_rows(
    request: Request,
    model: Model,
    rows: NewRows,
    answers: Answers,
    draws: int = 1,
    every: bool = True,
    begun: bool = False,
) -> int:
    """Writes rows in the form of the input; returns the number of input rows.

    Args:
        request: the words of the command.
        model: the model, in evaluation mode.
        rows: rows of the file.
        answers: returns the draws for the rows of a chunk in raw units.
        draws: number of draws of each row; a table gets a column `draw` if there are several.
        every: in a table, replace all cells of the model's columns; False: only gaps.
        begun: True if answers go on behind the texts of the rows, whose own words stay.
    """
    from simulacra.core.spaces.tokens import Tokens
    from simulacra.data.new_rows.table_rows import TableRows

    if isinstance(rows, TableRows):
        check_table(request)
        request.check_names(rows, ["draw"] if draws > 1 else [])
        return written(request, lambda put: _table(put, request, model, rows, answers, draws, every))
    if isinstance(model.preprocessing.raw, Tokens) and (request.piped or request.path.suffix in SUFFIXES):
        return written(request, lambda put: _lines(put, request, model, rows, answers, begun))
    if rows.listed:
        return write_files(request, model, rows, answers)
    return _saved(request, rows, answers, draws, rows.form)


def _lines(
    put: Put, request: Request, model: Model, rows: NewRows, answers: Answers, begun: bool = False
) -> int:
    """Writes texts, one a line; draws of a row follow each other, and a row without answer is empty."""
    from simulacra.core.methods.rows import CHUNK
    from simulacra.data.text.lines import on_one_line

    n = 0
    for chunk in rows.chunks(CHUNK):
        draws = [model.text(x) for x in answers(chunk)]
        if begun:
            given = [next(csv.reader([chunk.heads[place]]))[0] for place in chunk.places]
            draws = [[_with_words(model, *both) for both in zip(given, texts)] for texts in draws]
        answered = dict(zip(chunk.places.tolist(), zip(*draws)))
        without = ("",) * len(draws)
        texts = (text for row in range(len(chunk)) for text in answered.get(row, without))
        put("".join(f"{on_one_line(text)}\n" for text in texts))
        n += len(chunk)
    return n


def _with_words(model: Model, given: str, text: str) -> str:
    """Returns a text with the words of its given beginning in place of those that the model does not know."""
    from simulacra.core.spaces.tokenizers import joined, split
    from simulacra.core.spaces.tokens import Tokens

    space = model.preprocessing.raw
    assert isinstance(space, Tokens)
    if space.unknown is None:
        return text
    unknown, words, own = space.names[space.unknown], split(text, space.unit), split(given, space.unit)
    kept = [mine if word == unknown else word for word, mine in zip(words, own)]
    return joined([*kept, *words[len(kept) :]], space.unit)


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


def _saved(
    request: Request, rows: NewRows, answers: Answers, draws: int, form: ArrayForm | None = None
) -> int:
    """Writes one array: shape (N, *), or (draws, N, *) for several draws, in the form of the file's rows."""
    import numpy as np

    from simulacra.core.methods.rows import CHUNK
    from simulacra.core.storage.files import write_atomically
    from simulacra.core.storage.folders import check_output, parents_of

    if request.path.suffix.lower() not in ARRAYS:
        raise ValueError(f"--out {request.out} must end in .npy or .npz, as {request.file} is an array.")
    check_output(request.path)
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
    x = x if form is None else form.back(x, like.ndim - 2 == VOLUME)

    def write(aside: Path) -> None:
        with open(aside, "wb") as file:
            if request.path.suffix.lower() == ".npy":
                np.save(file, x, allow_pickle=False)
            else:
                np.savez_compressed(file, x=x)

    with parents_of(request.path):
        write_atomically(request.path, write)
    return start
