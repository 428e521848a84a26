"""Arrays as numpy's users have them, in every door: the same numbers, or a sentence."""

import warnings
from decimal import Decimal

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse

from simulacra.core.inputs.arrays import as_tensor
from simulacra.core.inputs.conditions import condition_rows
from simulacra.core.inputs.convert import rows_of
from simulacra.core.spaces.classes import Categorical, Ordinal
from simulacra.core.spaces.composite import Sequence, Table
from simulacra.core.spaces.plain import Binary, Levels, Real
from simulacra.data import from_tensors
from simulacra.models.autoencoders.ppca import PPCA
from simulacra.models.variational.vae import VAE

X = np.round(np.random.default_rng(0).normal(size=(6, 3)) * 8) / 4


class Dlpack:
    """An array of another library, which numpy cannot read by itself."""

    def __init__(self, t):
        self.t = t

    def __array__(self, dtype=None, copy=None):
        raise TypeError("implicit conversion is not allowed")

    def __dlpack__(self, **more):
        return self.t.__dlpack__(**more)

    def __dlpack_device__(self):
        return self.t.__dlpack_device__()


def read_only(x):
    x = x.copy()
    x.setflags(write=False)
    return x


GIVEN = {
    "flipped": X[::-1].copy()[::-1],
    "flipped columns": X[:, ::-1].copy()[:, ::-1],
    "every other": np.repeat(X, 2, 0)[::2],
    "fortran": np.asfortranarray(X),
    "transposed": np.ascontiguousarray(X.T).T,
    "big-endian": X.astype(">f8"),
    "big-endian single": X.astype(">f4"),
    "half": X.astype(np.float16),
    "long double": X.astype(np.longdouble),
    "object": X.astype(object),
    "decimals": np.array([[Decimal(float(v)) for v in row] for row in X], object),
    "read only": read_only(X),
    "masked without a mask": np.ma.masked_array(X),
    "lists": X.tolist(),
    "lists of arrays": list(X),
    "lists of tensors": list(torch.tensor(X)),
    "tuple": tuple(map(tuple, X.tolist())),
    "torch": torch.tensor(X),
    "bfloat16": torch.tensor(X).bfloat16(),
    "half of torch": torch.tensor(X).half(),
    "another library": Dlpack(torch.tensor(X)),
}


@pytest.mark.fault("f24")
@pytest.mark.parametrize("kind", GIVEN)
def test_the_same_numbers_have_the_same_score_in_every_form(kind):
    model = PPCA(Real((3,)), latent=1)
    wanted = model.log_prob(X).values
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert torch.equal(model.log_prob(GIVEN[kind]).values, wanted)
        assert torch.equal(model.encode(GIVEN[kind]), model.encode(X))
        assert torch.equal(model.decode(as_tensor(GIVEN[kind])[:, :1]), model.decode(X[:, :1]))
        data = from_tensors(GIVEN[kind], Real((3,)), valid=0, test=0)
    assert torch.equal(data.train.x.double(), torch.tensor(X))


@pytest.mark.fault("f24")
def test_a_memory_map_is_rows(tmp_path):
    np.save(tmp_path / "x.npy", X)
    x, _ = rows_of(Real((3,)), np.load(tmp_path / "x.npy", mmap_mode="r"))
    assert torch.equal(x, torch.tensor(X))


@pytest.mark.fault("f24")
@pytest.mark.parametrize("kind", ["u1", ">u2", "<u4", ">u8", "i1", ">i2", "i4", ">i8", "?", object, float])
def test_whole_numbers_of_every_type_are_levels(kind):
    x = np.arange(12).reshape(4, 3) % 2 if kind == "?" else np.arange(12).reshape(4, 3)
    space = Levels((3,), 16)
    rows, _ = rows_of(space, x.astype(kind)[::-1])
    assert rows.tolist() == x[::-1].tolist()
    assert from_tensors(x.astype(kind), space, valid=0, test=0).train.x.tolist() == x.tolist()


REFUSED = {
    "complex": (X.astype(complex), "complex"),
    "complex of torch": (torch.tensor(X).to(torch.complex64), "complex"),
    "text": (X.astype(str), "text"),
    "one text": ("x.npy", "the text 'x.npy'"),
    "dates": (np.zeros((2, 3), "M8[D]"), "dates"),
    "sparse": (sparse.csr_matrix(X), "x.toarray()"),
    "sparse array": (sparse.coo_array(X), "x.toarray()"),
    "sparse of torch": (torch.tensor(X).to_sparse(), "x.to_dense()"),
    "ragged": ([[1.0, 2.0, 3.0], [1.0]], "differ in length"),
    "ragged objects": (np.array([[1, 2], [3]], object), "differ in length"),
    "a None": ([[1.0, None, 2.0]], "NaN"),
    "a dictionary inside": (np.array([[{}, 1, 2]], object), "{}, which is no number"),
    "single number": (np.float64(3.0), "a single number"),
    "empty": (np.zeros((0, 3)), "no rows"),
    "empty list": ([], "no rows"),
    "large ids": (np.full((2, 3), 2**60 + 1), "beyond 2^53"),
    "large ids of torch": (torch.full((2, 3), 2**60 + 1), "beyond 2^53"),
    "large objects": (np.full((2, 3), 10**40, object), "beyond 2^53"),
    "too precise": (np.full((2, 3), np.longdouble(1) / 3), "astype('float64')"),
    "columns": (np.zeros(2, [("a", "f4"), ("b", "f4"), ("c", "f4")]), "structured_to_unstructured"),
    "no numbers": (object(), "no number"),
}


@pytest.mark.fault("f24")
@pytest.mark.parametrize("kind", REFUSED)
def test_what_holds_no_numbers_is_refused_in_a_sentence(kind):
    rows, words = REFUSED[kind]
    with pytest.raises(ValueError) as caught:
        PPCA(Real((3,)), latent=1).log_prob(rows)
    message = str(caught.value)
    assert words in message and "\n" not in message and message.endswith(".")


@pytest.mark.fault("f24")
def test_masked_entries_are_missing():
    x = np.ma.masked_less(X, 0)
    rows, known = rows_of(Real((3,)), x)
    assert known.numpy().tolist() == (X >= 0).tolist() and rows[known].tolist() == X[X >= 0].tolist()
    model = VAE(Real((3,)), latent=1, hidden=(5,))
    assert torch.equal(model.log_prob(x, k=5).values, model.log_prob(X, k=5, known=X >= 0).values)
    done = model.complete(x).double().numpy()
    assert np.array_equal(done[X >= 0], X[X >= 0])
    table = Table(a=Real(), b=Real(), c=Real())
    assert rows_of(table, x)[1].tolist() == (X >= 0).tolist()


@pytest.mark.fault("f24")
def test_masks_conditions_and_lengths_are_taken_in_every_form():
    space, known = Real((3,)), X > 0
    for mask in (
        known[::-1][::-1],
        known.astype(object),
        known.astype(">i4"),
        known.tolist(),
        known.astype("f8"),
    ):
        assert rows_of(space, X, mask)[1].tolist() == known.tolist()
    for mask in (X, known.astype(str), np.where(known, 1, np.nan)):
        with pytest.raises(ValueError, match="known"):
            rows_of(space, X, mask)
    classes = Categorical((), 3, ("a", "b", "c"))
    for c in (
        ["c", "a"],
        np.array(["c", "a"]),
        np.array(["c", "a"], object),
        np.array([b"c", b"a"]),
        [2, 0],
        np.array([2, 0], ">u2"),
        np.array([2, 0, 1])[:2],
        np.array([2.0, 0.0])[::1],
        ("c", "a"),
    ):
        assert condition_rows(classes, c, 2).tolist() == [2, 0]
    assert condition_rows(classes, np.str_("b"), 2).tolist() == [1, 1]
    steps = Sequence((4,), of=Binary((2,)))
    x = np.ones((2, 4, 2), ">f8")[::-1]
    for lengths in (
        [3, 1],
        np.array([1, 3], ">i8")[::-1],
        np.array([3, 1], object),
        torch.tensor([3.0, 1.0]),
    ):
        assert rows_of(steps, x, lengths=lengths)[1].sum((1, 2)).tolist() == [6, 2]


@pytest.mark.fault("f24")
def test_rows_of_a_table_may_be_lists_and_arrays_with_names_of_classes():
    table = Table(
        size=Real(), grade=Ordinal((), 2, ("low", "high")), colour=Categorical((), 2, ("blue", "red"))
    )
    rows = [[1.5, "high", "blue"], [2.0, "low", None]]
    wanted = [[1.5, 1.0, 0.0], [2.0, 0.0, 0.0]]
    named = np.array([(1.5, "high", "blue")], [("size", "f8"), ("grade", "U9"), ("colour", object)])
    for given_rows in (rows, np.array(rows, object), [tuple(row) for row in rows]):
        x, known = rows_of(table, given_rows)
        assert x.tolist() == wanted and known.tolist() == [[True] * 3, [True, True, False]]
    assert rows_of(table, named)[0].tolist() == wanted[:1]
    assert rows_of(table, np.array([["1.5", "high", "blue"]]))[0].tolist() == wanted[:1]
    assert rows_of(table, np.array([[b"1.5", b"high", b"blue"]]))[0].tolist() == wanted[:1]
    with pytest.raises(ValueError, match="mauve"):
        rows_of(table, [[1.5, "high", "mauve"]])
    with pytest.raises(ValueError, match="1_5"):
        rows_of(table, [["1_5", "high", "red"]])
    with pytest.raises(ValueError, match="rounds"):
        rows_of(table, [[2**53 + 1, "high", "red"]])
    data = from_tensors(rows, table, valid=0, test=0)
    assert data.train.x.tolist() == wanted and data.train.known.tolist() == [[True] * 3, [True, True, False]]


@pytest.mark.fault("f24")
def test_in_memory_takes_labels_conditions_masks_and_lengths_as_they_are():
    classes = Categorical((), 2, ("a", "b"))
    c = np.array(["b", "a"] * 3)
    more = {"labels": c.astype(object), "known": X > 0}
    data = from_tensors(X.astype(">f8"), Real((3,)), c=c, condition=classes, valid=0, test=0, **more)
    assert data.train.c.tolist() == data.train.labels.tolist() == [1, 0] * 3
    assert data.label_names == ("a", "b") and data.train.known.tolist() == (X > 0).tolist()
    space = Sequence((3,), of=Binary((1,)))
    ragged = from_tensors([np.ones((2, 1)), np.ones((3, 1))], space, valid=0, test=0)
    assert ragged.train.lengths.tolist() == [2, 3]
    with pytest.raises(ValueError, match="c has 5 rows"):
        from_tensors(X, Real((3,)), c=np.zeros(5))
    with pytest.raises(ValueError, match="labels has shape"):
        from_tensors(X, Real((3,)), labels=[1, 2])
    with pytest.raises(ValueError, match="did you mean labels="):
        from_tensors(X, Real((3,)), label=[1, 2])
    with pytest.raises(ValueError, match="NaN"):
        from_tensors(np.full((3, 3), np.nan), Real((3,)))


NUMBERS = st.one_of(
    hnp.integer_dtypes(endianness="?"), hnp.unsigned_integer_dtypes(endianness="?"), hnp.boolean_dtypes(),
    hnp.floating_dtypes(endianness="?", sizes=(16, 32, 64)),
)  # fmt: skip


@pytest.mark.property
@pytest.mark.fault("f24")
@given(st.data())
def test_an_array_of_any_type_order_and_stride_holds_what_was_written(data):
    x = data.draw(hnp.arrays(data.draw(NUMBERS), hnp.array_shapes(min_dims=0, max_dims=4, max_side=5)))
    if x.ndim:
        x = np.flip(x, data.draw(st.sets(st.integers(0, x.ndim - 1)).map(tuple)))
        x = np.array(x, order=data.draw(st.sampled_from("CF"))) if data.draw(st.booleans()) else x.T
        x = x[:: data.draw(st.sampled_from([1, 2, -1]))]
    x = x.astype(object) if data.draw(st.booleans()) else x
    try:
        found = as_tensor(x).numpy()
    except ValueError as error:
        assert "2^53" in str(error) and max(abs(int(v)) for v in x.reshape(-1).tolist()) > 2**53
        return
    assert found.shape == x.shape
    for a, b in zip(found.reshape(-1).tolist(), x.reshape(-1).tolist()):
        assert a == b or (a != a and b != b)
