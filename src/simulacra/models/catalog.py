"""Name -> class, lazily: the one list that command line, docs, tests and studio read.

This file imports no torch, so that listing models is quick.
"""

from __future__ import annotations

import difflib

from simulacra.core.renamed import MODELS, NAMES, present
from simulacra.models.adversarial import catalog as adversarial
from simulacra.models.autoencoders import catalog as autoencoders
from simulacra.models.autoregressive import catalog as autoregressive
from simulacra.models.boltzmann import catalog as boltzmann
from simulacra.models.entry import Entry
from simulacra.models.variational import catalog as variational

FAMILIES = (autoencoders, variational, autoregressive, adversarial, boltzmann)
CATALOG: dict[str, Entry] = {entry.name: entry for family in FAMILIES for entry in family.ENTRIES}


def find(name: str, quiet: bool = False) -> Entry:
    """The entry of a model by command-line or class name.

    Args:
        quiet: do not warn of an old name: it stands in a saved file.

    Raises:
        ValueError: if there is none, with the nearest names.

    Example:
        >>> find("VAE").name
        'vae'
    """
    name = present([MODELS, NAMES], name, quiet)
    by_class = {entry.cls.lower(): entry for entry in CATALOG.values()}
    found = CATALOG.get(name.lower()) or by_class.get(name.lower())
    if found is None:
        near = difflib.get_close_matches(name.lower(), [*CATALOG, *by_class], 1, 0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(CATALOG)}."
        raise ValueError(f"model {name!r} is unknown; {hint}")
    return found
