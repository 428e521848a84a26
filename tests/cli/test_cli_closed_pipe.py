"""A reader that closes the pipe, such as `head`, does not prevent a command from writing its files."""

from __future__ import annotations

import shutil

import pytest

from simulacra.cli.commands import compare, evaluate

pytestmark = pytest.mark.fault("doors 2.hour")


def closed(*lines: str) -> None:
    raise BrokenPipeError


def test_evaluate_writes_its_report(trained, tmp_path, monkeypatch):
    run = shutil.copytree(trained / "plain", tmp_path / "run")
    (run / "report.json").unlink()
    monkeypatch.setattr(evaluate, "say", closed)
    with pytest.raises(BrokenPipeError):
        evaluate.run([str(run), "--k", "5"])
    assert (run / "report.json").is_file() and (run / "report.md").is_file()
    assert not (run / "partial").exists()


def test_compare_writes_its_page(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(compare, "say", closed)
    page = tmp_path / "page.md"
    with pytest.raises(BrokenPipeError):
        compare.run([str(trained / "plain"), str(trained / "other"), "--out", str(page)])
    assert "plain" in page.read_text(encoding="utf-8")
