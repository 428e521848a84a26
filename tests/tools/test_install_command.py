"""The command that installs an extra works from a clone and from an installed package."""

from __future__ import annotations

import shlex
import tomllib
from pathlib import Path

import pytest

from simulacra.core import packages

pytestmark = pytest.mark.fault("doors 2.hour")
ROOT = Path(packages.__file__).resolve().parents[3]


def test_a_clone_is_installed_by_its_folder(monkeypatch, tmp_path):
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {"export", "tables"} <= set(declared["optional-dependencies"])
    monkeypatch.chdir(ROOT)
    assert packages.install_command("export") == "pip install -e '.[export]'"
    monkeypatch.chdir(tmp_path)
    assert shlex.split(packages.install_command("tables"))[-1] == f"{ROOT}[tables]"


def test_an_installed_package_is_named(monkeypatch, tmp_path):
    place = tmp_path / "site-packages" / "simulacra" / "core" / "packages.py"
    monkeypatch.setattr(packages, "__file__", str(place))
    assert packages.install_command("export") == "pip install 'simulacra[export]'"
