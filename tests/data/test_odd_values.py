"""Values of another kind among new rows: named, taken as missing, and nothing else changes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from simulacra.core.inputs.odd_values import lenient_codes, without_odd
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Binary, Count, Real
from simulacra.data import load_data
from simulacra.models.autoencoders.gaussian_copula import GaussianCopula
from simulacra.models.autoregressive.tables.tabular import Tabular
from simulacra.models.autoregressive.vectors.nade import NADE
from simulacra.models.variational.vae import VAE

TYPES = {"age": "numeric", "visits": "count", "sex": "categorical", "smokes": "binary"}


def data_of(visits: str = "count"):
    rng = np.random.default_rng(0)
    columns = {
        "age": rng.integers(20, 80, 120).tolist(),
        "visits": rng.poisson(3, 120).tolist(),
        "sex": rng.choice(["f", "m"], 120).tolist(),
        "smokes": rng.integers(0, 2, 120).tolist(),
    }
    return load_data(columns, types={**TYPES, "visits": visits}, validation=0, test=0)


def models(data) -> list:
    made = [Tabular(data.space, hidden=(5,)), VAE(data.space, latent=2, hidden=(5,))]
    for model in made:
        model.preprocessing = data.preprocessing
    return made


ROWS = {"age": [30, 41, 55], "visits": [2, 3, 4], "sex": ["f", "m", "f"], "smokes": [0, 1, 1]}
ODD = [
    ("visits", 37.5, "37.5"),
    ("visits", -1, "-1"),
    ("visits", "many", "'many'"),
    ("sex", "x", "'x'"),
    ("sex", 7, "'7'"),
    ("age", "old", "'old'"),
    ("smokes", 2, "'2'"),
]


def changed(name, value, row: int = 1):
    rows = {column: list(entries) for column, entries in ROWS.items()}
    rows[name][row] = value
    return rows


@pytest.mark.parametrize("which", [0, 1], ids=["tabular", "vae"])
@pytest.mark.parametrize(("name", "value", "said"), ODD)
def test_an_odd_value_is_named_and_scored_as_missing(float64, caplog, which, name, value, said):
    model = models(data_of())[which]
    whole, gone = model.log_prob(ROWS, k=20).values, model.log_prob(changed(name, None), k=20).values
    assert not caplog.records
    odd = model.log_prob(changed(name, value), k=20).values
    (record,) = caplog.records
    text = record.getMessage()
    assert f"column {name!r} holds" in text and said in text and "in row 1" in text
    assert "taken as missing" in text
    torch.testing.assert_close(odd, gone, rtol=0, atol=0)
    torch.testing.assert_close(odd[[0, 2]], whole[[0, 2]])
    assert odd[1] != whole[1]


@pytest.mark.parametrize(("name", "value", "said"), ODD)
def test_an_odd_value_is_filled_in_by_a_completion(caplog, name, value, said):
    for model in models(data_of()):
        done = model.complete(changed(name, value), seed=1)
        assert said in caplog.text and not done.isnan().any()
        raw = model.preprocessing.raw
        raw.check(done)
        same = model.complete(changed(name, None), seed=1)
        torch.testing.assert_close(done, same, rtol=0, atol=0)


def test_rows_by_place_and_as_numbers_are_read_alike(float64, caplog):
    model = models(data_of())[0]
    gone = model.log_prob(changed("visits", None), k=9).values
    placed = [list(row) for row in zip(*changed("visits", 37.5).values(), strict=True)]
    torch.testing.assert_close(model.log_prob(placed, k=9).values, gone, rtol=0, atol=0)
    numbers = torch.tensor([[30.0, 2, 0, 0], [41, 37.5, 1, 1], [55, 4, 0, 1]])
    caplog.clear()
    torch.testing.assert_close(model.log_prob(numbers, k=9).values, gone, rtol=0, atol=0)
    assert "column 'visits' of x holds '37.5' in row 1" in caplog.text
    # a class that is no class, as a number
    numbers[1, 1], numbers[1, 2] = 3, 9
    gone = model.log_prob(changed("sex", None), k=9).values
    torch.testing.assert_close(model.log_prob(numbers, k=9).values, gone, rtol=0, atol=0)
    assert "column 'sex' of x holds '9' in row 1" in caplog.text


def test_a_model_that_cannot_leave_out_refuses_in_one_sentence_naming_it():
    columns = {name: [0, 1, 1, 0] * 30 for name in "abc"}
    data = load_data(columns, validation=0, test=0)
    model = NADE(data.space, hidden=4)
    model.preprocessing = data.preprocessing
    assert model.log_prob({"a": [0], "b": [1], "c": [1]}).values.isfinite().all()
    for rows in ({"a": [0, 1], "b": [1, 2.5], "c": [1, 0]}, torch.tensor([[0.0, 1, 1], [1, 2.5, 0]])):
        with pytest.raises(ValueError, match="field 'b'") as caught:
            model.log_prob(rows)
        assert str(caught.value).count("\n") == 0 and str(caught.value).rstrip().count(". ") == 0


@pytest.mark.parametrize(
    ("name", "values"),
    [("sex", ["x", "y", "z"]), ("age", ["old", "young", "old"]), ("visits", [0.5, 37.5, 1.5])],
)
def test_a_column_wholly_of_another_kind_is_refused(name, values):
    for model in models(data_of()):
        with pytest.raises(ValueError, match=repr(name)):
            model.log_prob({**ROWS, name: values})


def test_the_copula_takes_odd_values_too(float64, caplog):
    data = data_of("numeric")
    model = GaussianCopula(data.space)
    model.preprocessing = data.preprocessing
    gone = model.log_prob(changed("sex", None), k=9).values
    torch.testing.assert_close(model.log_prob(changed("sex", "x"), k=9).values, gone, rtol=0, atol=0)
    assert "column 'sex' holds 'x' in row 1" in caplog.text


def test_many_odd_values_are_counted_and_three_are_named(caplog):
    field = Categorical((), 2, ("f", "m"))
    found = lenient_codes(field, ["m", "u", "v", None, "w", "y", "z", "f"], "column 'sex'")
    assert np.array_equal(found, [1, *[np.nan] * 6, 0], equal_nan=True)
    (record,) = caplog.records
    text = record.getMessage()
    assert all(part in text for part in ("'u' in row 1", "'v' in row 2", "'w' in row 4", "and 2 more"))
    assert "'y'" not in text.split(":")[0]


def test_numbers_of_every_mask_lose_only_what_is_odd(caplog):
    space = Table(n=Count(), c=Categorical((), 3), b=Binary(), r=Real())
    x = torch.tensor([[2, 1, 0, 0.5], [2.5, 1, 0, 0.5], [2, 7, 0, 0.5], [2, 1, 0.5, 9.0], [3, 0, 1, -1]])
    odd = torch.zeros(5, 4, dtype=torch.bool)
    odd[1, 0] = odd[2, 1] = odd[3, 2] = True
    for known in itertools.product([True, False], repeat=4):
        mask = torch.tensor(known).expand(5, 4)
        found = without_odd(space, x, mask)
        assert torch.equal(found, mask & ~odd)
    assert without_odd(space, x[[0, 4]], None) is None
    with pytest.raises(ValueError, match="'n'"):
        without_odd(space, x[[1, 1, 1]], None)
    assert torch.equal(without_odd(space, x[[1]], None), ~odd[[1]])
