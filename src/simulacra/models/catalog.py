"""The catalogue of models: maps names to classes without importing them.

Command line, docs, tests and studio read this one list. It imports no torch, so that listing models is quick.
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
    """Returns the catalogue entry of a model by its command-line name or its class name.

    Args:
        name: `vae` or `VAE`, in any case; former names are accepted.
        quiet: suppresses the warning about a former name, for names that come from saved files.

    Raises:
        ValueError: if no model has this name; the message suggests the nearest name.

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
