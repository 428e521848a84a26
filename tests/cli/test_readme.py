"""The README's example runs as written."""

from __future__ import annotations

import re
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"


def test_ten_lines_of_python_run_as_written(tmp_path, monkeypatch, capsys):
    block = re.search(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(compile(block.group(1), "README.md", "exec"), names)
    assert names["x"].shape == (16, 1, 8, 8)
    assert "log p(x) >=" in capsys.readouterr().out
