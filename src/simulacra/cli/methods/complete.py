"""`simulacra complete RUN FILE`: new rows with their gaps filled, in the form of the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from simulacra.cli.methods.replaced import write_rows
from simulacra.cli.methods.request import Request, told
from simulacra.cli.options.command import call
from simulacra.cli.output import shown

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from simulacra.core.model import Model
    from simulacra.data.new_rows.chunk import Chunk


def run(words: Sequence[str]) -> int:
    """Runs `simulacra complete` with the given command-line words."""
    with shown():
        return call("complete", complete, words, more=told(complete))


def complete(
    run: str,
    file: str,
    *,
    out: str = "-",
    n: int = 1,
    known: str | None = None,
    condition: str | None = None,
    seed: int | None = None,
    method: str | None = None,
    point: Literal["mean", "median"] | None = None,
    draws: int = 100,
    sampling: Mapping[str, Any] | None = None,
) -> int:
    """Complete new rows by a trained model: the file again with drawn values in place of its gaps.

    In a table, empty cells and words such as NA are filled, all
    other cells stay letter for letter. Lines of text are continued. In an array, entries that are NaN or
    False in the array `known` of a .npz file are drawn, or those that --known hides. Tiles of a page and
    windows of a recording are completed one by one, --known meaning a part of each, and put together again;
    what no tile covers stays. With --point a gap gets the single best value in place of a draw, as other
    programs impute.

    Args:
        run: run folder or saved model.
        file: a table, an array file, images or recordings in a folder or one file, for texts a .txt file; -
            for a .csv table on standard input.
        out: for a table a .csv file or - for standard output, for texts a .txt file or -, for an array a
            .npy or .npz file, for images and recordings a folder, or a file for one file.
        n: completions of each row; above 1, a table has each row n times with a column `draw`, an array has
            shape (n, rows, ...), files have numbers.
        known: the part that stays of images (upper, lower, left, right, centre, noise) and of vectors and
            sequences (first, last, noise).
        condition: the column with the condition of each row, or one class or number for all, or a file with
            one for each row; by default the column of labels that the run recorded.
        seed: random seed; the same seed gives the same completions; by default a new one, which is printed,
            with --point 0.
        method: way of completing, for models with several: resampling (the default) or pseudo-gibbs of a VAE.
        point: mean or median of many draws of a number, and the likeliest class; by default one draw.
        draws: draws that --point summarizes; models that weigh candidates take ten times as many.
        sampling: options of drawing by name, such as a temperature; None: the model's own.

    Raises:
        ValueError: if the model does not complete, or the file does not fit it.
    """
    from simulacra.core.capabilities.sampling import in_words
    from simulacra.core.random.keyed import fresh

    request = Request("complete", run, file, out, condition)
    _check(n, point, draws)
    model, rows = request.opened(lambda model: True)
    seed = fresh(seed) if point is None else seed or 0
    model._way(method, sampling)  # refused before the first row
    hidden = _Hidden(model, known)

    def answers(chunk: Chunk) -> list[Tensor]:
        x, there = model._raw(chunk.x, hidden.of(chunk), _fills(), chunk.lengths)
        hidden.count(chunk, there)
        if point is not None:
            return [model._point(x, there, chunk.c, seed, method, point, draws, sampling)]
        return [_drawn(model, x, there, chunk, seed + j, method, sampling) for j in range(n)]

    many = write_rows(request, model, rows, answers, n, every=False, begun=known is None)
    filled = f"{hidden.rows:,} of them with gaps" if hidden.rows else "none of them with a gap"
    times = f", {n} completions each" if n > 1 else ""
    times += f", by the {point} of {draws} draws" if point else ""
    times += f", {in_words(sampling)}" if sampling else ""
    return request.concluded(rows, many, f"{filled}{times}, seed {seed}")


def _check(n: int, point: str | None, draws: int) -> None:
    """Raises ValueError if the numbers of draws do not fit together."""
    for name, value in (("n", n), ("draws", draws)):
        if value < 1:
            raise ValueError(f"--{name} is {value}, but it must be at least 1.")
    if point is not None and n > 1:
        raise ValueError(
            f"--n is {n}, but --point {point} gives one value for each gap: leave out --n, or --point for "
            "draws."
        )


def _fills() -> Any:
    from simulacra.core.capabilities import general as can

    return can.FILLS


class _Hidden:
    """Entries that are drawn: those that the file lacks, and those that a part with a name hides.

    Args:
        model: the model.
        known: name of the part that stays; None: only gaps of the file are drawn.
    """

    def __init__(self, model: Model, known: str | None):
        from simulacra.core.spaces.composite import Table
        from simulacra.core.spaces.tokens import Tokens
        from simulacra.exploration.pictures.completion import known_part

        raw = model.preprocessing.raw
        self.raw, self.table, self.texts = raw, isinstance(raw, Table), isinstance(raw, Tokens)
        if known is not None and self.table:
            raise ValueError("the gaps of a table are its empty cells: leave out --known.")
        self.keep = None if known is None else known_part(raw, known)
        self.rows = 0

    def of(self, chunk: Chunk) -> Tensor | None:
        """Returns the mask of known entries of a chunk; None for a table, whose gaps are NaN.

        Raises:
            ValueError: if nothing says which entries are drawn.
        """
        from simulacra.core.inputs.strings import beginnings

        if self.texts and self.keep is None:
            # a model goes on behind the text of a line
            return beginnings(self.raw, chunk.x)
        if self.table or chunk.known is None or self.keep is None:
            found = self.keep if chunk.known is None else chunk.known
        else:
            found = chunk.known & self.keep
        if found is None and not self.table and chunk.lengths is None:
            raise ValueError(
                "nothing says which entries are drawn: name the part that stays with --known, such as upper, "
                "or give an array with NaN in its gaps, or a .npz file with an array `known`."
            )
        return found

    def count(self, chunk: Chunk, there: Tensor | None) -> None:
        """Counts the rows of a chunk that have gaps, without those that only have an odd cell."""
        if chunk.cells is not None:
            self.rows += int(chunk.cells[1][chunk.places].any(1).sum())
        elif there is not None:
            self.rows += int((~there.flatten(1)).any(1).sum())


def _drawn(
    model: Model,
    x: Tensor,
    there: Tensor | None,
    chunk: Chunk,
    seed: int,
    method: str | None,
    how: Mapping[str, Any] | None,
) -> Tensor:
    """Returns completions that are keyed by the places of the rows in the whole file."""
    import torch

    parts = []
    for run in _runs(chunk.places):
        cut = slice(run.start, run.stop)
        c = chunk.c if chunk.c is None or len(chunk.c) != len(x) else chunk.c[cut]
        known = None if there is None else there[cut]
        first = chunk.first + int(chunk.places[run.start])
        parts.append(model._complete(x[cut], known, c, seed, first, method, how))
    return torch.cat(parts)


def _runs(places: np.ndarray) -> Iterator[range]:
    """Yields the ranges in which places follow each other.

    Example:
        >>> import numpy as np
        >>> list(_runs(np.array([0, 1, 4])))
        [range(0, 2), range(2, 3)]
    """
    start = 0
    for i in range(1, len(places) + 1):
        if i == len(places) or places[i] != places[i - 1] + 1:
            yield range(start, i)
            start = i
