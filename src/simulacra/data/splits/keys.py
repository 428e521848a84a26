"""The values by which splits are cut: labels, columns, and parts of file paths."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from simulacra.data.sources.source import Part, Source


def path_sides(origins: Sequence[Path], folder: Path, below: Path) -> dict[str, np.ndarray]:
    """Returns `file` and `folder` of each row, from the paths of the files.

    Args:
        origins: the file of each row.
        folder: the folder that was loaded; `file` is relative to it.
        below: the folder of the part; `folder` is relative to it, so that a patient has the same folder in
            `train` and in `test`.
    """
    # computed once for each file, since many rows may share one
    file = {path: path.relative_to(folder).as_posix() for path in set(origins)}
    parent = {path: path.parent.relative_to(below).as_posix() for path in file}
    named = {"file": file, "folder": parent}
    return {name: np.array([of[path] for path in origins], object) for name, of in named.items()}


def array_sides(arrays: Mapping[str, np.ndarray], rows: int) -> dict[str, np.ndarray]:
    """Returns the arrays that have one value for each row.

    Args:
        arrays: arrays of a file, by name.
        rows: number of rows.

    Example:
        >>> array_sides({"slide": np.zeros((9, 1)), "mean": np.zeros(4)}, 9)["slide"].shape
        (9,)
    """
    return {name: a.reshape(-1) for name, a in arrays.items() if a.shape in ((rows,), (rows, 1), (1, rows))}


def side_of(source: Source, part: Part, option: str, name: str) -> np.ndarray:
    """Returns the value of each row of a part that an option of `load_data` names, shape (N,).

    Args:
        source: the source, for its class names and errors.
        part: the part of it.
        option: name of the option, such as `groups`, for errors.
        name: `label`, a column or key, `folder`, `file`, or a regular expression on paths.

    Raises:
        ValueError: if the source has nothing of that name, or a path does not match.
    """
    if name == "label" and part.labels is not None:
        return (
            np.array(source.label_names)[part.labels.numpy()] if source.label_names else part.labels.numpy()
        )
    if name in part.sides:
        return part.sides[name]
    if "file" in part.sides:
        return _matches(part.sides["file"], option, name)
    known = [*(["label"] if part.labels is not None else []), *part.sides]
    has = f"it has {', '.join(known[:20])}" if known else "it has neither columns nor labels"
    raise ValueError(f"{source.name} has no column or key {name!r}, which {option}= names; {has}.")


def _matches(files: np.ndarray, option: str, pattern: str) -> np.ndarray:
    """Returns the first group of a regular expression in each path."""
    try:
        compiled = re.compile(pattern)
    except re.error:
        compiled = re.compile("")
    if not compiled.groups:
        raise ValueError(
            f"{option}={pattern!r} is neither `folder`, `file`, `label` of class folders, nor a regular "
            "expression with a group on the files' paths, such as '^([^_]+)_'."
        )
    found = [compiled.search(file) for file in files.tolist()]
    for file, match in zip(files.tolist(), found):
        if match is None or match[1] is None:
            raise ValueError(f"{option}={pattern!r} does not match {file}: it must match every file's path.")
    return np.array([match[1] for match in found if match is not None])


def check_present(values: np.ndarray, option: str, name: str, rows: Tensor) -> None:
    """Raises ValueError if a row has no value.

    Args:
        values: one value for each row, shape (N,).
        option: name of the option, for the error.
        name: name of the column, for the error.
        rows: number of each row in the file, shape (N,), for the error.
    """
    missing = np.isnan(values) if values.dtype.kind == "f" else values.astype(str) == ""
    if missing.any():
        row = int(rows[int(missing.argmax())])
        raise ValueError(
            f"{option}={name!r} has no value in row {row} (from 0): fill it in, or leave the row out."
        )
