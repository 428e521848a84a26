"""Odd words of every command end in its work or in one sentence, and leave nothing half-written."""

from __future__ import annotations

import contextlib
import io
import shlex
import sys

import pytest

import simulacra
from reliability.hostile.odd_words import LINES, OVERFLOWING
from reliability.hostile.reading import forked
from simulacra.cli import main

pytestmark = [
    pytest.mark.fault("doors 1.7"),
    pytest.mark.skipif(sys.platform != "linux", reason="limits and counts the memory of forked processes"),
]
ENDED = (0, 2)  # done, and a wrong input
QUICK = 5  # every so many in the quick tier


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A table, and a run that was trained on it."""
    home = tmp_path_factory.mktemp("odd words")
    rows = "\n".join(f"{k * 7 % 11 / 3},{k * 5 % 13},{'ab'[k % 2]}" for k in range(60))
    (home / "table.csv").write_text(f"a,b,c\n{rows}\n")
    data = simulacra.load_data(home / "table.csv")
    model = simulacra.VAE(data.space, latent=1, hidden=(4,))
    simulacra.fit(model, data, out=home / "run", epochs=1, progress=False, doctor=False)
    return home


def typed(line, home, out):
    """The words of a line."""
    places = {"RUN": str(home / "run"), "DATA": str(home / "table.csv")}
    words = [places.get(word, word) for word in shlex.split(line)]
    return [str(out) + word[3:] if word.startswith("OUT") else word for word in words]


def content(folder):
    """Every file of a folder with its bytes, but those that say who works, how far it is, and what it has."""
    status = {"lock", "progress.json", "partial"}
    return {str(p): p.read_bytes() for p in folder.rglob("*") if p.is_file() and not status & {*p.parts}}


def tried(line, home, tmp_path, monkeypatch):
    """What became of a line: its outcome, what it printed to standard error, and its exit code."""
    out = tmp_path / "out"
    out.mkdir()
    monkeypatch.chdir(out)
    words = typed(line, home, out)

    def work():
        import torch

        torch.set_num_threads(1)
        said = io.StringIO()
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
            code = main(words)
        (tmp_path / "said").write_text(
            f"{code}\n{said.getvalue()}", encoding="utf-8", errors="backslashreplace"
        )

    outcome = forked(work, tmp_path / "answer")
    assert outcome.fault is None, line[:200]
    code, _, said = (tmp_path / "said").read_text(encoding="utf-8").partition("\n")
    return int(code), said, out


def lines():
    return [
        pytest.param(line, id=line[:60], marks=() if i % QUICK == 0 else pytest.mark.thorough)
        for i, line in enumerate(LINES)
    ]


@pytest.mark.parametrize("line", lines())
def test_odd_words_end_in_work_or_a_sentence(line, home, tmp_path, monkeypatch):
    before = content(home)
    code, said, out = tried(line, home, tmp_path, monkeypatch)
    assert code in ENDED and "Traceback" not in said
    assert not [path for path in [*content(out), *content(home)] if path.endswith(".part")]
    if code == 2:
        assert said.strip() and len(said) < 2500
        # a run that began keeps its last good checkpoint, and says so
        assert "is not finite" in said or not content(out), said
        assert content(home) == before


@pytest.mark.parametrize("line", OVERFLOWING)
@pytest.mark.thorough
def test_losses_that_overflow_end_in_one_sentence(line, home, tmp_path, monkeypatch):
    code, said, _ = tried(line, home, tmp_path, monkeypatch)
    last = said.strip().splitlines()[-1]
    assert code == 0 or ("not finite" in last and "try a lower lr" in last), said
