"""`simulacra translate RUN FILE`: observations of another space or class, led to the model's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from simulacra.cli.methods.replaced import write_rows
from simulacra.cli.methods.request import Request, told
from simulacra.cli.methods.tiled import Method, answered
from simulacra.cli.options.command import call
from simulacra.cli.output import shown

if TYPE_CHECKING:
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
    condition: str | None = None,
    seed: int = 0,
) -> int:
    """Translate new rows by a trained model: the file again with translated rows in place of its own.

    The file holds observations of the model's source. A table gives a table, an array an array, a folder of
    images or recordings a folder of the same names; where the answers have the size of the rows, images and
    recordings have any size, as for `denoise`.

    Args:
        run: run folder or saved model.
        file: a table, an array file, images or recordings in a folder or one file; - for a .csv table on
            standard input.
        out: for a table a .csv file or - for standard output, for an array a .npy or .npz file, for images
            and recordings a folder, or a file for one file.
        to: target class by name or number, where the model has several.
        condition: the column with the condition of each row, or one class or number for all, or a file with
            one for each row; by default the column of labels that the run recorded.
        seed: seed of the draws; a row's answer depends on the row and the seed alone.

    Raises:
        ValueError: if the model does not translate, `to` is no target, or the file does not fit the model.
    """
    request = Request("translate", run, file, out, condition)
    model, rows = request.opened(lambda model: False, whole=True)
    target = _target(model, to)
    led: Method = lambda x, c: model.translate(x, target, c, seed)
    raw = model.preprocessing.raw
    n = write_rows(request, model, rows, lambda chunk: [answered(raw, chunk, led)])
    return request.concluded(rows, n, f"{'' if to is None else f'to {to}, '}seed {seed}")


def _target(model: Model, to: str | None) -> Any:
    """Returns the target as the method takes it: a name of a class, or the number of one without names.

    Raises:
        ValueError: if the model has targets and this is none of them.
    """
    from simulacra.cli.options.nearest_name import hint
    from simulacra.core.capabilities import general as can

    targets = can.able(model, can.Translates).targets
    if to is None or targets is None or to in targets.names:
        return to
    if not targets.names and to.isdecimal():
        return int(to)
    known = targets.names or [str(i) for i in range(targets.classes)]
    raise ValueError(f"--to {to} is no target; {hint(to, known)}")
