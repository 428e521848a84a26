"""Old names: they work for two minor versions, with one sentence; those in saved runs work for ever.

One table for arguments, options, models and public names. A name moves by an entry here and nothing
else: Python, YAML files, the command line and the configurations of old runs all ask this file.
"""

from __future__ import annotations

import functools
import re
import warnings
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from simulacra import __version__

MODELS, NAMES = "models", "simulacra"
C = TypeVar("C", bound=Callable[..., Any])


@dataclass(frozen=True)
class Renamed:
    """One name that has moved.

    Args:
        of: whose name it is: a class or function (`VAE`, `Options`, `load_data`) for its arguments,
            `models` for the catalogue, `simulacra` for the package.
        old: the former name.
        new: the present one.
        since: the version that renamed it.
        until: the version in which the old name goes; the entry stays, for saved runs.
    """

    of: str
    old: str
    new: str
    since: str
    until: str

    def __str__(self) -> str:
        return (
            f"{self.old!r} is called {self.new!r} since version {self.since}; "
            f"the old name goes in {self.until}."
        )


RENAMED: tuple[Renamed, ...] = ()


def _numbers(version: str) -> list[int]:
    return [int(n) for n in re.findall(r"\d+", version)[:3]]


class OldName(DeprecationWarning):
    """An old name was used."""


def present(of: Collection[str], name: str, quiet: bool = False, level: int = 3) -> str:
    """The present name of `name`, which may be it; an old one is warned of.

    Args:
        of: whose name it is; several for a class with its bases.
        quiet: for saved files, which nobody can change.
        level: how far up the caller is that used the name.

    Example:
        >>> present(["VAE"], "latent")
        'latent'
    """
    for entry in RENAMED:
        if entry.of in of and entry.old == name and (quiet or _numbers(__version__) < _numbers(entry.until)):
            if not quiet:
                warnings.warn(OldName(str(entry)), stacklevel=level)
            return entry.new
    return name


def renamed_arguments(of: Collection[str], given: Mapping[str, Any], quiet: bool = False) -> dict[str, Any]:
    """Keyword arguments under their present names.

    Raises:
        ValueError: if one was given under both names.
    """
    found: dict[str, Any] = {}
    for name, value in given.items():
        now = present(of, name, quiet, level=4)
        if now in found or (now != name and now in given):
            raise ValueError(f"{name!r} and {now!r} are one argument: leave out {name!r}, its old name.")
        found[now] = value
    return found


def renames(callee: C) -> C:
    """A function or dataclass that takes its keywords under old names too."""
    if isinstance(callee, type):
        callee.__init__ = _taking(callee.__init__, callee.__name__)  # type: ignore[misc]
        return callee
    return _taking(callee, callee.__name__)  # type: ignore[return-value]


def renames_of(of: str) -> Callable[[C], C]:
    """As `renames`, for a function that hands its keywords on to another name, such as `Options`."""
    return lambda callee: _taking(callee, of)  # type: ignore[return-value]


def _taking(function: Callable[..., Any], of: str) -> Callable[..., Any]:
    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **renamed_arguments((of,), kwargs))

    return called
