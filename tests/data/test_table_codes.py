"""Codes and classes of tables come out of a run letter for letter, and a saved run knows its file."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from data_files import write

import simulacra
from simulacra.core.inputs.to_frames import columns_of, write_csv
from simulacra.data import load_data

X = np.random.default_rng(0).normal(size=(60, 3))
CLASSES = {
    "zip codes": ["02139", "10001", "00501", "06520"],
    "codes that differ in zeros": ["007", "07", "7"],
    "long numbers": ["12345678901234567890", "12345678901234567891"],
    "telephone numbers": ["+491761234567", "+491761234568"],
    "words of truth": ["yes", "no"],
    "truths": ["True", "False"],
    "words of gaps": ["none", "NA", "mild"],
    "letters of two sizes": ["Male", "male", "MALE"],
    "signs": ["A+", "A", "A-"],
    "quotes and commas": ['"say ""x"""', '"a,b"', "c;d"],
    "one class": ["A"],
    "one code": ["01"],
}


def table(tmp_path, cells):
    rows = "".join(f"{cells[i % len(cells)]},{x:.3f},{i % 4 + 3}\n" for i, x in enumerate(X[:, 0]))
    return write(tmp_path / "t.csv", f"a,x,grade\n{rows}".encode())


def trained(path, folder, **options):
    data = load_data(path, **options)
    model = simulacra.VAE(data.space, latent=1, hidden=(4,))
    return data, simulacra.fit(model, data, epochs=1, out=folder, progress=False)


@pytest.mark.fault("f12")
@pytest.mark.fault("f04")
@pytest.mark.parametrize("cells", CLASSES.values(), ids=CLASSES)
def test_drawn_classes_are_those_of_the_file(tmp_path, cells):
    path = table(tmp_path, cells)
    data, run = trained(path, tmp_path / "run")
    plain = {cell[1:-1].replace('""', '"') if cell[0] == '"' else cell for cell in cells}
    drawn = run.model.sample(40, seed=1)
    assert set(map(str, columns_of(data.preprocessing.raw, drawn)["a"])) <= plain
    assert set(map(str, run.model.to_dataframe(drawn)["a"])) <= plain
    assert {int(v) for v in run.model.to_dataframe(drawn)["grade"]} <= {3, 4, 5, 6}
    write_csv(data.preprocessing.raw, drawn, tmp_path / "drawn.csv")
    again = load_data(tmp_path / "drawn.csv", types=data.spec["types"], missing_values="")
    assert again.preprocessing.raw == data.preprocessing.raw


KEPT = ["5.5", "0", "1", "-3"]
LOST = [pytest.param(cell, marks=pytest.mark.fault("f04")) for cell in ("A", "5", "02139")]


@pytest.mark.parametrize("cell", [*KEPT, *LOST])
def test_a_constant_column_is_drawn_as_it_is(tmp_path, cell):
    _, run = trained(table(tmp_path, [cell]), tmp_path / "run")
    drawn = run.model.to_dataframe(run.model.sample(20, seed=1))["a"]
    if cell not in KEPT:
        assert set(map(str, drawn)) == {cell}
    assert drawn.notna().all()


def test_a_run_scores_frames_and_stored_values_alike(tmp_path):
    pd = pytest.importorskip("pandas")
    path = table(tmp_path, CLASSES["zip codes"])
    data, run = trained(path, tmp_path / "run", validation=0, test=0)
    model = simulacra.load_run(tmp_path / "run").model
    frame = pd.read_csv(path, dtype={"a": str})
    scores = model.log_prob(frame, k=5).values
    assert torch.equal(scores, run.model.log_prob(data.train.x.numpy(), k=5).values)
    gaps = frame.astype({"grade": "Int64"}).assign(x=np.where(np.arange(60) % 2, frame["x"], np.nan))
    filled = model.to_dataframe(model.complete(gaps, seed=1))
    assert filled["a"].tolist() == frame["a"].tolist() and filled["x"].notna().all()
    assert filled["x"][1::2].tolist() == frame["x"][1::2].tolist()


@pytest.mark.fault("f13")
def test_a_frame_with_numbered_columns_is_scored_by_the_model_it_trained(tmp_path):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X)
    _, run = trained(frame, tmp_path / "run")
    assert run.model.log_prob(frame, k=5).values.shape == (60,)
    assert run.model.encode(frame).shape[0] == 60
    assert run.model.complete(frame.where(frame > -1)).shape == (60, 3)


@pytest.mark.parametrize(
    "cells", [CLASSES["zip codes"], CLASSES["words of gaps"], ['"1,234,567"', "7"]], ids=str
)
def test_a_saved_run_reads_its_file_as_it_was_read(tmp_path, cells):
    path = table(tmp_path, cells)
    data, _ = trained(path, tmp_path / "run", missing="mask")
    spec = json.loads((tmp_path / "run" / "config.json").read_text())["data"]["spec"]
    again = load_data(**spec)
    assert again.train.digest() == data.train.digest() and again.spec == data.spec
    assert load_data(path, missing="mask").spec == data.spec
    with open(path, "a") as file:
        file.write(path.read_text().splitlines()[1] + "\n")
    with pytest.raises(ValueError, match="not those that"):
        simulacra.load_run(tmp_path / "run").evaluate()


ENTRIES = {
    "truths as categories": ["True", "False"],
    "whole numbers beyond 2^53": [2**53 + 1, 5],
    "numbers as categories": [3.0, 1.5],
}


@pytest.mark.parametrize("values", ENTRIES.values(), ids=ENTRIES)
def test_entries_of_frames_keep_their_values(values):
    pd = pytest.importorskip("pandas")
    kind = object if isinstance(values[0], int) else "category"
    given = [v == "True" if isinstance(v, str) else v for v in values]
    frame = pd.DataFrame({"a": pd.Series(given * 30, dtype=kind), "x": X[:, 0]})
    data = load_data(frame, validation=0, test=0)
    assert columns_of(data.preprocessing.raw, data.train.x)["a"][:2] == values


def test_categories_that_are_written_alike_are_refused():
    pd = pytest.importorskip("pandas")
    for pair in (["1", 1], ["a", " a"]):
        frame = pd.DataFrame({"a": pd.Categorical(pair * 30), "x": X[:, 0]})
        with pytest.raises(ValueError, match="two categories that are written"):
            load_data(frame)


@pytest.mark.parametrize("cell", [[1, 2], {"a": 1}, 1 + 2j, np.zeros(2)], ids=lambda c: type(c).__name__)
def test_entries_that_are_no_values_are_refused(cell):
    with pytest.raises(ValueError, match=r"column 'a', holds a .* in row 0 .*: give numbers, texts or dates"):
        load_data({"a": [cell] * 60, "x": X[:, 0]})


def test_an_order_of_numbers_that_the_user_gives_is_kept(tmp_path):
    kinds = {"grade": {"kind": "ordinal", "classes": [6, 5, 4, 3]}}
    data = load_data(table(tmp_path, ["A", "B"]), types=kinds, validation=0, test=0)
    assert dict(data.preprocessing.raw.fields)["grade"].names == ("6", "5", "4", "3")
    assert columns_of(data.preprocessing.raw, data.train.x)["grade"][:4] == [3, 4, 5, 6]
    kinds["grade"]["classes"] = [3, 4, 5, 6, 6]
    with pytest.raises(ValueError, match="'6' twice"):
        load_data(table(tmp_path, ["A", "B"]), types=kinds)


def test_spreadsheets_and_parquet_hold_what_was_written(tmp_path):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(
        {
            "zip": CLASSES["zip codes"] * 15,
            "x": X[:, 0].round(6),
            "n": np.arange(60) % 7,
            "t": [True, False] * 30,
        }
    )
    for name, save in (("t.xlsx", frame.to_excel), ("t.parquet", frame.to_parquet)):
        save(tmp_path / name, index=False)
        data = load_data(tmp_path / name, validation=0, test=0)
        back = columns_of(data.preprocessing.raw, data.train.x)
        assert back["zip"] == frame["zip"].tolist() and back["x"] == frame["x"].tolist(), name
        assert back["n"] == frame["n"].tolist() and back["t"] == ["True", "False"] * 30, name
