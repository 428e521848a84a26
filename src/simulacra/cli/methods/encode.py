"""`simulacra encode RUN FILE`: latent codes of new rows, beside the rows or as an array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from simulacra.cli.methods.columns import ARRAYS, add_columns, check_table
from simulacra.cli.methods.replaced import write_array
from simulacra.cli.methods.request import Request, told
from simulacra.cli.methods.score import leaves_out
from simulacra.cli.options.command import call
from simulacra.cli.output import shown

if TYPE_CHECKING:
    from torch import Tensor

    from simulacra.data.new_rows.chunk import Chunk


def run(words: Sequence[str]) -> int:
    """Runs `simulacra encode` with the given command-line words."""
    with shown():
        return call("encode", encode, words, more=told(encode))


def encode(
    run: str,
    file: str,
    *,
    out: str = "-",
    condition: str | None = None,
    seed: int = 0,
    escape_formulas: bool = False,
) -> int:
    """Encode new rows by a trained model: the rows with their latent codes z1, z2, ...

    Args:
        run: run folder or saved model.
        file: a table, an array file, images or recordings in a folder or one file; - for a .csv table on
            standard input.
        out: a .csv file with the rows and the codes, or a .npy or .npz file with the codes alone (NaN for
            rows without one); - for standard output.
        condition: the column with the condition of each row, or one class or number for all, or a file with
            one for each row; by default the column of labels that the run recorded.
        seed: seed of random preprocessing, such as dequantization.
        escape_formulas: an apostrophe before names of files that a spreadsheet would compute.

    Raises:
        ValueError: if the model has no encoder, or the file does not fit it.
    """
    request = Request("encode", run, file, out, condition, escape_formulas)
    check_table(request, arrays=True)
    model, rows = request.opened(leaves_out)

    def codes(chunk: Chunk) -> Tensor:
        return model.encode(chunk.x, chunk.c, seed, chunk.known).flatten(1)

    if request.path.suffix.lower() in ARRAYS:
        n = write_array(request, rows, codes)
    else:
        n = add_columns(request, rows, lambda chunk: _named(codes(chunk)))
    return request.concluded(rows, n, f"codes, seed {seed}")


def _named(z: Tensor) -> dict[str, list[float]]:
    return {f"z{j}": column.tolist() for j, column in enumerate(z.unbind(1), 1)}
