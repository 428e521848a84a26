"""README and docs/data.md speak of one `patients.csv`: their examples run in order in one folder."""

from __future__ import annotations

import re

import pytest
from blocks import blocks, called, expanded

pytestmark = pytest.mark.fault("outside 1.w2b.patients")
SHORT = " --steps 2"  # for commands whose whole training takes long
LONG = ("simulacra evaluate", "simulacra explore")  # tests/cli/test_readme.py runs them


def of_patients(page: str, language: str) -> list[str]:
    """The blocks of a page that speak of the file or of runs on it."""
    return [b.text for b in blocks(page) if b.language == language and "patients" in b.text]


def run(commands: list[str]) -> None:
    for line in "".join(commands).strip().splitlines():
        words = re.sub(r"\s#.*", "", line)
        if not words.startswith(LONG):
            cut = SHORT if words.startswith("simulacra train") and "--epochs" not in words else ""
            code, said = called(expanded((re.sub(r" --steps \d+", "", words) + cut).split()))
            assert code == 0, f"{line}: {said}"


def test_the_examples_run_in_order_in_one_folder(tmp_path, monkeypatch):
    pytest.importorskip("pandas")
    monkeypatch.chdir(tmp_path)
    (written,) = of_patients("docs/data.md", "python")
    exec(compile(written, "docs/data.md", "exec"), {})
    own, tables = of_patients("README.md", "sh")
    run([own])
    (python,) = of_patients("README.md", "python")
    exec(compile(python, "README.md", "exec"), {})
    run([tables, *of_patients("docs/data.md", "sh")])
