"""Rows that users hand in: missing entries in every dress, column order, classes, data frames."""

from __future__ import annotations

import datetime

import numpy as np
import pytest
import torch

from simulacra.core.inputs.convert import rows_of
from simulacra.core.spaces.classes import Categorical, Ordinal
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Binary, Count, Positive, Real
from simulacra.models.variational import VAE

TABLE = Table(
    {
        "height [cm]": Positive(),
        "größe": Ordinal((), 3, ("low", "mid", "high")),
        "colour": Categorical((), 3, ("blue", "green", "red")),
        "visits": Count(),
        "sick": Binary(),
        "score": Real(),
    }
)
COLUMNS = {
    "height [cm]": [170.5, 12.0, 3.25],
    "größe": ["high", "low", "mid"],
    "colour": ["red", "blue", "red"],
    "visits": [7, 0, 12],
    "sick": [True, False, True],
    "score": [-1.5, 0.0, 2.5],
}
CODES = torch.tensor(
    [[170.5, 2, 2, 7, 1, -1.5], [12.0, 0, 0, 0, 0, 0.0], [3.25, 1, 2, 12, 1, 2.5]], dtype=torch.float64
)


def is_the_table(given, mask=None, at: torch.Tensor | None = None) -> None:
    """That `given` is CODES where `at` (everywhere, where None), and missing elsewhere."""
    x, known = rows_of(TABLE, given, mask)
    if at is None:
        assert known is None
        at = torch.ones(3, 6, dtype=torch.bool)
    else:
        assert known is not None and known.dtype == torch.bool
        torch.testing.assert_close(known, at)
    TABLE.check(x)
    torch.testing.assert_close(x.double()[at], CODES[at], rtol=0, atol=0)
    torch.testing.assert_close(x, TABLE.filled(x, at), rtol=0, atol=0)


def with_gaps(gap) -> tuple[dict, torch.Tensor]:
    """COLUMNS with `gap` on a diagonal, and the mask."""
    known = torch.ones(3, 6, dtype=torch.bool)
    columns = {}
    for j, (name, values) in enumerate(COLUMNS.items()):
        known[j % 3, j] = False
        columns[name] = [gap if i == j % 3 else v for i, v in enumerate(values)]
    return columns, known


def test_mappings_of_columns_in_any_order_with_further_columns():
    is_the_table(COLUMNS)
    is_the_table(dict(reversed(COLUMNS.items())) | {"name": ["a", "b", "c"]})
    is_the_table({name: tuple(v) for name, v in COLUMNS.items()})
    is_the_table({name: np.array(v) for name, v in COLUMNS.items()})
    is_the_table(CODES)
    is_the_table(CODES.numpy())
    is_the_table(CODES.tolist())


@pytest.mark.parametrize("gap", [None, float("nan"), np.nan], ids=["None", "nan", "numpy nan"])
def test_gaps_of_mappings(gap):
    columns, known = with_gaps(gap)
    is_the_table(columns, at=known)
    is_the_table({name: np.array(v, dtype=object) for name, v in columns.items()}, at=known)


def test_gaps_of_tensors_and_masks_add_up():
    known = torch.rand(3, 6, generator=torch.Generator().manual_seed(0)) < 0.6
    is_the_table(torch.where(known, CODES, torch.nan), at=known)
    is_the_table(torch.where(known, CODES, torch.nan).numpy(), at=known)
    is_the_table(CODES, known, at=known)
    is_the_table(CODES, known.numpy(), at=known)
    is_the_table(CODES, known.tolist(), at=known)
    is_the_table(COLUMNS, known, at=known)
    # one mask for all rows
    is_the_table(CODES, known[0], at=known[:1].expand(3, 6))
    # what is masked may be off the support
    is_the_table(torch.where(known, CODES, -99.0), known, at=known)
    # both at once
    columns, gaps = with_gaps(None)
    is_the_table(columns, known, at=known & gaps)
    x, mask = rows_of(TABLE, CODES, torch.ones(3, 6, dtype=torch.bool))
    assert mask is None or mask.all()
    torch.testing.assert_close(x.double(), CODES, rtol=0, atol=0)


def test_a_nan_that_is_said_to_be_known_stays_missing_and_elsewhere_is_refused():
    columns, gaps = with_gaps(float("nan"))
    is_the_table(columns, torch.ones(3, 6, dtype=torch.bool), at=gaps)
    with pytest.raises(ValueError, match=r"NaN|finite"):
        rows_of(Real((2,)), torch.tensor([[1.0, float("nan")]]))
    x, known = rows_of(Real((2,)), torch.tensor([[1.0, float("nan")]]), torch.tensor([[True, False]]))
    assert x.isfinite().all() and known.tolist() == [[True, False]]


REFUSED = {
    "absent column": ({k: v for k, v in COLUMNS.items() if k != "visits"}, "visits"),
    "unseen class": (COLUMNS | {"colour": ["red", "mauve", "red"]}, "mauve"),
    "unseen order": (COLUMNS | {"größe": ["high", "low", "middling"]}, "middling"),
    "text for number": (COLUMNS | {"score": [1.0, "many", 2.0]}, "many"),
    "negative": (COLUMNS | {"height [cm]": [170.5, -2.0, 3.0]}, "positive|above 0|height"),
    "nought": (COLUMNS | {"height [cm]": [170.5, 0.0, 3.0]}, "positive|above 0|height"),
    "half a visit": (COLUMNS | {"visits": [7, 0.5, 1]}, "count|whole|visits"),
    "negative visit": (COLUMNS | {"visits": [7, -1, 1]}, "count|whole|visits"),
    "two for binary": (COLUMNS | {"sick": [1, 2, 0]}, "0|1|sick"),
    "infinite": (COLUMNS | {"score": [1.0, float("inf"), 0.0]}, "inf|finite|score"),
    "unequal lengths": (COLUMNS | {"score": [1.0, 2.0]}, "score|length|rows|entries"),
    "dates": (COLUMNS | {"score": [datetime.date(2020, 1, 1)] * 3}, "score"),
    "too narrow": (CODES[:, :5], "6|shape"),
    "class beyond": (torch.cat([CODES[:, :2], CODES[:, 2:3] + 1, CODES[:, 3:]], 1), "class|colour|0"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused_in_a_sentence(case):
    given, pattern = REFUSED[case]
    with pytest.raises(ValueError, match=pattern) as error:
        rows_of(TABLE, given)
    message = str(error.value)
    assert "\n" not in message and "Traceback" not in message and len(message) < 400, message


@pytest.mark.parametrize(
    "case", ["unseen class", "text for number", "negative", "half a visit", "two for binary"]
)
def test_a_column_that_does_not_fit_is_named(case):
    changed = [k for k, v in REFUSED[case][0].items() if v is not COLUMNS[k]]
    with pytest.raises(ValueError) as error:
        rows_of(TABLE, REFUSED[case][0])
    assert changed[0] in str(error.value)


def test_data_frames_of_every_dtype():
    pandas = pytest.importorskip("pandas")
    plain = pandas.DataFrame(COLUMNS)
    is_the_table(plain)
    is_the_table(plain[list(reversed(COLUMNS))])
    is_the_table(plain.assign(name=["a", "b", "c"]).set_index("name"))
    # an index of its own, with doubles, changes nothing
    is_the_table(plain.set_index(pandas.Index([5, 5, 1])))
    own = plain.astype(
        {"größe": "category", "colour": "string", "visits": "Int64", "sick": "boolean", "score": "Float64"}
    )
    is_the_table(own)
    for dtype in ("int8", "uint16", "float32"):
        is_the_table(plain.astype({"visits": dtype}))
    # the order of the classes is the space's, not the frame's
    backwards = pandas.Categorical(COLUMNS["größe"], categories=["mid", "low", "high", "none"], ordered=True)
    is_the_table(plain.assign(größe=backwards))
    columns, known = with_gaps(pandas.NA)
    is_the_table(pandas.DataFrame(columns), at=known)
    gaps = pandas.DataFrame(with_gaps(None)[0])
    is_the_table(gaps, at=known)
    is_the_table(
        gaps.astype(
            {
                "größe": "category",
                "colour": "string",
                "visits": "Int64",
                "sick": "boolean",
                "score": "Float64",
            }
        ),
        at=known,
    )
    is_the_table(gaps.astype({"colour": "category", "visits": "float64"}), at=known)
    with pytest.raises(ValueError, match="visits"):
        rows_of(TABLE, plain.drop(columns="visits"))
    with pytest.raises(ValueError, match="mauve"):
        rows_of(TABLE, plain.assign(colour=pandas.Categorical(["red", "mauve", "red"])))


def test_gaps_of_pandas_in_mappings():
    columns, known = with_gaps(pytest.importorskip("pandas").NA)
    is_the_table(columns, at=known)


def test_classes_that_are_numbers_are_told_by_their_names():
    space = Table(grade=Ordinal((), 3, ("1", "2", "10")), cat=Categorical((), 2, ("0.5", "x")))
    for grades in (
        [10, 1, 2],
        [10.0, 1.0, 2.0],
        ["10", "1", "2"],
        np.array([10, 1, 2]),
        np.array([10.0, 1, 2]),
    ):
        x, known = rows_of(space, {"grade": grades, "cat": [0.5, "x", " x "]})
        assert known is None and x.tolist() == [[2, 0], [0, 1], [1, 1]]
    with pytest.raises(ValueError, match="3"):
        rows_of(space, {"grade": [3, 1], "cat": ["x", "x"]})


class Polars:
    """What polars shows: columns by name, their names, and no pandas inside."""

    class Series:
        def __init__(self, values):
            self.values_of = values

        def to_list(self):
            return list(self.values_of)

        def __iter__(self):
            return iter(self.values_of)

        def __len__(self):
            return len(self.values_of)

    def __init__(self, columns):
        self._columns = columns
        self.columns = list(columns)

    def __getitem__(self, name):
        return self.Series(self._columns[name])

    def __len__(self):
        return 3


def test_frames_that_are_not_pandas():
    is_the_table(Polars(COLUMNS))
    columns, known = with_gaps(None)
    is_the_table(Polars(columns), at=known)


def test_words_take_what_rows_of_takes(float64):
    model = VAE(TABLE, latent=1, hidden=(5,))
    columns, known = with_gaps(None)
    a = model.log_prob(columns, k=20).values
    torch.testing.assert_close(a, model.log_prob(CODES, k=20, known=known).values, rtol=0, atol=0)
    done = model.complete(columns, seed=3).double()
    torch.testing.assert_close(done[known], CODES[known], rtol=0, atol=0)
    TABLE.check(done)


def test_completions_give_back_what_was_given_to_the_last_digit():
    """In single precision too: the rows of a table are doubles."""
    torch.manual_seed(3)
    model = VAE(Table(id=Count(), price=Real(), gap=Real()), latent=1, hidden=(5,))
    given = {"id": [16777217, 3], "price": [0.1, 1234567.891], "gap": [None, None]}
    done = model.complete(given)
    assert done[:, 0].tolist() == given["id"] and done[:, 1].tolist() == given["price"]
