"""Writes stubs of packages with lazy imports, for type checkers and editors.

    python tools/stubs.py --write     # src/simulacra/__init__.pyi, and one for each family of models

The names are those of `simulacra._NAMES` and of the catalogues of models. The sources are read, not run.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import surface

HEAD = "# Written by tools/stubs.py: `python tools/stubs.py --write`.\n\n"
WIDTH = 110


def stub(names: Mapping[str, str], version: bool = False) -> str:
    """Returns a stub that defines public names by importing them.

    Args:
        names: public names, with the modules below `simulacra` that define them.
        version: if True, the package has a `__version__`.
    """
    by_module = defaultdict(list)
    for name, module in names.items():
        by_module[f"simulacra.{module}"].append(name)
    lines = [_import(module, sorted(found, key=_place)) for module, found in sorted(by_module.items())]
    public = sorted([*names, *(["__version__"] if version else [])], key=_place)
    listed = "".join(f'    "{name}",\n' for name in public)
    given = ["__version__: str\n"] if version else []
    return "".join([HEAD, *lines, "\n", *given, f"__all__ = [\n{listed}]\n"])


def _place(name: str) -> tuple[int, str]:
    """Returns the sorting key of the linter: constants, then classes, then functions."""
    letters = name.replace("_", "")
    return (0 if name.isupper() else 1 if letters[0].isupper() else 2), name


def _import(module: str, names: list[str]) -> str:
    line = f"from {module} import {', '.join(names)}\n"
    if len(line) <= WIDTH:
        return line
    return f"from {module} import (\n" + "".join(f"    {name},\n" for name in names) + ")\n"


def stubs() -> Iterator[tuple[Path, str]]:
    """Yields path and content of every stub."""
    yield surface.SOURCE / "__init__.pyi", stub(surface.public_names(), version=True)
    families = defaultdict(dict)
    for _, family, module, cls in surface.models():
        families[family][cls] = f"models.{module}"
    for family, names in families.items():
        yield surface.SOURCE / "models" / family / "__init__.pyi", stub(names)


def stale() -> list[str]:
    """Returns the stubs that differ from what the sources give."""
    return [
        path.relative_to(surface.ROOT).as_posix()
        for path, text in stubs()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]


def main(arguments: list[str]) -> int:
    """Writes the stubs, or prints which ones are stale."""
    changed = stale()
    print("\n".join(changed) or "the stubs say what the sources say.")
    if "--write" in arguments:
        for path, text in stubs():
            path.write_text(text, encoding="utf-8", newline="\n")
        return 0
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
