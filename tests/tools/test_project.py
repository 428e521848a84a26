"""The installer on all kinds of machines: what it runs, and what it says before."""

from __future__ import annotations

import ast
import io
import json
import os
import re
import sys
import tomllib
from itertools import chain
from pathlib import Path
from shlex import quote

import pytest

ROOT = Path(__file__).resolve().parents[2]
FAILED = (1, b"", b"")


# ---- what stands in the files


@pytest.mark.parametrize("name", ["project", "environment", "pytorch"])
def test_an_old_python_can_read_it(name):
    """So that it can say how to get a new one."""
    text = (ROOT / "tools" / f"{name}.py").read_text(encoding="utf-8")
    assert ast.parse(text, feature_version=(3, 6)).body


def test_every_extra_has_its_megabytes(scripts):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    sizes = scripts().project.MEGABYTES
    assert sorted(sizes) == sorted(project["optional-dependencies"])
    assert scripts().project.to_fetch(["dev", "export", "docs"]) == sizes["dev"] + sizes["docs"]


def test_every_requirement_is_pinned(scripts):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = [*project["dependencies"], *chain(*project["optional-dependencies"].values())]
    names = {re.split(r"[\[<>=]", name)[0].lower() for name in named} - {"simulacra"}
    environment = scripts().environment
    assert all(environment.pin(name).startswith(f"{name}==") for name in names)
    with pytest.raises(environment.Stop, match="pins no nonsense"):
        environment.pin("nonsense")


def test_make_has_thin_names_for_the_commands(scripts):
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    names = next(
        line for line in text.splitlines() if "project.py" not in line and line.startswith("install")
    )
    assert names.rstrip(":").split() == list(scripts().project.COMMANDS)
    assert "$(PYTHON) tools/project.py $@ $(ARGS)" in text


def test_a_long_run_takes_the_place_of_the_script(scripts, monkeypatch):
    """`make` sends its SIGTERM to the script: it must be the run that gets it."""
    found = scripts()
    monkeypatch.setattr(found.project, "install", lambda *extras: False)
    became = []
    monkeypatch.setattr(os, "execve", lambda path, words, env: became.append((path, words, env)))
    found.main(["headline", "--list"])
    ((path, words, env),) = became
    assert path == words[0] == str(found.environment.PYTHON) and words[2:] == ["--list"]
    assert words[1].endswith("headline.py") and env["OMP_NUM_THREADS"] == "1"


# ---- a whole installation


def test_a_fresh_machine_without_a_gpu(scripts):
    it = scripts()
    it.machine.replies["--dry-run"] = (0, b"", b"Would install 9 packages\n + torch==2.13.0+cpu\n")
    assert it.main(["install"]) == 0
    order = ("-m venv --clear", "setuptools", "--no-index", "txt uv", "--dry-run", "--editable")
    ran = [text for text, _ in it.machine.ran]
    at = [next(i for i, text in enumerate(ran) if sign in text) for sign in order]
    assert at == sorted(at)
    both = it.project.RUNTIME + it.project.MEGABYTES["dev"]
    assert f"at most {both} MB to fetch, besides PyTorch" in it.machine.before("setuptools")
    assert f"fetching uv ({it.pytorch.UV} MB)" in it.machine.before("txt uv")
    fetching = next(i for i, text in enumerate(ran) if "--torch-backend=auto" in text and "--dry" not in text)
    assert f"without CUDA, about {it.pytorch.TORCH['Linux']} MB" in it.machine.ran[fetching][1]
    assert "ROOT[dev]" in it.machine.commands("--editable")[0]
    assert it.machine.said().endswith(f"To use it: source {quote(str(Path('.venv/bin/activate')))}\n")


def test_a_second_run_asks_only_whether_python_is_there(scripts):
    it = scripts()
    it.main(["install", "docs"])
    it.machine.ran.clear()
    assert it.main(["install", "docs"]) == 0
    assert [("sys.maxsize" in text) for text, _ in it.machine.ran] == [True]
    assert "Up to date. To use it" in it.machine.said()


def test_what_is_new_is_added_to_what_is_there(scripts):
    it = scripts()
    it.main(["install", "docs"])
    it.main(["install", "export"])
    assert f"at most {it.project.MEGABYTES['export']} MB" in it.machine.said()
    assert "ROOT[docs,export]" in it.machine.commands("--editable")[1]
    with (it.machine.root / "constraints.txt").open("a", encoding="utf-8") as file:
        file.write("# other pins\n")
    assert it.main(["install", "docs"]) == 0
    assert len(it.machine.commands("--editable")) == 3 and len(it.machine.commands("-m venv")) == 1


def test_an_extra_that_is_none(scripts):
    it = scripts()
    assert it.main(["install", "developer"]) == 1
    assert "no extra 'developer'; possible are tables, export, molecules, dev, docs." in it.machine.said()
    assert not it.machine.ran


@pytest.mark.parametrize("harm", ["moved", "python gone", "python broken", "pip broken"])
def test_a_broken_environment_is_made_anew(harm, scripts):
    it = scripts()
    it.main(["install", "docs"])
    if harm == "moved":
        stamp = it.environment.STAMP
        there = {**it.environment.stamp(), "root": "elsewhere", "digest": "of elsewhere"}
        stamp.write_text(json.dumps(there), encoding="utf-8")
    elif harm == "python gone":
        it.environment.PYTHON.unlink()
    elif harm == "python broken":
        it.machine.replies["ROOT/.venv/bin/python -c import sys"] = FAILED
    else:
        it.machine.replies["pip --version"] = FAILED
        with (it.machine.root / "constraints.txt").open("a", encoding="utf-8") as file:
            file.write("# other pins\n")
    assert it.main(["install", "docs"]) == 0
    assert len(it.machine.commands("-m venv --clear")) == 2
    assert len(it.machine.commands("--editable")) == 2


# ---- PyTorch


def test_a_wheel_on_the_machine_is_taken_first(scripts):
    it = scripts()
    del it.machine.replies["--no-index"]
    assert it.main(["install"]) == 0
    assert "took the wheel that lies on this machine, nothing fetched" in it.machine.said()
    assert not it.machine.commands("txt uv") and not it.machine.commands("--torch-backend")


def test_a_build_that_is_there_stays(scripts):
    it = scripts()
    version = it.environment.pin("torch").split("==")[1] + "+cu130"
    it.machine.replies["m.version('torch')"] = (0, version.encode(), b"")
    assert it.main(["install"]) == 0
    assert not it.machine.commands("--no-index") and "PyTorch:" not in it.machine.said()


@pytest.mark.parametrize(
    "plan", [b" + torch==2.13.0+cu130", b" + nvidia-cublas==13", b" + torch==2.13.0+rocm7"]
)
def test_a_gpu_is_said_before_its_gigabytes(plan, scripts):
    it = scripts()
    it.machine.replies["--dry-run"] = (0, b"", plan)
    assert it.main(["install"]) == 0
    assert "for a GPU, 3000 MB or more" in it.machine.said()


def test_linux_without_a_gpu_takes_no_cuda_when_uv_fails(scripts):
    it = scripts()
    it.machine.replies["--torch-backend"] = (2, b"", b"error: dns error")
    assert it.main(["install"]) == 1
    said = it.machine.said()
    assert "dns error" in said and "Stopped: uv could not fetch the CPU build of torch==2.13.0" in said
    assert "PIP_FIND_LINKS" in said and not it.machine.commands("constraints.txt torch==")[1:]


@pytest.mark.parametrize(
    ("system", "programs"), [("Linux", ("nvidia-smi",)), ("Windows", ()), ("Darwin", ())]
)
def test_pip_takes_over_from_uv_where_its_build_is_right(system, programs, scripts):
    it = scripts(system, "arm64", programs)
    it.machine.replies["--torch-backend"] = (2, b"", b"")
    assert it.main(["install"]) == 0
    assert "-m pip install -q -c ROOT/constraints.txt torch==" in "".join(it.machine.commands("txt torch=="))
    size = "3000 MB" if programs else f"{it.pytorch.TORCH[system]} MB"
    assert "uv failed; trying pip: fetching its build" in it.machine.said() and size in it.machine.said()


def test_a_mac_with_an_intel_processor(scripts):
    it = scripts("Darwin", "x86_64")
    assert it.main(["install"]) == 1
    assert "Stopped: PyTorch is no longer built for Macs with Intel processors" in it.machine.said()


# ---- what fails


@pytest.mark.parametrize(
    ("errors", "words", "tries"),
    [
        (
            "WARNING: Retrying: NewConnectionError(...)\nERROR: No matching distribution",
            "cannot be reached",
            2,
        ),
        ("ERROR: Could not install: [Errno 28] No space left on device", "the disk is full", 1),
        ("SSLError(CERTIFICATE_VERIFY_FAILED)", "PIP_CERT", 1),
        ("ERROR: No matching distribution found for scipy==9", "no build for this system", 1),
        ("note\nERROR: Something else happened.\nnote", "pip failed: ERROR: Something else happened;", 1),
        ("", "its reason stands above", 1),
    ],
)
def test_a_failing_pip_is_one_sentence(errors, words, tries, scripts):
    it = scripts()
    it.machine.replies["txt setuptools"] = (1, b"", errors.encode())
    assert it.main(["test"]) == 1
    last = it.machine.said().splitlines()[-1]
    assert last.startswith("Stopped: pip failed: ") and words in last
    assert len(it.machine.commands("txt setuptools")) == tries and not it.machine.commands("pytest")


def test_a_python_that_makes_no_environments(scripts):
    it = scripts()
    it.machine.replies["-m venv"] = FAILED
    assert it.main(["demo"]) == 1
    assert "`apt install python3-venv` mends it." in it.machine.said()


# ---- Python


def test_no_python_fits(scripts):
    it = scripts()
    for command in it.machine.versions:
        it.machine.versions[command] = "3 10 True"
    assert it.main(["install"]) == 1
    said = it.machine.said()
    assert "Python 3.11 to 3.14, 64 bits" in said and "python.org/downloads" in said
    assert not it.machine.commands("-m venv")


@pytest.mark.parametrize("found", ["3 10 True", "3 15 True", "3 12 False"])
@pytest.mark.parametrize(
    ("system", "program", "command"),
    [("Linux", "python3.13", "python3.13"), ("Windows", "py", "py -3"), ("Windows", "py", "py -3.14")],
)
def test_another_python_on_the_path_is_taken(found, system, program, command, scripts):
    """Too old, too new or of 32 bits: the one that runs the script does not fit."""
    it = scripts(system, programs=(program,))
    it.machine.versions = dict.fromkeys(it.machine.versions, found) | {command: "3 14 True"}
    assert it.main(["install"]) == 0
    (made,) = it.machine.commands("-m venv")
    assert made == f"{command} -m venv --clear ROOT/.venv"


# ---- what is said


def test_windows_is_told_of_both_shells(scripts):
    it = scripts("Windows")
    assert it.main(["install"]) == 0
    last = it.machine.said().splitlines()[-1].replace("\\", "/")
    assert '".venv/Scripts/activate.bat" (cmd)' in last and '& ".venv/Scripts/Activate.ps1"' in last
    assert it.machine.commands("--editable")[0].replace("\\", "/").startswith("ROOT/.venv/Scripts/python.exe")


def test_from_another_folder_the_whole_path_is_named(scripts, monkeypatch, tmp_path):
    it = scripts()
    monkeypatch.chdir(tmp_path)
    assert it.main(["install"]) == 0
    assert it.machine.said().endswith(f"source {quote(str(it.environment.BIN / 'activate'))}\n")


@pytest.mark.parametrize("letters", ["ascii", "cp1252", "cp437", "utf-8"])
def test_a_terminal_of_few_letters(letters, scripts, monkeypatch):
    out = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(out, encoding=letters))
    scripts().environment.say("Größe 数 ok")
    assert out.getvalue().strip().endswith(b" ok")


def test_without_a_command_it_lists_them(scripts):
    it = scripts()
    assert (it.main([]), it.main(["--help"]), it.main(["instal"])) == (2, 0, 2)
    assert all(f"  {name}" in it.machine.said() for name in it.project.COMMANDS)


def test_an_interrupt_says_how_to_go_on(scripts, monkeypatch):
    it = scripts()
    monkeypatch.setitem(it.project.COMMANDS, "demo", lambda: (_ for _ in ()).throw(KeyboardInterrupt))
    assert it.main(["demo"]) == 130
    assert "the same command goes on" in it.machine.said()
