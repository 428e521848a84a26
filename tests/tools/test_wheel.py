"""The sdist builds, its wheel installs in an empty environment, and `simulacra demo` runs there.

Nothing is fetched: the wheel is installed without its dependencies, which are those of the present Python.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

import simulacra

ROOT = Path(__file__).parents[2]
# what a build takes, but for what earlier builds left
TAKEN = ("src", "pyproject.toml", "README.md", "LICENSE")
pytestmark = [pytest.mark.fault("doors 2.7"), pytest.mark.thorough]


def ran(command: list[str | Path], where: Path, **more: str) -> str:
    """What a command printed, without the paths that this Python was started with."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment |= {"PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", **more}
    found = subprocess.run(
        [str(word) for word in command],
        cwd=where,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout


def built(hook: str, source: Path, into: Path) -> Path:
    """The file that a hook of the build backend makes of a source tree."""
    into.mkdir(exist_ok=True)
    code = f"from setuptools import build_meta as b; print(b.{hook}({str(into)!r}))"
    return into / ran([sys.executable, "-c", code], source).strip().splitlines()[-1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel that is built from the source distribution, as pip would."""
    pytest.importorskip("setuptools", minversion="77")
    folder = tmp_path_factory.mktemp("build")
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in TAKEN:
        given, place = ROOT / name, folder / "tree" / name
        place.parent.mkdir(exist_ok=True)
        shutil.copytree(given, place, ignore=ignored) if given.is_dir() else shutil.copy(given, place)
    sdist = built("build_sdist", folder / "tree", folder / "dist")
    assert sdist.name == f"simulacra-{simulacra.__version__}.tar.gz"
    with tarfile.open(sdist) as file:
        file.extractall(folder / "sdist", filter="data")
    return built("build_wheel", folder / "sdist" / sdist.name.removesuffix(".tar.gz"), folder / "dist")


def test_the_wheel_holds_the_library(wheel):
    source = ROOT / "src"
    files = {path.relative_to(source).as_posix() for path in source.glob("simulacra/**/*.py*")}
    files = {name for name in files if name.endswith((".py", ".pyi"))} | {"simulacra/py.typed"}
    with zipfile.ZipFile(wheel) as file:
        held = set(file.namelist())
    assert "simulacra/__init__.pyi" in held
    assert {name for name in held if ".dist-info" not in name} == files


def test_the_demo_runs_where_only_the_wheel_is_installed(wheel, tmp_path):
    pytest.importorskip("pip")
    place = tmp_path / "empty"
    venv.create(place, with_pip=False, symlinks=os.name != "nt")
    programs = place / ("Scripts" if os.name == "nt" else "bin")
    pip = [sys.executable, "-m", "pip", "--python", programs / "python"]
    ran([*pip, "install", "--no-deps", wheel], tmp_path)
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = Path(ran([programs / "python", "-c", where], tmp_path).strip())
    # the dependencies of the present Python, after the packages of the new one
    (packages / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    file = ran([programs / "python", "-c", "import simulacra; print(simulacra.__file__)"], tmp_path).strip()
    assert Path(file).is_relative_to(packages)
    said = ran([programs / "simulacra", "demo", "--epochs", "2", "--out", "run"], tmp_path)
    assert "log p(x) >=" in said and "what to try next:" in said
    assert (tmp_path / "run" / "report.md").is_file() and (tmp_path / "run" / "samples.png").is_file()
    listed = ran([programs / "python", "-m", "simulacra", "--version"], tmp_path)
    assert listed == f"simulacra {simulacra.__version__}\n"
