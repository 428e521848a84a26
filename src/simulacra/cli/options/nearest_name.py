"""Finds the name closest to a mistyped one, for error messages."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MANY = 16  # an error message does not list more names than this


def nearest(typed: str, names: Iterable[str]) -> str | None:
    """Returns the name closest to `typed`, or None.

    A name's last part counts as much as the whole, so that `latent` finds `model.latent`.

    Args:
        typed: word as typed.
        names: valid names.

    Example:
        >>> nearest("latnt", ["model.latent", "seed"]), nearest("zzz", ["seed"])
        ('model.latent', None)
    """
    names = list(names)
    tails = {name.rsplit(".", 1)[-1]: name for name in reversed(names)}
    tail = typed.rsplit(".", 1)[-1]
    if tail in tails:
        return tails[tail]
    begun = [name for known, name in tails.items() if len(tail) > 2 and known.startswith(tail)]
    if len(begun) == 1:
        return begun[0]
    for text, table in ((typed, {name: name for name in names}), (tail, tails)):
        near = difflib.get_close_matches(text.lower(), table, 1, 0.6)
        if near:
            return table[near[0]]
    return None


def hint(typed: str, names: Iterable[str], show: str = "{}") -> str:
    """Returns the end of an error sentence: the nearest name, or all names.

    Args:
        typed: word as typed.
        names: valid names.
        show: format in which names are shown, such as `--{}`.

    Example:
        >>> hint("trian", ["train", "sample"])
        "did you mean 'train'?"
    """
    names = list(names)
    near = nearest(typed, names)
    if near is not None:
        return f"did you mean {show.format(near)!r}?"
    if len(names) > MANY:
        return "--help lists what there is."
    return f"there are {', '.join(show.format(name) for name in names)}."
