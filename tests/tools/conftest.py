"""Machines that are not there: the installer's processes answer from a table, nothing is fetched."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from headline_queue import Toys

from headlines import command, meter

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ("environment", "pytorch", "project")
FAILED = (1, b"", b"")


class Machine:
    """Stands in for subprocess.run: replies by a part of the command, each command with what was said."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture):
        self.root, self.capsys = root, capsys
        self.ran: list[tuple[str, str]] = []
        self.told = ""
        self.versions = {sys.executable: "3 12 True", getattr(sys, "_base_executable", ""): "3 12 True"}
        self.replies = {
            **dict.fromkeys(("--no-index", "m.version('torch')", "config get"), FAILED),
            "pip --version": (0, b"pip 26.3", b""),
        }

    def run(self, words, cwd, env, **streams):
        """One process."""
        text = " ".join(words).replace(str(self.root), "ROOT").replace(os.sep, "/")
        self.ran.append((text, self.said()))
        assert cwd == str(self.root) and env["OMP_WAIT_POLICY"]
        if words[0].startswith(str(self.root)) and not Path(words[0]).exists():
            raise FileNotFoundError(words[0])
        reply = next((reply for sign, reply in self.replies.items() if sign in text), (0, b"", b""))
        if "sys.maxsize" in text and reply == (0, b"", b""):
            found = "3 12 True" if text.startswith("ROOT") else self.versions.get(" ".join(words[:-2]), "")
            reply = (0 if found else 1, found.encode(), b"")
        if "-m venv" in text:
            self.make_venv()
        return subprocess.CompletedProcess(words, *reply)

    def make_venv(self):
        """What `python -m venv` leaves, where the scripts look for it."""
        shutil.rmtree(self.root / ".venv", ignore_errors=True)
        for name in ("bin/python", "bin/uv", "Scripts/python.exe", "Scripts/uv.exe"):
            (self.root / ".venv" / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / ".venv" / name).touch()

    def said(self) -> str:
        """All that was printed so far."""
        self.told += self.capsys.readouterr().out
        return self.told

    def commands(self, sign: str) -> list[str]:
        """The commands that contain a text."""
        return [text for text, _ in self.ran if sign in text]

    def before(self, sign: str) -> str:
        """What had been said before a command."""
        return next(told for text, told in self.ran if sign in text)


def loaded(name: str, path: Path):
    """A script as a module, under the name by which the others import it."""
    spec = importlib.util.spec_from_file_location(name, path)
    sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


@pytest.fixture
def scripts(tmp_path, monkeypatch, capsys):
    """`scripts("Linux")`: the scripts, freshly loaded from a folder with a space and an umlaut."""
    root = tmp_path / "my models ü"
    (root / "tools").mkdir(parents=True)
    for name in (*(f"tools/{script}.py" for script in SCRIPTS), "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, root / name)
    machine = Machine(root, capsys)

    def load(system: str = "Linux", machine_type: str = "x86_64", programs: tuple[str, ...] = ()):
        with monkeypatch.context() as patch:
            patch.setattr(os, "name", "nt" if system == "Windows" else "posix")
            # the paths of this system, whatever os.name says
            patch.setitem(sys.modules, "pathlib", SimpleNamespace(Path=type(root)))
            modules = [loaded(name, root / "tools" / f"{name}.py") for name in SCRIPTS]
        monkeypatch.setattr(platform, "system", lambda: system)
        monkeypatch.setattr(platform, "machine", lambda: machine_type)
        monkeypatch.setattr(subprocess, "run", machine.run)
        known = {*programs, *machine.versions}
        monkeypatch.setattr(shutil, "which", lambda name: name if name in known else None)
        monkeypatch.chdir(root)
        return SimpleNamespace(**dict(zip(SCRIPTS, modules)), machine=machine, main=modules[2].main)

    yield load
    for name in SCRIPTS:
        sys.modules.pop(name, None)


@pytest.fixture
def toys(tmp_path, monkeypatch):
    """An empty queue of long runs; runs in this process keep its priority."""
    monkeypatch.setattr(command, "lowest_priority", lambda: None)
    monkeypatch.setattr(meter, "BEFORE", meter.cpu_seconds() - 1.0)  # of the tests before
    monkeypatch.setenv("SIMULACRA_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    return Toys(tmp_path)


@pytest.fixture
def tool(toys, capsys):
    """`tool("--list")`: exit status, output and errors of `make headline`."""

    def run_tool(*words):
        code = command.main([*words, *toys.options])
        return code, *capsys.readouterr()

    return run_tool
