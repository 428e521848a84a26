"""A reader of tables is one entry of the registry: training, new rows and refusals follow from it."""

import ast
import json
import sys
import types
from pathlib import Path

import pytest

import simulacra
from simulacra.data import readers
from simulacra.data.new_rows.opening import open_rows
from simulacra.data.new_rows.wanted import Wanted
from simulacra.data.readers import READERS
from simulacra.data.sources.reader import Reader
from simulacra.data.tables.data_frames import frame_source
from simulacra.data.tables.options import FrameOptions

pytestmark = pytest.mark.fault("outside 1.w5.1")
SOURCE = Path(simulacra.__file__).parent


def _frame(path, own):
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return {name: [row[name] for row in rows] for name in rows[0]}


def _open(path, own, split):
    return frame_source(path.stem, str(path), _frame(path, own), own, split)


@pytest.fixture
def json_lines(monkeypatch):
    """The registry with a reader of JSON lines, whose module stands among those of the package."""
    module = types.SimpleNamespace(open_lines=_open, frame=_frame)
    monkeypatch.setitem(sys.modules, "simulacra.data.json_lines", module)
    one = Reader(
        "a file of JSON lines",
        FrameOptions,
        "json_lines:open_lines",
        (".jsonl",),
        holds="table",
        frame="json_lines:frame",
    )
    monkeypatch.setattr(readers, "READERS", (*READERS, one))


def test_a_new_reader_of_tables_reads_new_rows_too(json_lines, tmp_path):
    rows = [{"age": 20 + i % 31, "sex": "fm"[i % 2], "w": i * 1.7 % 13} for i in range(60)]
    path = tmp_path / "t.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    data = simulacra.load_data(path)
    assert len(data.train) == 48
    opened = open_rows(str(path), Wanted(data.preprocessing.raw, spec=data.spec))
    (chunk,) = opened.chunks(100)
    assert chunk.x.shape == (60, 3) and chunk.x[:, 0].tolist() == [row["age"] for row in rows]


def test_a_table_that_is_no_text_must_give_a_frame():
    with pytest.raises(AssertionError, match="needs frame="):
        Reader("a list", FrameOptions, "x:y", (".x",), holds="table")
    with pytest.raises(AssertionError, match="holds='table'"):
        Reader("a list", FrameOptions, "x:y", (".x",))


def test_no_file_compares_the_words_of_a_reader():
    words = {reader.kind for reader in READERS}
    for path in sorted((SOURCE / "data").rglob("*.py")):
        if path.name != "readers.py":
            tree = ast.parse(path.read_text("utf-8"))
            constants = {
                n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)
            }
            assert not constants & words, path
