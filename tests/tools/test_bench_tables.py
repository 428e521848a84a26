"""The bench of tables: its tables are as they are described, and it runs from a table to the Markdown."""

from __future__ import annotations

import json
import re
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from benchmarks.tables import __main__ as bench
from benchmarks.tables import results, sets
from benchmarks.tables.drawn import restored
from benchmarks.tables.measure import completer, once_each

from simulacra.evaluation.tables.columns import from_frame


def tiny() -> pd.DataFrame:
    """Fifty rows of a number with one decimal, a class by number and a text."""
    r = np.random.default_rng(0)
    grade = r.integers(1, 4, 50)
    size = (grade + r.normal(size=50)).round(1)
    return pd.DataFrame({"size": size, "grade": grade, "sex": r.choice(["f", "m"], 50)})


@pytest.fixture
def source(monkeypatch):
    """The tiny table as the only one."""
    made = sets.Source("tiny", "reported", tiny, "size", ("grade", "sex"), "generated")
    monkeypatch.setattr(sets, "SOURCES", {"tiny": made})
    return made


# ---- the tables


def test_the_halves_are_equal():
    halves = Counter(source.half for source in sets.SOURCES.values())
    assert halves == {"chosen": 5, "reported": 5}


@pytest.mark.parametrize("name", sets.SOURCES)
def test_a_table_is_as_described(name):
    source = sets.SOURCES[name]
    try:
        frame = source.load()
    except sets.NotHere as missing:
        pytest.skip(f"{name} {missing}")
    train, held_out = sets.split(frame, 0)
    assert 455 <= len(train) <= 2400 and len(train) + len(held_out) == len(frame)
    assert not frame.isna().any().any()
    assert {source.target, *source.classes} <= set(frame.columns)
    texts = {c for c in frame if not pd.api.types.is_numeric_dtype(frame[c])}
    assert texts <= set(source.classes) and set(frame.columns) - set(source.classes)
    assert max(frame[c].nunique() for c in source.classes) <= 9
    pd.testing.assert_frame_equal(frame, source.load())


def test_the_split_is_a_partition_by_seed():
    frame = sets.patients(50).assign(row=range(50))
    train, held_out = sets.split(frame, 3)
    assert sorted([*train["row"], *held_out["row"]]) == list(range(50)) and len(held_out) == 10
    pd.testing.assert_frame_equal(train, sets.split(frame, 3)[0])
    assert list(train["row"]) != list(sets.split(frame, 4)[0]["row"])


def test_some_rows_are_always_the_same():
    frame = pd.DataFrame({"row": range(9)})
    rows = list(sets.some(frame, 3)["row"])
    assert rows == list(sets.some(frame, 3)["row"]) and len(set(rows)) == 3


def test_an_unknown_table_is_named():
    with pytest.raises(ValueError, match="no table 'nonsense'; possible are patients"):
        list(sets.chosen(["nonsense"], "all"))


# ---- from the table to the Markdown


def test_the_bench_runs_and_keeps_what_it_has(source, tmp_path, capsys):
    out = tmp_path / "rows.jsonl"
    words = ["--models", "held-out, independent, nonsense", "--out", str(out)]
    assert bench.main(words) == 0
    rows = {row["model"]: row for row in map(json.loads, out.read_text(encoding="utf-8").splitlines())}
    assert "unknown" in rows["nonsense"]["error"]
    assert rows["held-out"]["lost"] == 0 and rows["held-out"]["impute"] > 0
    assert rows["independent"]["range"] == 0 and rows["independent"]["format"] == 1
    assert 0.5 < rows["independent"]["impute"] < rows["independent"]["impute_few"]
    told = capsys.readouterr().out
    assert (
        "### tiny (reported): 40 training rows, 3 columns" in told and "nonsense (0 tables, 1 failed)" in told
    )
    # only the model that failed is tried again
    assert bench.main(words) == 0
    models = [json.loads(line)["model"] for line in out.read_text(encoding="utf-8").splitlines()]
    assert models == ["held-out", "independent", "nonsense", "nonsense"]
    told = capsys.readouterr().out
    assert bench.main(["--show", str(out)]) == 0
    assert capsys.readouterr().out.strip() in told


def test_each_draw_is_made_once():
    seeds = []
    fill = once_each(lambda x, known, seed: seeds.append(seed) or x + seed)
    x = np.zeros((2, 2))
    assert [fill(x, x > 0, seed)[0, 0] for seed in (0, 1, 0, 1, 2)] == [0, 1, 0, 1, 2] and seeds == [0, 1, 2]


def test_a_table_that_is_missing_is_left_out(monkeypatch, tmp_path, capsys):
    def load():
        raise sets.NotHere("needs a file")

    made = sets.Source("gone", "chosen", load, "a", ("a",), "nowhere")
    monkeypatch.setattr(sets, "SOURCES", {"gone": made})
    assert bench.main(["--out", str(tmp_path / "rows.jsonl")]) == 0
    assert capsys.readouterr().out.strip() == "gone: left out, needs a file"


def test_a_filler_sees_the_values_of_the_file_and_none_where_hidden(source):
    case = sets.case(source, 0)
    train = from_frame(case.train, source.classes)
    test = from_frame(case.held_out, like=train)
    seen = {}

    def fill(rows, seed):
        seen["rows"], seen["seed"] = rows, seed
        return case.held_out

    x, known = test.matrix(), np.ones((10, 3), bool)
    known[0, 0] = known[1, 2] = False
    filled = completer(fill, case, train, test)(np.where(known, x, np.nan), known, 7)
    np.testing.assert_array_equal(filled, x)
    assert seen["seed"] == 7
    assert seen["rows"].isna().sum().sum() == 2 and seen["rows"].isna().to_numpy()[[0, 1], [0, 2]].all()
    there = seen["rows"].notna().to_numpy()
    assert (seen["rows"].to_numpy()[there] == case.held_out.to_numpy()[there]).all()


def test_numbers_that_came_as_texts_are_numbers_again():
    train = pd.DataFrame({"grade": [1, 2], "sex": ["f", "m"]})
    drawn = pd.DataFrame({"sex": ["m", "f"], "grade": pd.Categorical(["2", "1"]), "more": [0, 0]})
    found = restored(drawn, train)
    assert list(found) == ["grade", "sex"] and found["grade"].tolist() == [2, 1]


def test_means_say_how_many_tables_have_a_measure():
    rows = [
        {"table": table, "half": "chosen", "model": "a", "seed": 0, "column": column, "impute": impute}
        for table, column, impute in (("x", 0.5, None), ("y", 1.0, 0.25))
    ]
    line = results.means(rows).splitlines()[-1]
    assert line.startswith("| a (2 tables) | 0.750 |") and "| 0.250 (of 1) |" in line


# ---- its packages


def test_what_tables_are_compared_with_lies_apart(scripts):
    it = scripts()
    pins = it.project.PINS_OF_TABLES
    pins.parent.mkdir(parents=True)
    pins.write_text("# older than ours\nsdv==2.0.0\npandas==2.3.3\n", encoding="utf-8")
    it.main(["install", "dev"])
    it.project.PEERS_OF_TABLES.mkdir()
    assert it.main(["bench-tables", "--half", "reported"]) == 0
    (fetched,) = it.machine.commands("peers-tables")
    assert fetched.endswith("--no-deps --upgrade --target ROOT/.venv/peers-tables sdv==2.0.0 pandas==2.3.3")
    assert "compare with (54 MB)" in it.machine.before("peers-tables")
    assert it.machine.ran[-1][0].endswith("-m benchmarks.tables --half reported")
    assert it.main(["bench-tables"]) == 0 and len(it.machine.commands("peers-tables")) == 1


def test_every_peer_of_tables_is_pinned():
    lines = bench.KEPT.with_name("peers.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", pin) for pin in pins)
    named = {pin.split("==")[0] for pin in pins}
    assert {"sdv", "ctgan", "sdmetrics"} <= named and not named & {"torch", "numpy", "scipy", "scikit-learn"}
