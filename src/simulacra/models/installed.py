"""Models of other packages: entry points of the group `simulacra.models`; this file imports no torch.

    [project.entry-points."simulacra.models"]
    mine = "my_package.mine:Mine"

What the catalogue says of a built-in model, a class of another package says itself: its summary is the
class attribute `summary` or the first sentence of its docstring, its paper is the class attribute `paper` or
the docstring's `Reference:`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from simulacra.core.packages import MODELS, Extension, extension_as, extensions, installed
from simulacra.models.entry import Entry

AGAIN = "or pass the class, as in load(path, kind=MyModel)"


def named(name: str) -> Extension | None:
    """The installed model of a command-line or class name, not yet imported.

    Raises:
        ValueError: if two packages have one.
    """
    declared = extensions(MODELS)
    found = [entry for entry in declared if entry.name.lower() == name.lower()]
    found = found or [entry for entry in declared if entry.attribute.lower() == name.lower()]
    if len(found) > 1:
        packages = " and ".join(sorted(entry.package for entry in found))
        raise ValueError(f"model {name!r} is in the packages {packages}: uninstall all but one of them.")
    return found[0] if found else None


def entry_of(extension: Extension) -> Entry:
    """The entry of an installed model, from its class.

    Raises:
        ValueError: if it cannot be imported, or is no class of models.
    """
    kind = class_in(extension)
    return Entry(
        extension.name,
        extension.package,
        extension.module,
        extension.attribute,
        _told(kind, "paper") or _reference(kind),
        (),
        _told(kind, "summary") or _first_sentence(kind),
        extension=extension,
    )


def class_in(extension: Extension) -> Any:
    """The class of an installed model.

    Raises:
        ValueError: if it cannot be imported, or is no class of models.
    """
    from simulacra.core.model import Model

    kind = extension.load()
    if not isinstance(kind, type) or not issubclass(kind, Model):
        raise ValueError(f"{extension} is no class of models: it must be a subclass of simulacra.Model.")
    return kind


def others(built_in: Collection[str]) -> tuple[list[Entry], list[str]]:
    """The installed models, and a sentence for each that cannot be used.

    Args:
        built_in: names that are taken.
    """
    entries, problems = [], []
    for extension in extensions(MODELS):
        try:
            if extension.name.lower() in built_in:
                raise ValueError(f"{extension} has a name that is built in: its package must give another.")
            named(extension.name)
            entries.append(entry_of(extension))
        except ValueError as error:
            problems.append(str(error))
    return entries, list(dict.fromkeys(problems))


def class_of_saved(config: Mapping[str, Any], path: Path) -> Any:
    """The class of a saved model of another package; None where the configuration names none.

    Raises:
        ValueError: if the package or the class is missing; the sentence says which.
    """
    spec = config["extension"]
    if not spec:
        return None
    holds = f"{path} holds a {config['model'][:60]!r} of the package {str(spec.get('package'))[:60]!r}"
    extension = extension_as(MODELS, spec)
    if extension is None:
        version = installed(str(spec.get("package")))
        if version is None:
            raise ValueError(f"{holds}, which is not installed: install it, {AGAIN}.")
        lacks = f"whose installed version {version} has no model {str(spec.get('name'))[:60]!r}"
        raise ValueError(f"{holds}, {lacks}: install another version, {AGAIN}.")
    kind = class_in(extension)
    if kind.__name__ != config["model"]:
        raise ValueError(f"{holds}, but {extension} is another class: install another version, {AGAIN}.")
    return kind


def _told(kind: type, name: str) -> str:
    value = getattr(kind, name, "")
    return value if isinstance(value, str) else ""


def _first_sentence(kind: type) -> str:
    """The docstring's first sentence as the catalogue has them: no capital, no full stop."""
    words = " ".join(_paragraphs(kind)[0].split())
    sentence = re.split(r"(?<=\w)\.(?:\s|$)", words)[0]
    # an acronym stays
    return sentence if sentence[1:2].isupper() else sentence[:1].lower() + sentence[1:]


def _reference(kind: type) -> str:
    """The docstring's paragraph `Reference: ...`."""
    found = (p for p in _paragraphs(kind) if p.lstrip().startswith("Reference:"))
    return " ".join(next(found, "").partition(":")[2].split()).rstrip(".")


def _paragraphs(kind: type) -> list[str]:
    """Returns the paragraphs of the class's own docstring, at least one."""
    return re.split(r"\n\s*\n", inspect.cleandoc(vars(kind).get("__doc__") or ""))
