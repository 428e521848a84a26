"""Groups the arrays of a file into train, valid and test parts by name, and finds the observations.

train_x, test_x; Xtrain, Xtest; x_train, x_val, x_test       parts of one array, `x` or `X`
train, valid, test                                           parts of one array, `data`
"""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np

from simulacra.core.errors.suggestion import Refusal, load_with
from simulacra.data.arrays.matlab import can_be_rows

log = logging.getLogger("simulacra")

Arrays = dict[str, np.ndarray]  # part -> array, in the order train, valid, test
WORDS = {
    "train": ("training", "train"),
    "valid": ("validation", "valid", "val", "dev"),
    "test": ("testing", "test"),
}
PART_OF = {word: part for part, words in WORDS.items() for word in words}
EVERY = "|".join(sorted(PART_OF, key=len, reverse=True))
# names that may touch the part's name without a separator; others need _, - or a capital, as in XTest
GLUED = {"x", "y", "data", "images", "image", "imgs", "img", "labels", "label", "targets", "target", "set"}
PREFIX = re.compile(f"^(?P<part>{EVERY})(?P<gap>[_\\-. ]*)(?P<rest>.*)$", re.IGNORECASE)
SUFFIX = re.compile(f"^(?P<rest>.*?)(?P<gap>[_\\-. ]*)(?P<part>{EVERY})$", re.IGNORECASE)
ALONE = "data"  # the name of arrays that are called just train, valid or test


def part_of(name: str) -> tuple[str, str] | None:
    """Splits an array's name into the part and the rest; returns None if it names no part.

    Example:
        >>> part_of("x_train"), part_of("valdata"), part_of("XTest"), part_of("latest")
        (('train', 'x'), ('valid', 'data'), ('test', 'X'), None)
    """
    for pattern in (PREFIX, SUFFIX):
        match = pattern.match(name)
        if match is None:
            continue
        rest, word = match["rest"], match["part"]
        second = rest if pattern is PREFIX else word
        apart = match["gap"] or not rest or second[0].isupper() or rest[0].isdigit()
        if apart or rest.lower() in GLUED:
            return PART_OF[word.lower()], rest or ALONE
    return None


def asks_for(names: Collection[str], name: str) -> bool:
    """Returns True if options name an array, in full or without its part.

    Example:
        >>> asks_for({"x"}, "x_train"), asks_for({"x"}, "y_train"), asks_for({"x_test"}, "x_test")
        (True, False, True)
    """
    part = part_of(name)
    return name in names or (part is not None and part[1] in names)


def grouped(arrays: Mapping[str, np.ndarray], asked: Collection[str | None] = ()) -> dict[str, Arrays]:
    """Groups the arrays of a file by their name without the part.

    Args:
        arrays: the arrays of a file, by name.
        asked: names given in options; if one of them is the full name of an array, no arrays are grouped.

    Returns:
        The parts of each array, by name; an array that belongs to no part is its own `train`.

    Example:
        >>> rows = {"x_test": np.zeros((1, 2)), "x_train": np.zeros((3, 2))}
        >>> found = grouped({**rows, "train_mean": np.zeros(2)})
        >>> {name: list(parts) for name, parts in found.items()}
        {'x': ['train', 'test'], 'train_mean': ['train']}
    """
    in_full = any(name in arrays and part_of(name) for name in asked if name)
    held: dict[str, list[tuple[str, str]]] = {}
    for name in () if in_full else arrays:
        if found := part_of(name):
            held.setdefault(found[1], []).append((found[0], name))
    # two arrays of the same part, such as val_x and valid_x, are ambiguous and stay apart
    whole = {
        rest: dict(of)
        for rest, of in held.items()
        if 1 < len(of) == len(dict(of)) and "train" in dict(of) and rest not in arrays
    }
    taken = {name for of in whole.values() for name in of.values()}
    alone = {name: {"train": a} for name, a in arrays.items() if name not in taken}
    together = {rest: {part: arrays[of[part]] for part in WORDS if part in of} for rest, of in whole.items()}
    return {**together, **alone}


def chosen(path: Path, groups: Mapping[str, Arrays], key: str | None, others: Collection[str | None]) -> str:
    """Returns the name of the observations: `key`, or the only array that can be rows of several numbers.

    Args:
        path: the file, for errors.
        groups: the arrays of the file, as `grouped` returns them.
        key: the name that the user gave, or None.
        others: names that are not observations, such as that of the labels.

    Raises:
        ValueError: if there is no such array, or several could be meant.
    """
    if key is not None:
        if key not in groups:
            raise ValueError(f"{path} has no array {key!r}, which key= names; it has {_listed(groups)}.")
        return key
    rest = {name: of for name, of in groups.items() if name not in others}
    if len(rest) == 1:
        return next(iter(rest))
    able = [name for name, of in rest.items() if can_be_rows(of["train"])]
    # one-hot labels are observations only if nothing else can be
    wide = [name for name in able if not one_hot(rest[name]["train"])] or able
    if len(wide) == 1:
        beside = ", ".join(name for name in rest if name != wide[0])
        log.info("%s: the observations are %s; beside them are %s", path.name, wide[0], beside)
        return wide[0]
    if not wide:
        raise ValueError(
            f"{path} holds {len(rest)} arrays, none of which can be the observations ({_listed(groups)}): it "
            "must be (N, D) or images (N, H, W)."
        )
    could = {name: rest[name] for name in wide}
    likely = max(wide, key=lambda name: sum(a.size for a in rest[name].values()))
    one = load_with(key=likely)
    raise Refusal(
        f"{path} holds {len(wide)} arrays that could be the observations ({_listed(could)}): load it with "
        f"{one}, or name another one.",
        one,
    )


def one_hot(a: np.ndarray) -> bool:
    """Returns True if each row of an array is a one-hot vector.

    Example:
        >>> one_hot(np.eye(3)), one_hot(np.ones((2, 2)))
        (True, False)
    """
    if a.ndim != 2 or a.dtype.kind not in "buif" or a.shape[1] < 2:
        return False
    return bool(((a == 0) | (a == 1)).all() and ((a != 0).sum(1) == 1).all())


def _listed(groups: Mapping[str, Arrays]) -> str:
    """Lists names and shapes; shapes of parts are joined by +."""
    shapes = {name: " + ".join(str(a.shape) for a in of.values()) for name, of in groups.items()}
    return ", ".join(f"{name} {shape}" for name, shape in shapes.items()) or "none"
