"""A table without some columns of the model: the message names all of them and what to do."""

import pytest

from simulacra.core.inputs.convert import rows_of
from simulacra.core.inputs.tables import columns_by_name
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Real

pytestmark = pytest.mark.fault("doors 2.hour")
NAMES = ("age", "bmi", "pressure", "dose")


def said(x, what="x", names=NAMES):
    with pytest.raises(ValueError) as error:
        columns_by_name(x, names, what)
    return str(error.value)


def test_all_absent_columns_are_named_with_what_to_do():
    text = said({"age": [31, None]})
    assert "x has no columns 'bmi', 'pressure', 'dose': give None for each row" in text
    assert "{'bmi': [None, ...]}" in text


def test_the_nearest_name_is_suggested():
    text = said({"Age": [31], "bmi": [20.0], "presure": [1], "dose": [2]})
    assert "no columns 'age', 'pressure'" in text
    assert "rename 'Age' into 'age', 'presure' into 'pressure'" in text


def test_at_most_five_are_named():
    text = said({"z": [1]}, names=[f"column{i}" for i in range(9)])
    assert "'column4' and 4 more:" in text and "column5" not in text


def test_a_mask_is_completed_with_booleans():
    assert "give True or False for each row of a column, as in {'bmi': [True, ...]}" in said(
        {"age": [True], "pressure": [True], "dose": [True]}, "known"
    )


def test_a_table_that_is_completed_as_advised_is_taken():
    space = Table(age=Real(), bmi=Real())
    with pytest.raises(ValueError, match="no column 'bmi': give None"):
        rows_of(space, {"age": [31.0, None]})
    x, known = rows_of(space, {"age": [31.0, None], "bmi": [None, 20.0]})
    assert x.shape == (2, 2) and known.tolist() == [[True, False], [False, True]]
