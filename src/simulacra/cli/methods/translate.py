"""`simulacra translate RUN FILE`: observations of another space or class, led to the model's."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from simulacra.cli.methods.replaced import write_rows
from simulacra.cli.methods.request import Request, told
from simulacra.cli.methods.tiled import answered, drawn_pairs
from simulacra.cli.options.command import call
from simulacra.cli.output import shown

if TYPE_CHECKING:
    from torch import Tensor

    from simulacra.core.model import Model


def run(words: Sequence[str]) -> int:
    """Runs `simulacra translate` with the given command-line words."""
    with shown():
        return call("translate", translate, words, more=told(translate))


def translate(
    run: str,
    file: str,
    *,
    out: str = "-",
    to: str | None = None,
    n: int = 1,
    condition: str | None = None,
    seed: int = 0,
) -> int:
    """Translate new rows by a trained model: the file again with translated rows in place of its own.

    The file holds observations of the model's source: the conditions of a model whose condition is an image
    or another observation. A table gives a table, an array an array, a folder of images or recordings a
    folder of the same names. Where the sides of answers are those of the source, or whole multiples of them,
    images and recordings have any size: overlapping tiles are translated and stitched together. A model
    of resized images resizes these as well. Of pictures that are pairs, the half is translated that was the
    source in training.

    Args:
        run: run folder or saved model.
        file: a table, an array file, images or recordings in a folder or one file; - for a .csv table on
            standard input.
        out: for a table a .csv file or - for standard output, for an array a .npy or .npz file, for images
            and recordings a folder, or a file for one file.
        to: target class by name or number, where the model has several.
        n: number of draws of each row; above 1, files get the number of the draw behind their names, a table
            a column `draw`, and an array a first axis of draws.
        condition: the column with the condition of each row, or one class or number for all, or a file with
            one for each row; by default the column of labels that the run recorded. The condition of a model
            that translates it is FILE.
        seed: seed of the draws; a row's answer depends on the row and the seed alone.

    Raises:
        ValueError: if the model does not translate, `to` is no target, n is below 1, or the file does not fit
            the model.
    """
    if n < 1:
        raise ValueError(f"--n is {n}, but it must be at least 1.")
    from simulacra.core.capabilities.paired import draws_pairs

    request = Request("translate", run, file, out, condition)
    model, rows = request.opened(lambda model: False, whole=True)
    target = _target(model, to)
    if draws_pairs(model):
        if rows.listed:
            _check_files(model, request)
        written = write_rows(request, model, rows, lambda chunk: drawn_pairs(model, chunk, n, seed), n)
        side = f"the {rows.half} half of each picture, " if rows.half else ""
        return request.concluded(rows, written, f"{side}{_in_words(model, n)}seed {seed}")

    raw = model.preprocessing.raw
    led = [partial(_drawn, model, target, seed, j) for j in range(n)]
    written = write_rows(request, model, rows, lambda chunk: [answered(raw, chunk, one) for one in led], n)
    return request.concluded(rows, written, f"{'' if to is None else f'to {to}, '}seed {seed}")


def _drawn(model: Model, target: Any, seed: int, j: int, x: Tensor, c: Tensor | None) -> Tensor:
    """Returns draw j of the translations of raw rows, which does not depend on the number of draws."""
    found = model.translate(x, target, j + 1, c, seed)
    return found[:, j] if j else found


def _in_words(model: Model, n: int) -> str:
    """Returns what is said of the answers of a model that draws pairs, before the seed."""
    geometry = model.conditioning.geometry if model.conditioning is not None else None
    resized = f"{geometry} as those of the run, " if geometry is not None and geometry.size else ""
    return f"{resized}{f'{n} draws each, ' if n > 1 else ''}"


def _check_files(model: Model, request: Request) -> None:
    """Raises ValueError if no file of images or recordings holds the answers."""
    from simulacra.core.spaces.audio import Audio
    from simulacra.core.spaces.plain import Binary, Levels
    from simulacra.core.spaces.tokens import Tokens

    raw = model.preprocessing.raw
    image = raw.image and isinstance(raw, Levels | Binary)
    if not (image or isinstance(raw, Audio | Tokens)):
        raise ValueError(
            f"the answers for {request.file} are {raw}, which no image and no recording holds: give the rows "
            "as an array file, such as rows.npy, or call translate() in Python."
        )


def _target(model: Model, to: str | None) -> Any:
    """Returns the target as the method takes it: a name of a class, or the number of one without names.

    Raises:
        ValueError: if the model has targets and this is none of them.
    """
    from simulacra.cli.options.nearest_name import hint
    from simulacra.core.capabilities import general as can

    targets = can.able(model, can.Translates).targets
    if to is not None and targets is None:
        raise ValueError(f"{type(model).__name__} translates to one target: leave out --to.")
    if to is None or targets is None or to in targets.names:
        return to
    if not targets.names and to.isdecimal():
        return int(to)
    known = targets.names or [str(i) for i in range(targets.classes)]
    raise ValueError(f"--to {to} is no target; {hint(to, known)}")
