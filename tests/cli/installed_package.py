"""Installs a package of the tests for one test: its module and its metadata on a path of their own."""

from __future__ import annotations

import importlib
import shutil
import sys
import tomllib
from pathlib import Path

PACKAGES = Path(__file__).parents[1] / "packages"


def install(name: str, folder: Path, monkeypatch) -> Path:
    """Make a package importable, with the entry points of its pyproject.toml, as pip would.

    Args:
        name: of its folder and of its module.
        folder: an empty one.
    """
    project = tomllib.loads((PACKAGES / name / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    folder.mkdir(exist_ok=True)
    shutil.copy(PACKAGES / name / f"{name}.py", folder)
    points = {
        group: [f"{key} = {value}" for key, value in entries.items()]
        for group, entries in project["entry-points"].items()
    }
    declare(folder, project["name"], project["version"], points)
    monkeypatch.syspath_prepend(str(folder))
    # what the test imports goes with it
    monkeypatch.setitem(sys.modules, name, None)
    del sys.modules[name]
    return folder


def declare(folder: Path, name: str, version: str, points: dict[str, list[str]]) -> None:
    """Write the metadata of a distribution.

    Args:
        points: for each group, lines of `entry_points.txt`.
    """
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8"
    )
    lines = [line for group, entries in points.items() for line in (f"[{group}]", *entries)]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    importlib.invalidate_caches()


def uninstall(folder: Path, name: str) -> None:
    """Remove the package again, as far as a running process can."""
    shutil.rmtree(folder)
    sys.modules.pop(name, None)
    importlib.invalidate_caches()
