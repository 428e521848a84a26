"""`simulacra info`: the same facts as a table and as JSON, and a mend for each thing that is amiss."""

import copy
import json
import tomllib
from pathlib import Path

import pytest
import torch

from simulacra import __version__
from simulacra.cli.commands import info
from simulacra.core.packages import install_command

ROWS = ["simulacra", "Python", "system", "torch", "device", "threads", "runs", "data"]
ROWS += ["tables", "export", "molecules"]
KEYS = ["simulacra", "python", "system", "torch", "device", "threads", "runs", "data", "packages", "mends"]
SOUND = {
    "torch": {"version": "2.9.1+cpu", "cuda": None, "rocm": None, "sees_gpu": False, "nvidia_driver": False},
    "threads": {"used": 2, "cores": 2, "OMP_WAIT_POLICY": "PASSIVE"},
    "runs": {"folder": "/there/runs", "free": 9e9},
}


def test_the_table(cli, tmp_path):
    done = cli("info")
    assert done.code == 0 and done.err == ""
    rows, mends = done.out.split("\nmends:\n")
    lines = rows.splitlines()
    assert [line.split()[0] for line in lines if line] == ROWS
    # one column: every value begins at the same place
    at = len(max(ROWS, key=len)) + 2
    assert all(line[at - 1] == " " and line[at] != " " for line in lines if line)
    assert __version__ in lines[0] and torch.__version__ in lines[3]
    assert str(tmp_path / "runs") in lines[6] and "GB free" in lines[6]
    assert all(line.startswith("- ") for line in mends.splitlines())


def test_json_says_the_same(cli, monkeypatch, tmp_path):
    monkeypatch.setenv("SIMULACRA_DATA", str(tmp_path / "sets"))
    done = cli("info", "--json")
    found = json.loads(done.out)
    assert done.code == 0 and list(found) == KEYS
    assert found["torch"]["version"] == torch.__version__
    assert found["data"][0] == str(tmp_path / "sets") in cli("info").out
    assert found["device"]["chosen"] == ("cuda" if torch.cuda.is_available() else found["device"]["chosen"])
    assert found["runs"] == {"folder": str(tmp_path / "runs"), "free": pytest.approx(found["runs"]["free"])}
    assert not (tmp_path / "runs").exists()


def test_the_extras_are_those_of_the_project():
    file = Path(__file__).parents[2] / "pyproject.toml"
    project = tomllib.loads(file.read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    named = {extra: [line.split(">=")[0].split("[")[0] for line in lines] for extra, lines in project.items()}
    assert {extra: tuple(named[extra]) for extra in info.EXTRAS} == info.EXTRAS
    assert set(project) - set(info.EXTRAS) <= {"dev", "docs"}


@pytest.mark.parametrize(
    ("part", "changed", "said"),
    [
        ("torch", {"nvidia_driver": True}, "--torch-backend=auto torch==2.9.1`"),
        ("torch", {"cuda": "12.8"}, "--torch-backend=cpu torch==2.9.1`"),
        ("threads", {"OMP_WAIT_POLICY": "active"}, "`export OMP_WAIT_POLICY=PASSIVE`"),
        ("threads", {"used": 48}, "`export OMP_NUM_THREADS=2`"),
        ("runs", {"free": 3e8}, "/there/runs has 0.3 GB left"),
    ],
)
def test_what_is_amiss_has_a_mend(part, changed, said):
    assert info.mends(SOUND) == []
    found = copy.deepcopy(SOUND)
    found[part] |= changed
    (mend,) = info.mends(found)
    assert said in mend


@pytest.mark.parametrize(
    "sound",
    [{"cuda": "12.8", "sees_gpu": True, "nvidia_driver": True}, {"rocm": "6.4", "nvidia_driver": True}],
)
def test_builds_for_gpus_need_no_mend(sound):
    assert info.mends({**SOUND, "torch": SOUND["torch"] | sound}) == []


def test_lacking_packages_say_how_to_get_them(cli, monkeypatch):
    monkeypatch.setattr(info, "EXTRAS", {"export": ("torch", "no-such-package")})
    assert f"; no no-such-package: {install_command('export')}" in cli("info").out


def test_wrong_words(cli):
    assert cli("info", "more").code == 2
    assert "unknown" in cli("info", "--jsn").err
