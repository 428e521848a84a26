"""Checks of whether texts belong to a language, for scores of the texts that a model draws.

A check belongs to a unit of tokens (`smiles`), or to a data set by its name (`expressions`); one of your own
is registered under the name of your data. Reports then include the share of valid samples.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

Accepts = Callable[[str], bool]


@dataclass(frozen=True)
class Check:
    """A check of texts.

    Args:
        accepts: returns True for a valid text.
        about: description of the rules that it checks.
    """

    accepts: Accepts
    about: str


# checks that are imported on first use: module and function of a `Check`
KNOWN = {
    "smiles": ("simulacra.core.texts.molecules", "molecules"),
    "expressions": ("simulacra.core.texts.expressions", "expressions"),
}
_OWN: dict[str, Check] = {}


def register_validity(name: str, accepts: Accepts, about: str = "a check of the user") -> None:
    """Registers a check of the texts of a data set, or of all texts with a unit of tokens.

    Args:
        name: name of the data set, or of the unit; a check of that name is replaced.
        accepts: returns True for a valid text.
        about: description of the rules that it checks.

    Example:
        >>> register_validity("pairs", lambda text: len(text) % 2 == 0, "an even number of letters")
        >>> validity("pairs", "characters").accepts("ab")
        True
    """
    _OWN[name] = Check(accepts, about)


def validity(name: str, unit: str) -> Check | None:
    """Returns the check of a data set, or else that of its unit of tokens; None if there is none.

    Args:
        name: name of the data set.
        unit: unit of its tokens.

    Example:
        >>> check = validity("zinc", "smiles")
        >>> check.accepts("c1ccccc1O"), check.accepts("c1cccc"), validity("zinc", "words")
        (True, False, None)
    """
    for key in (name, unit):
        if key in _OWN:
            return _OWN[key]
        if key in KNOWN:
            module, function = KNOWN[key]
            found: Check = getattr(importlib.import_module(module), function)()
            return found
    return None
