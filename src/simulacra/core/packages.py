"""Models of other packages, found by the entry points that the packages declare.

    [project.entry-points."simulacra.models"]
    mine = "my_package.mine:Mine"

The metadata of the installed packages say so; a package is imported only when something of it is used.
Nothing is looked up by a name that stands in a file unless an installed package declares that name.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MODELS = "simulacra.models"


@dataclass(frozen=True)
class Extension:
    """An entry point of an installed package.

    Args:
        group: such as `simulacra.models`.
        name: that the package gives it: for a model, that on the command line.
        value: `package.module:Name`.
        package: the distribution that declares it.
        version: of the distribution.
    """

    group: str
    name: str
    value: str
    package: str
    version: str

    @property
    def module(self) -> str:
        """The dotted name before the colon."""
        return self.value.partition(":")[0].strip()

    @property
    def attribute(self) -> str:
        """The name behind the colon, without the extras in brackets that may follow."""
        return self.value.partition(":")[2].partition("[")[0].strip()

    def load(self) -> Any:
        """Import what the entry point names.

        Raises:
            ValueError: if that fails; the sentence names package, value and reason.
        """
        from importlib.metadata import EntryPoint

        try:
            return EntryPoint(self.name, self.value, self.group).load()
        except (Exception, SystemExit) as error:
            # whatever the code of another package raises
            reason = (str(error).splitlines() or [""])[0].rstrip(".")
            raise ValueError(f"{self} cannot be loaded ({type(error).__name__}: {reason}).") from error

    def loaded(self) -> Any:
        """Returns the object that the entry point names if its module is imported already, otherwise None."""
        found = sys.modules.get(self.module)
        for part in filter(None, self.attribute.split(".")):
            found = getattr(found, part, None)
        return found

    def spec(self) -> dict[str, str]:
        """The entry of a saved model's configuration."""
        return {"package": self.package, "name": self.name, "value": self.value}

    def __str__(self) -> str:
        kind = self.group.rpartition(".")[2].removesuffix("s")
        return f"the {kind} {self.name!r} of the package {self.package} {self.version} ({self.value})"


def extensions(group: str) -> tuple[Extension, ...]:
    """The entry points of a group that installed packages declare, by name; nothing is imported.

    Args:
        group: such as `simulacra.models`.

    Example:
        >>> extensions("simulacra.nothing")
        ()
    """
    from importlib import metadata  # 20 ms, which the start of every command would pay

    found = {
        Extension(group, point.name, point.value, str(point.dist.name), str(point.dist.version))
        for point in metadata.entry_points(group=group)
        if point.dist is not None
    }
    return tuple(sorted(found, key=lambda entry: (entry.name, entry.package)))


def extension_of(group: str, thing: Any) -> Extension | None:
    """The entry point that names `thing`, such as a class of models; None where none does.

    Example:
        >>> extension_of("simulacra.models", int) is None
        True
    """
    return next((entry for entry in extensions(group) if entry.loaded() is thing), None)


def extension_as(group: str, spec: Mapping[str, Any]) -> Extension | None:
    """The entry point that `Extension.spec` described; None if no installed package declares it."""
    named = (_plain(str(spec.get("package"))), spec.get("name"))
    return next((e for e in extensions(group) if (_plain(e.package), e.name) == named), None)


def installed(package: str) -> str | None:
    """The version of an installed distribution; None where it is not installed.

    Example:
        >>> installed("simulacra-of-nobody") is None
        True
    """
    from importlib import metadata

    try:
        return metadata.version(package)
    except (metadata.PackageNotFoundError, ValueError):
        return None


def install_command(extra: str) -> str:
    """Returns the command that installs the packages of an extra, such as `export` or `tables`.

    For a clone of the repository it is an editable install of the clone; otherwise the package is named.

    Args:
        extra: an extra of `pyproject.toml`.
    """
    root = Path(__file__).resolve().parents[3]
    if not (root / "pyproject.toml").is_file() or not (root / "src" / "simulacra").is_dir():
        return f"pip install 'simulacra[{extra}]'"
    place = "." if root == Path.cwd().resolve() else root
    return f"pip install -e {shlex.quote(f'{place}[{extra}]')}"


def _plain(package: str) -> str:
    """The name of a distribution as installers compare it."""
    return re.sub(r"[-_.]+", "-", package).lower()


def of_the_library(kind: type) -> bool:
    """Returns True if a class of models is the library's own, not a user's or another package's.

    Example:
        >>> of_the_library(int)
        False
    """
    return kind.__module__.startswith("simulacra.models.")
