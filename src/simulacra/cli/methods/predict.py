"""`simulacra predict RUN FILE`: the condition that belongs to each new row, beside the rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from simulacra.cli.methods.columns import add_columns, check_table
from simulacra.cli.methods.request import Request, told
from simulacra.cli.methods.score import leaves_out
from simulacra.cli.options.command import call
from simulacra.cli.output import shown

if TYPE_CHECKING:
    from simulacra.core.model import Model
    from simulacra.data.new_rows.chunk import Chunk


def run(words: Sequence[str]) -> int:
    """Runs `simulacra predict` with the given command-line words."""
    with shown():
        return call("predict", predict, words, more=told(predict))


def predict(run: str, file: str, *, out: str = "-", seed: int = 0, escape_formulas: bool = False) -> int:
    """Predict the condition of new rows by a trained model: the rows with their likeliest class, or numbers.

    The file needs no column of labels. A column `predicted` follows its own; numbers of named columns are
    `predicted NAME`, several without names `predicted1`, `predicted2`, ...

    Args:
        run: run folder or saved model.
        file: a table, an array file, images or recordings in a folder or one file; - for a .csv table on
            standard input.
        out: a .csv file; - for standard output.
        seed: seed of random preprocessing, such as dequantization.
        escape_formulas: an apostrophe before names of classes and files that a spreadsheet would compute.

    Raises:
        ValueError: if the model neither predicts nor classifies, or the file does not fit it.
    """
    request = Request("predict", run, file, out, escape=escape_formulas)
    check_table(request)
    model, rows = request.opened(leaves_out, conditional=False)

    def answers(chunk: Chunk) -> dict[str, list[object]]:
        from simulacra.core.storage.plain_text import without_formula

        found = model.predict(chunk.x, seed)
        if found.ndim == 1:
            return {"predicted": [without_formula(v) if escape_formulas else v for v in found.tolist()]}
        columns = found.reshape(len(found), -1).T.tolist()
        return dict(zip(_names(model, len(columns)), columns))

    n = add_columns(request, rows, answers)
    return request.concluded(rows, n, f"predictions, seed {seed}")


def _names(model: Model, columns: int) -> list[str]:
    """Returns names of the predicted columns: those of the condition after `predicted`, or numbered ones."""
    from simulacra.core.spaces.composite import Table

    raw = None if model.conditioning is None else model.conditioning.raw
    if isinstance(raw, Table) and len(raw.names) == columns:
        return [f"predicted {name}" for name in raw.names]
    return [f"predicted{j}" for j in range(1, columns + 1)]
