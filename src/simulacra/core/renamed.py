"""Old names of arguments, options, models and public names, in one table.

An old name works for two minor versions, with a deprecation warning; in saved runs it works for ever. Python,
YAML files, the command line and the configurations of old runs all use this table.
"""

from __future__ import annotations

import functools
import re
import warnings
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from simulacra.version import __version__

MODELS, NAMES = "models", "simulacra"
SPACES, STEPS = "spaces", "steps"  # owners: kinds of spaces and of preprocessing in saved models
C = TypeVar("C", bound=Callable[..., Any])
T = TypeVar("T")


@dataclass(frozen=True)
class Renamed:
    """One name that has changed.

    Args:
        of: owner of the name: a class or function (`VAE`, `Options`, `load_data`) for its arguments,
            `models` for the catalogue, `simulacra` for the package, `spaces` and `steps` for the kinds of
            spaces and of preprocessing in saved models, `Report` for the entries of a report.
        old: former name.
        new: present name.
        since: version that renamed it.
        until: version that stops accepting the old name; the entry stays, for saved runs.
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


def _entries(since: str, until: str, names: Mapping[str, Mapping[str, str]]) -> tuple[Renamed, ...]:
    pairs = ((of, old, new) for of, table in names.items() for old, new in table.items())
    return tuple(Renamed(*pair, since, until) for pair in pairs)


_NORMALIZATION = {"normalisation": "normalization", "critic_normalisation": "critic_normalization"}
_LIKELIHOOD = {"observation": "likelihood"}
RENAMED: tuple[Renamed, ...] = _entries(
    "0.2.0",
    "0.4.0",
    {
        NAMES: {"Wave": "Audio", "Fields": "Table", "open_run": "load_run", "in_memory": "from_tensors"},
        "load_data": {"dequantise": "dequantize", "standardise": "standardize"},
        "Game": _NORMALIZATION,
        "LatentVariableModel": _LIKELIHOOD,
        "Ordered": _LIKELIHOOD,
        "Orderless": _LIKELIHOOD,
        "fit": {"watchers": "callbacks"},
        "Interface": {"frame": "to_dataframe", "anomaly": "anomaly_score"},
        "Finding": {"means": "meaning", "mend": "suggestion"},
        # entries of files
        "Report": {"memorisation": "memorization", "vitals": "diagnostics"},
        SPACES: {"Wave": "Audio", "Fields": "Table"},
        STEPS: {"Binarise": "Binarize", "Dequantise": "Dequantize"},
    },
)
# old names in the descriptions of spaces and steps in reports
_DESCRIBED = {"Wave": "Audio", "Fields": "Table"}
_SPELLED = re.compile("(?<=binari)s(?=e|ation)|(?<=quanti)s(?=e|ation)")


def _numbers(version: str) -> list[int]:
    return [int(n) for n in re.findall(r"\d+", version)[:3]]


class OldName(DeprecationWarning):
    """Warns that an old name was used."""


def present(of: Collection[str], name: str, quiet: bool = False, level: int = 3) -> str:
    """Returns the present name of `name`, or `name` itself if it was not renamed; warns if it is an old name.

    Args:
        of: owners of the name; several for a class with its bases.
        name: name to look up.
        quiet: give no warning and accept names of any age, as for saved files.
        level: stack level of the caller that used the name, for the warning.

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
    """Returns keyword arguments under their present names.

    Args:
        of: owners of the names; several for a class with its bases.
        given: keyword arguments by name.
        quiet: give no warnings, as for saved files.

    Raises:
        ValueError: if an argument was given under both names.
    """
    found: dict[str, Any] = {}
    for name, value in given.items():
        now = present(of, name, quiet, level=4)
        if now in found or (now != name and now in given):
            raise ValueError(f"{name!r} and {now!r} are one argument: leave out {name!r}, its old name.")
        found[now] = value
    return found


def renames(callee: C) -> C:
    """Decorates a function or dataclass, so that it accepts its keyword arguments under old names too."""
    if isinstance(callee, type):
        callee.__init__ = _accepting_old_names(callee.__init__, callee.__name__)  # type: ignore[misc]
        return callee
    return _accepting_old_names(callee, callee.__name__)  # type: ignore[return-value]


def renames_of(*of: str) -> Callable[[C], C]:
    """Decorates a function like `renames`, with the names of other owners.

    Args:
        of: owners to which the function passes its keyword arguments, such as `Options`.
    """
    return lambda callee: _accepting_old_names(callee, *of)  # type: ignore[return-value]


def _accepting_old_names(function: Callable[..., Any], *of: str) -> Callable[..., Any]:
    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **renamed_arguments(of, kwargs))

    return called


def renames_attributes(cls: type[T]) -> type[T]:
    """Decorates a class, so that its attributes and methods are also available under their old names.

    Example:
        >>> from simulacra.core.errors.finding import Finding
        >>> with warnings.catch_warnings(action="ignore"):
        ...     Finding("ok", "a", "1", meaning="it is well").means
        'it is well'
    """
    for entry in RENAMED:
        if entry.of == cls.__name__:
            setattr(cls, entry.old, property(_reader(entry)))
    return cls


def _reader(entry: Renamed) -> Callable[[Any], Any]:
    def read(self: Any) -> Any:
        return getattr(self, present((entry.of,), entry.old, level=3))

    return read


def present_description(text: str) -> str:
    """Returns the description of a space or of preprocessing with present names; old reports hold old names.

    Example:
        >>> present_description("Fields(age: real)"), present_description("dynamic binarisation")
        ('Table(age: real)', 'dynamic binarization')
    """
    words = re.sub(r"\b(Wave|Fields)(?=\()", lambda found: _DESCRIBED[found[1]], text)
    return _SPELLED.sub("z", words)
