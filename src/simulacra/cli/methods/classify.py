"""`simulacra classify RUN FILE`: probabilities of the classes of new rows, beside the rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from simulacra.cli.methods.columns import add_columns, check_table
from simulacra.cli.methods.request import Request, told
from simulacra.cli.methods.score import leaves_out
from simulacra.cli.options.command import call
from simulacra.cli.output import shown

if TYPE_CHECKING:
    from simulacra.data.new_rows.chunk import Chunk


def run(words: Sequence[str]) -> int:
    """Runs `simulacra classify` with the given command-line words."""
    with shown():
        return call("classify", classify, words, more=told(classify))


def classify(run: str, file: str, *, out: str = "-", seed: int = 0, escape_formulas: bool = False) -> int:
    """Classify new rows by a trained model: the rows with the probability of each class, and the likeliest.

    The file needs no column of labels. A column `p(CLASS)` for each
    class and a column `predicted` follow its own.

    Args:
        run: run folder or saved model.
        file: a table, an array file, images or recordings in a folder or one file; - for a .csv table on
            standard input.
        out: a .csv file; - for standard output.
        seed: seed of random preprocessing, such as dequantization.
        escape_formulas: an apostrophe before names of classes and files that a spreadsheet would compute.

    Raises:
        ValueError: if the model does not classify, or the file does not fit it.
    """
    request = Request("classify", run, file, out, escape=escape_formulas)
    check_table(request)
    model, rows = request.opened(leaves_out, conditional=False)

    def answers(chunk: Chunk) -> dict[str, list[object]]:
        from simulacra.core.storage.plain_text import without_formula

        p = model.classify(chunk.x, seed).cpu()
        names = list(model.class_names) or [str(i) for i in range(p.shape[1])]
        written = [without_formula(name) for name in names] if escape_formulas else names
        likeliest = [written[i] for i in p.argmax(1).tolist()]
        return {f"p({name})": column.tolist() for name, column in zip(names, p.unbind(1))} | {
            "predicted": likeliest
        }

    n = add_columns(request, rows, answers)
    return request.concluded(rows, n, f"classes, seed {seed}")
