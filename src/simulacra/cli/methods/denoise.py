"""`simulacra denoise RUN FILE`: the clean observations behind noisy ones, in the form of the file."""

from __future__ import annotations

from collections.abc import Sequence

from simulacra.cli.methods.replaced import write_rows
from simulacra.cli.methods.request import Request, told
from simulacra.cli.methods.tiled import Method, answered
from simulacra.cli.options.command import call
from simulacra.cli.output import shown


def run(words: Sequence[str]) -> int:
    """Runs `simulacra denoise` with the given command-line words."""
    with shown():
        return call("denoise", denoise, words, more=told(denoise))


def denoise(
    run: str,
    file: str,
    *,
    out: str = "-",
    level: float | None = None,
    condition: str | None = None,
    seed: int = 0,
) -> int:
    """Denoise new rows by a trained model: the file again with clean rows in place of the noisy ones.

    A table gives a table, an array an array, a folder of images
    or recordings a folder of the same names. Images and recordings have any size from that of the model's
    rows on: overlapping tiles are denoised and stitched together, and depth and colors stay. A file that
    cannot be used is named, and the others are denoised; a model of resized images resizes these as well.

    Args:
        run: run folder or saved model.
        file: a table, an array file, images or recordings in a folder or one file; - for a .csv table on
            standard input.
        out: for a table a .csv file or - for standard output, for an array a .npy or .npz file, for images
            and recordings a folder, or a file for one file.
        level: amount of noise in the model's own units; by default the model's own.
        condition: the column with the condition of each row, or one class or number for all, or a file with
            one for each row; by default the column of labels that the run recorded.
        seed: seed of the draws; a row's answer depends on the row and the seed alone.

    Raises:
        ValueError: if the model does not denoise, or the file does not fit it.
    """
    request = Request("denoise", run, file, out, condition)
    model, rows = request.opened(lambda model: False, whole=True)
    raw = model.preprocessing.raw
    clean: Method = lambda x, c: model.denoise(x, level, c, seed)
    n = write_rows(request, model, rows, lambda chunk: [answered(raw, chunk, clean)])
    geometry = model.preprocessing.geometry
    resized = f"{geometry} as those of the run, " if geometry is not None and geometry.size else ""
    return request.concluded(rows, n, f"{resized}seed {seed}")
