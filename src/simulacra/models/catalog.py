"""The catalogue of models: maps names to classes without importing them.

Built-in models are entries of the families' catalogues; those of other packages are entry points, which are
looked up where a name is not built in, and where models are listed. This file imports no torch, so that
listing models is quick.
"""

from __future__ import annotations

import difflib
import functools

from simulacra.core.packages import MODELS as PACKAGES
from simulacra.core.packages import extension_of, extensions, of_the_library
from simulacra.core.renamed import MODELS, NAMES, present
from simulacra.models import installed
from simulacra.models.adversarial import catalog as adversarial
from simulacra.models.autoencoders import catalog as autoencoders
from simulacra.models.autoregressive import catalog as autoregressive
from simulacra.models.beliefs import catalog as beliefs
from simulacra.models.boltzmann import catalog as boltzmann
from simulacra.models.chains import catalog as chains
from simulacra.models.diffusion import catalog as diffusion
from simulacra.models.entry import Entry
from simulacra.models.flows import catalog as flows
from simulacra.models.moments import catalog as moments
from simulacra.models.variational import catalog as variational

FAMILIES = (
    autoencoders,
    variational,
    autoregressive,
    adversarial,
    boltzmann,
    beliefs,
    flows,
    chains,
    moments,
    diffusion,
)
CATALOG: dict[str, Entry] = {entry.name: entry for family in FAMILIES for entry in family.ENTRIES}


def built_in(name: str, quiet: bool = False) -> Entry | None:
    """Returns the entry of a built-in model by its command-line or class name, or None.

    Args:
        quiet: do not warn of an old name: it stands in a saved file.
    """
    name = present([MODELS, NAMES], name, quiet)
    return CATALOG.get(name.lower()) or _by_class().get(name.lower())


def find(name: str) -> Entry:
    """The entry of a model by command-line or class name; where none is built in, of an installed package.

    Raises:
        ValueError: if there is none, with the nearest names, or it cannot be imported.

    Example:
        >>> find("VAE").name
        'vae'
    """
    found = built_in(name)
    if found is not None:
        return found
    other = installed.named(name)
    if other is not None:
        return installed.entry_of(other)
    near = difflib.get_close_matches(name.lower(), [*names(), *_by_class()], 1, 0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names())}."
    raise ValueError(f"model {name!r} is unknown; {hint}")


def names() -> list[str]:
    """The names of all models, those of other packages last; nothing is imported."""
    return list(dict.fromkeys([*CATALOG, *(entry.name for entry in extensions(PACKAGES))]))


def listed() -> tuple[list[Entry], list[str]]:
    """All models, the built-in ones first, and a sentence for each of another package that cannot be used."""
    others, problems = installed.others(CATALOG)
    return [*CATALOG.values(), *others], problems


def name_of(kind: type) -> str:
    """The command-line name of a class of models; a class of the user's own goes by its own name.

    Example:
        >>> from simulacra.models.variational.vae import VAE
        >>> name_of(VAE)
        'vae'
    """
    if of_the_library(kind):
        entry = _by_class().get(kind.__name__.lower())
        return entry.name if entry else kind.__name__.lower()
    extension = extension_of(PACKAGES, kind)
    return extension.name if extension else kind.__name__.lower()


@functools.cache
def _by_class() -> dict[str, Entry]:
    return {entry.cls.lower(): entry for entry in CATALOG.values()}
