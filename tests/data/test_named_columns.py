"""Data frames whose columns are numbered, in levels or of mixed kinds: what was trained on goes in again."""

import numpy as np
import pytest
import torch

import simulacra
from simulacra.core.inputs.convert import is_table, rows_of
from simulacra.core.inputs.tables import named_columns
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Real
from simulacra.data import load_data

pandas = pytest.importorskip("pandas")
X = np.random.default_rng(0).normal(size=(60, 3))
NAMES = {
    "numbers": [0, 1, 2],
    "texts of numbers": ["2", "0", "1"],
    "mixed": [0, "a", 2.5],
    "levels": pandas.MultiIndex.from_tuples([("a", "x"), ("a", "y"), ("b", "x")]),
    "dates": pandas.to_datetime(["2020-01-01", "2020-01-02", "2021-01-01"]),
    "booleans": [True, False, None],
}


@pytest.mark.fault("f13")
@pytest.mark.parametrize("kind", NAMES)
def test_the_frame_that_was_trained_on_is_scored_encoded_and_completed(kind, tmp_path):
    frame = pandas.DataFrame(X, columns=NAMES[kind])
    data = load_data(frame)
    model = simulacra.fit(
        simulacra.VAE(data.space, latent=1, hidden=(5,)), data, epochs=1, out=tmp_path / "r"
    ).model
    wanted = model.log_prob(X, k=5).values
    assert torch.equal(model.log_prob(frame, k=5).values, wanted)
    # by name, not by place
    assert torch.equal(model.log_prob(frame.iloc[:, ::-1], k=5).values, wanted)
    assert torch.equal(model.encode(frame), model.encode(X))
    assert model.reconstruct(frame).shape == (60, 3)
    gaps = frame.copy()
    gaps.iloc[:30, 0] = None
    done = model.complete(gaps)
    assert np.array_equal(done[30:].numpy(), X[30:]) and done.isfinite().all()
    mask = frame.notna()
    mask.iloc[:, 1] = False
    wanted = model.log_prob(X, known=[True, False, True], k=5).values
    assert torch.equal(model.log_prob(frame, known=mask.iloc[:, ::-1], k=5).values, wanted)


@pytest.mark.fault("f13")
def test_columns_that_are_called_the_same_as_text_are_named():
    space = Table({"0": Real(), "b": Real()})
    twice = pandas.DataFrame(X, columns=[0, "0", "b"])
    with pytest.raises(ValueError, match="2 columns called '0'"):
        rows_of(space, twice)
    with pytest.raises(ValueError, match="several columns '0'"):
        load_data(twice)
    # others may be
    both = pandas.DataFrame(X, columns=["0", "b", "b"])
    assert rows_of(Table({"0": Real()}), both)[0][:, 0].tolist() == X[:, 0].tolist()
    with pytest.raises(ValueError, match="no column '7'"):
        rows_of(Table({"7": Real()}), both)


@pytest.mark.fault("f13")
def test_tables_of_other_libraries_are_tables():
    arrow = pytest.importorskip("pyarrow")
    space = Table(a=Real(), kind=Categorical((), 2, ("x", "y")))
    columns = {"kind": ["y", "x", None], "a": [1.5, None, 2.0]}
    wanted = [[1.5, 1.0], [0.0, 0.0], [2.0, 0.0]]
    record = np.rec.fromarrays([[1.5, 2.5], [b"y", b"x"]], names="a,kind")
    for table in (arrow.table(columns), columns, pandas.DataFrame(columns)):
        assert is_table(table) and rows_of(space, table)[0].tolist() == wanted
        assert load_data(table, missing="mask", validation=0, test=0).preprocessing.raw.names == ("kind", "a")
    assert rows_of(space, record)[0].tolist() == [[1.5, 1.0], [2.5, 0.0]]
    assert [name for name, _ in named_columns(record)] == ["a", "kind"]
    assert load_data(record, validation=0, test=0).preprocessing.raw.names == ("a", "kind")
