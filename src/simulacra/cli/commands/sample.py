"""`simulacra sample RUN`: draws from a model, as a picture or as numbers in raw units."""

from __future__ import annotations

import csv
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulacra.cli.options.command import call
from simulacra.cli.options.conditions import check_given, typed_condition
from simulacra.cli.output import say, shown

if TYPE_CHECKING:
    import numpy as np

    from simulacra.core.model import Model
    from simulacra.core.spaces.plain import Space


log = logging.getLogger("simulacra")
COLUMNS = 100  # most numbers of a condition that are written beside the samples of a table


def run(words: Sequence[str]) -> int:
    """Runs `simulacra sample` with the given command-line words."""
    return call("sample", sample, words)


def sample(
    run: str,
    *,
    n: int | None = None,
    seed: int | None = None,
    condition: str | None = None,
    out: str | None = None,
    escape_formulas: bool = False,
    sampling: Mapping[str, Any] | None = None,
) -> int:
    """Draw samples from a trained model and write them to a file.

    Args:
        run: run folder or saved model.
        n: number of samples; by default as many as there are conditions, otherwise 16, or 1 for a .wav or
            .mid file.
        seed: random seed; the same seed gives the same samples, whatever n is; by default a new one, which is
            printed.
        condition: where the model takes one: a class, by name or number, or one for each sample with commas
            between, by default the classes in turn; a text; numbers with commas between; or the path of a
            file: a .txt file of texts, a .csv file of columns, an image, a recording or an .npy file, as the
            model's condition is. In a .csv file of a table it follows the columns, with its name in the data.
        out: a .png, .npy, .npz or .csv file, for texts a .txt file with one a line, for recordings a .wav
            file, for music a .mid file, or for images, recordings and music a folder (ending in /) that gets
            a PNG at its own depth, a .wav or a .mid file for each; by default samples/seed-SEED.png in the
            run folder, with options of drawing in its name; texts are printed.
        escape_formulas: in a .csv file, an apostrophe before cells that a spreadsheet would compute.
        sampling: options of drawing by name; None: the model's own.

    Raises:
        ValueError: if n is below 1, or the format of `out` does not fit the data.
    """
    if n is not None and n < 1:
        raise ValueError(f"--n is {n}, but it must be at least 1.")
    from simulacra.core.capabilities.sampling import in_words
    from simulacra.core.random.keyed import fresh

    seed = fresh(seed)
    home = Path(run).parent if Path(run).is_file() else Path(run)
    how = in_words(sampling or {})
    name = f"seed-{seed}{', ' if how else ''}{how}".replace(", ", "-")
    path = Path(out) if out else home / "samples" / f"{name}.png"
    each = out is not None and out.endswith(("/", "\\"))
    if out is not None and not each and path.suffix.lower() not in WRITERS:
        raise ValueError(f"--out {path} must end in {', '.join(WRITERS)}, or in / for a folder.")
    if escape_formulas and path.suffix.lower() != ".csv":
        raise ValueError(f"--escape-formulas is for a .csv file, but --out is {path}: leave it out.")
    from simulacra.core.storage.folders import check_output, parents_of
    from simulacra.training.callbacks.looks import in_turn
    from simulacra.training.callbacks.progress import entries_shown
    from simulacra.training.run import load

    check_output(path, folder=each)
    model = load(run)
    texts = _is_text(model.preprocessing.raw)
    path = path if out else path.with_suffix(".txt" if texts else ".png")
    given = None if condition is None else typed_condition(model, condition)
    several = 0 if given is None or len(given) < 2 else len(given)
    n = n or several or (1 if path.suffix.lower() in SINGLE and not each else 16)
    _check_fits(model.preprocessing.raw, path, each, n)
    if given is None:
        check_given(model)
        given = in_turn(model, n)
    with entries_shown(model) as watch, shown() if watch is None else nullcontext():
        x = model.sample(n, given, seed, watch, **(sampling or {}))
    write = _files if each else WRITERS[path.suffix.lower()]
    if write is _csv:
        beside = _conditions_drawn(model, given, n, Path(run))
        write = partial(_csv, escape=escape_formulas, beside=beside, dialect=_dialect(Path(run)))
    elif write is _picture:
        write = partial(_picture, how=how, given=given)
    with parents_of(path):
        write(model, x.cpu().numpy(), path)
    if texts and not out:
        for text in model.text(x):
            say(text)
    say(f"{n} sample{'s' * (n > 1)}, seed {seed}{', ' if how else ''}{how}: {path}")
    return 0


def _check_fits(raw: Space, path: Path, each: bool, n: int) -> None:
    """Raises ValueError, before sampling, if the file or folder cannot hold n such samples."""
    from simulacra.core.storage.folders import holds_files

    own, suffix = _own_suffix(raw), path.suffix.lower()
    if suffix == ".txt" and not each and not _is_text(raw):
        raise ValueError(
            f"--out {path} is for texts, but the model was trained on {raw}: give a .png, .npy, .npz or .csv "
            "file."
        )
    if each and own is None:
        raise ValueError(
            f"--out {path}/ is for images and recordings, also of music, but the model was trained on {raw}: "
            "give a file."
        )
    if each and holds_files(path):
        raise ValueError(f"--out {path}/ holds files already: give a folder that is empty.")
    if not each and suffix in SINGLE:
        if suffix != own:
            raise ValueError(
                f"--out {path} is for {SINGLE[suffix][1]}, but the model was trained on {raw}: give a .png, "
                ".npy, .npz or .csv file."
            )
        if n > 1:
            raise ValueError(
                f"--out {path} takes one {SINGLE[suffix][0]}, but --n is {n}: give a folder/ for them."
            )


def _is_text(raw: Space) -> bool:
    """Returns True if rows are texts of tokens with names."""
    from simulacra.core.spaces.tokens import Tokens

    return isinstance(raw, Tokens) and bool(raw.names)


def _own_suffix(raw: Space) -> str | None:
    """Returns the suffix of files with one image, recording or piece of music; None for other data."""
    from simulacra.core.spaces.audio import Audio
    from simulacra.data.audio.midi import is_music

    if isinstance(raw, Audio):
        return ".wav"
    if is_music(raw):
        return ".mid"
    return ".png" if raw.image else None


def _conditions_drawn(model: Model, condition: Any, n: int, run: Path) -> dict[str, list[Any]]:
    """Returns the columns of the condition of a table's samples by their names in the data; {} without any.

    A model that was saved alone does not know the name of a class: its column is called `label`.
    """
    from simulacra.core.artifact.save import open_artifact
    from simulacra.core.inputs.conditions import condition_rows
    from simulacra.core.inputs.to_frames import columns_of
    from simulacra.core.spaces.classes import Categorical
    from simulacra.core.spaces.composite import Table

    raw, chain = model.preprocessing.raw, model.conditioning
    if condition is None or chain is None or not isinstance(raw, Table):
        return {}
    rows = condition_rows(chain.raw, condition, n, chain.geometry)
    if isinstance(chain.raw, Table):
        columns = columns_of(chain.raw, rows)
        return {f"condition {k}" if k in raw.names else k: column for k, column in columns.items()}
    if not isinstance(chain.raw, Categorical) or chain.raw.shape:
        flat = rows.reshape(n, -1).unbind(1) if chain.raw.dims <= COLUMNS else ()
        return {f"condition {j + 1}": column.tolist() for j, column in enumerate(flat)}
    spec = open_artifact(run).config.get("data", {}).get("spec") or {}
    names = chain.raw.names or model.label_names
    numbers = rows.long().tolist()
    return {str(spec.get("label") or "label"): [names[i] if names else str(i) for i in numbers]}


def _picture(model: Model, x: np.ndarray, path: Path, how: str = "", given: Any = None) -> None:
    """Draws all samples in one PNG file, in rows by class where one was given; its title names `how`."""
    import torch

    from simulacra.core.spaces.plain import Levels
    from simulacra.exploration.drawing.by_class import samples_of
    from simulacra.exploration.drawing.scale import scale_of
    from simulacra.exploration.rendering.figure import render
    from simulacra.exploration.rendering.style import save

    raw = model.preprocessing.raw
    title = f"{type(model).__name__}: samples{f' ({how})' if how else ''}"
    save(render(samples_of(model, x, given, title)), path)
    if isinstance(raw, Levels) and raw.image and (words := scale_of(raw, torch.from_numpy(x)).words):
        say(f"the picture shows 256 greys ({words}); --out with .npy, .npz or a folder/ keeps the levels")


def _files(model: Model, x: np.ndarray, folder: Path) -> None:
    """Writes a PNG file for each image, or a .wav or .mid file for each recording or piece."""
    from simulacra.core.preprocessing.images import save_png
    from simulacra.core.storage.folders import write_folder

    raw = model.preprocessing.raw
    suffix = _own_suffix(raw)
    assert suffix is not None

    def fill(aside: Path) -> None:
        for i, row in enumerate(x):
            path = aside / f"{i:0{len(str(len(x) - 1))}d}{suffix}"
            if suffix in SINGLE:
                WRITERS[suffix](model, row[None], path)
            else:
                save_png(row, getattr(raw, "levels", 2), path)

    write_folder(folder, fill)


def _wav(model: Model, x: np.ndarray, path: Path) -> None:
    from simulacra.core.spaces.audio import Audio, write_wav

    raw = model.preprocessing.raw
    assert isinstance(raw, Audio)
    write_wav(x[0], raw.rate, path)


def _midi(model: Model, x: np.ndarray, path: Path) -> None:
    from simulacra.data.audio.midi import write_midi

    write_midi(x[0], path)


def _txt(model: Model, x: np.ndarray, path: Path) -> None:
    """Writes one text a line; line breaks within a text are written as \\n."""
    import torch

    from simulacra.core.storage.files import write_atomically
    from simulacra.data.text.lines import on_one_line

    lines = "".join(f"{on_one_line(text)}\n" for text in model.text(torch.from_numpy(x)))
    write_atomically(path, lambda aside: aside.write_text(lines, encoding="utf-8"))


def _npy(model: Model, x: np.ndarray, path: Path) -> None:
    _binary(path, lambda file: _numpy().save(file, x, allow_pickle=False))


def _npz(model: Model, x: np.ndarray, path: Path) -> None:
    _binary(path, lambda file: _numpy().savez_compressed(file, x=x))


def _dialect(run: Path) -> dict[str, str]:
    """Returns the marks between cells and within numbers of the table that a run was trained on."""
    from simulacra.core.artifact.save import open_artifact

    spec = open_artifact(run).config.get("data", {}).get("spec") or {}
    if spec.get("decimal") == ",":
        return {"separator": ";", "decimal": ","}
    return {"separator": ";"} if spec.get("separator") == ";" else {}


def _csv(
    model: Model,
    x: np.ndarray,
    path: Path,
    escape: bool = False,
    beside: Any = None,
    dialect: Mapping[str, str] | None = None,
) -> None:
    """Writes one row for each sample, with the columns of a table; images and sequences are flattened.

    Args:
        beside: further columns of a table, by name.
        dialect: marks of a table, as `write_csv` takes them; None: commas and decimal points.
    """
    import torch

    from simulacra.core.inputs.to_frames import write_csv
    from simulacra.core.spaces.composite import Table
    from simulacra.core.storage.files import write_atomically

    raw, flat = model.preprocessing.raw, x.reshape(len(x), -1)
    if isinstance(raw, Table):
        formulas = write_csv(raw, torch.from_numpy(x), path, escape, beside, **(dialect or {}))
        if formulas:
            log.warning(
                "%s: %s cells begin with = + - or @, which a spreadsheet computes: add --escape-formulas to "
                "write an apostrophe before them, or open the file as text.",
                path.name,
                f"{formulas:,}",
            )
        return

    def write(aside: Path) -> None:
        with open(aside, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow([f"x{i + 1}" for i in range(flat.shape[1])])
            writer.writerows(flat.tolist())

    write_atomically(path, write)


def _binary(path: Path, save: Callable[[Any], None]) -> None:
    from simulacra.core.storage.files import write_atomically

    def write(aside: Path) -> None:
        with open(aside, "wb") as file:
            save(file)

    write_atomically(path, write)


def _numpy() -> Any:
    import numpy

    return numpy


WRITERS: dict[str, Callable[[Model, np.ndarray, Path], None]] = {
    ".png": _picture,
    ".npy": _npy,
    ".npz": _npz,
    ".csv": _csv,
    ".txt": _txt,
    ".wav": _wav,
    ".mid": _midi,
}
# files that hold one sample: singular and plural of its name
SINGLE = {".wav": ("recording", "recordings"), ".mid": ("roll of a piano", "rolls of a piano")}
