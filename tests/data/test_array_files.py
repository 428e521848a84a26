"""Array files of every type, byte order, memory order and shape: each value is the one that was written."""

import struct
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse
from scipy.io import savemat

from simulacra.core.spaces.plain import Real
from simulacra.data import load_data
from simulacra.data.arrays.files import read_npy, read_npz
from simulacra.data.arrays.matlab import read_cells, read_mat
from simulacra.data.arrays.shapes import images_first, observations

X = np.random.default_rng(0).normal(size=(12, 3))
KEEP = {"validation": 0, "test": 0}
TYPES = st.one_of(
    hnp.integer_dtypes(endianness="?"), hnp.unsigned_integer_dtypes(endianness="?"), hnp.boolean_dtypes(),
    hnp.floating_dtypes(endianness="?"),
)  # fmt: skip


def held(found: torch.Tensor, written: np.ndarray) -> bool:
    """Whether every value is the one that was written: as Python numbers, which are exact."""
    return [*map(float, found.reshape(-1).tolist())] == [*map(float, written.reshape(-1).tolist())]


def check(array: np.ndarray) -> None:
    """Every value of these rows as it is in the array, or a sentence."""
    try:
        x, known, _ = observations("a file", "array 'x'", array)
    except ValueError as error:
        assert "\n" not in str(error) and str(error).startswith("a file") and str(error).endswith(".")
        return
    assert known is None and held(x, images_first("", "", array))


@pytest.mark.property
@pytest.mark.fault("f03")
@given(st.data())
def test_an_array_file_holds_what_was_written(data):
    values = data.draw(
        st.sampled_from([None, st.integers(0, 1), st.integers(0, 255), st.sampled_from([0.5, 1e9 + 0.25])])
    )
    kind = data.draw(TYPES)
    kind = np.dtype("f8") if values is not None and kind.itemsize < 2 and kind.kind != "b" else kind
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=4, max_side=4))
    if values is None:
        array = data.draw(hnp.arrays(kind, shape))
    else:
        with np.errstate(all="ignore"):
            array = data.draw(hnp.arrays(np.float64, shape, elements=values)).astype(kind)
    array = np.array(array, order=data.draw(st.sampled_from("CF")))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.npy"
        np.save(path, array)
        found = read_npy(path)
        np.savez(path.with_suffix(".npz"), x=array)
        again = read_npz(path.with_suffix(".npz"))["x"]
    for read in (found, again):
        assert read.dtype == array.dtype and np.array_equal(read, array, equal_nan=kind.kind == "f")
    check(found)


@pytest.mark.property
@pytest.mark.fault("f03")
@given(st.data())
def test_a_matlab_file_holds_what_was_written(data):
    kind = data.draw(st.sampled_from(["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8", "?"]))
    array = data.draw(hnp.arrays(kind, hnp.array_shapes(min_dims=2, max_dims=4, max_side=4)))
    letters = st.characters(min_codepoint=32, max_codepoint=0x2FF)
    texts = data.draw(st.lists(st.text(letters, max_size=4), max_size=4))
    cell = np.empty((len(texts), 1), object)
    cell[:, 0] = texts
    contents = {"x": array, "texts": cell, "held": {"inside": array}}
    contents |= {"sparse": sparse.csc_matrix(array)} if array.ndim == 2 and kind in ("f8", "?") else {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.mat"
        savemat(path, contents, do_compression=data.draw(st.booleans()))
        found = read_mat(path)
    for name in contents.keys() - {"texts", "held"} | {"held.inside"}:
        assert np.array_equal(found[name], array, equal_nan=array.dtype.kind == "f"), name
    assert found["x"].dtype == (np.uint8 if array.dtype == bool else array.dtype)
    if texts:
        assert [text.rstrip() for text in found["texts"].tolist()] == [text.rstrip() for text in texts]
    check(found["x"])


def test_labels_are_read_from_cells_and_lines_of_text(tmp_path):
    names = ["cat", "dög", "cat"] * 4
    cell = np.empty((12, 1), object)
    cell[:, 0] = names
    for i, labels in enumerate((cell, np.array(names), cell.T)):
        path = tmp_path / f"{i}.mat"
        savemat(path, {"x": X, "kind": labels})
        data = load_data(path, label="kind", condition="label", **KEEP)
        assert data.label_names == ("cat", "dög") and data.train.c.tolist() == [0, 1, 0] * 4


def test_fields_of_structures_and_sparse_arrays_are_arrays(tmp_path):
    counts = sparse.random(12, 5, 0.3, random_state=0, format="csc")
    savemat(tmp_path / "a.mat", {"set": {"x": X, "y": np.arange(12) % 2, "note": "mine"}, "counts": counts})
    data = load_data(tmp_path / "a.mat", key="set.x", label="set.y", **KEEP)
    assert np.array_equal(data.train.x.numpy(), X) and data.label_names == ("0", "1")
    assert np.array_equal(
        load_data(tmp_path / "a.mat", key="counts", **KEEP).train.x.numpy(), counts.toarray()
    )


@pytest.mark.parametrize("order", "<>")
def test_matlab_files_of_either_byte_order(tmp_path, order):
    """By hand: scipy writes those of its own machine."""

    def element(kind: int, content: bytes) -> bytes:
        return struct.pack(f"{order}2I", kind, len(content)) + content + bytes(-len(content) % 8)

    array = element(6, struct.pack(f"{order}2I", 6, 0)) + element(5, struct.pack(f"{order}2i", 12, 3))
    array += element(1, b"x") + element(9, X.astype(f"{order}f8").tobytes("F"))
    head = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack(f"{order}2H", 0x0100, 0x4D49)
    (tmp_path / "a.mat").write_bytes(head + element(14, array))
    assert np.array_equal(load_data(tmp_path / "a.mat", **KEEP).train.x.numpy(), X)


def test_cells_of_real_sequences_keep_their_parts_and_lengths(tmp_path):
    walks = [np.random.default_rng(i).normal(size=(n, 3)) for i, n in enumerate((4, 7, 5))]
    cells = {}
    for name, pieces in (("train_data", walks[:2]), ("test_data", walks[2:])):
        cells[name] = np.empty((1, len(pieces)), object)
        cells[name][0, :] = pieces
    savemat(tmp_path / "walks.mat", cells)
    data = load_data(tmp_path / "walks.mat", validation=0)
    assert data.space.of == Real((3,)) and data.space.steps == 7
    assert data.train.lengths.tolist() == [4, 7] and data.test.lengths.tolist() == [5]
    for row, walk in zip([*data.train.x, *data.test.x], walks):
        assert np.array_equal(row[: len(walk)].numpy(), walk)
    assert set(read_cells(tmp_path / "walks.mat")) == {"train_data", "test_data"}


def test_the_published_walks_and_pairs(real_data):
    """35 and 4 sequences of 49 numbers; 400 and 100 pairs of images; none is cut again."""
    walks = load_data(real_data("mocap/mit_mocap.mat"), validation=0)
    assert [len(split) for split in walks.splits.values()] == [35, 4] and walks.space.shape == (100, 49)
    pairs = load_data(real_data("facades/facades_64.npz"), key="photo", validation=0)
    assert [len(split) for split in pairs.splits.values()] == [400, 100]
