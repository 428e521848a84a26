"""Files of several arrays: parts by their names, labels in another array, and which array is meant."""

import logging

import numpy as np
import pytest
from refusal import assert_refused
from scipy.io import savemat

from simulacra.cli.output import in_options
from simulacra.core.spaces.plain import Binary, Levels, Real
from simulacra.data import load_data
from simulacra.data.inspection.facts import inspect_data

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 4))
Y = np.arange(30) % 3
KEEP = {"validation": 0, "test": 0}
NAMES = [
    ("x_train", "x_val", "x_test"),
    ("train_x", "valid_x", "test_x"),
    ("Xtrain", "Xvalidation", "Xtest"),
    ("X_TRAIN", "X_DEV", "X_TEST"),
    ("xTrain", "xVal", "xTest"),
    ("train", "valid", "test"),
    ("train_data", "val_data", "test_data"),
    ("traindata", "validdata", "testdata"),
    ("training.images", "validation.images", "testing.images"),
]


def saved(path, arrays):
    """The file of these arrays, in the format of its suffix."""
    if path.suffix == ".mat":
        savemat(path, {name.replace(".", "_"): a for name, a in arrays.items()})
    else:
        np.savez(path, **arrays)
    return path


@pytest.mark.parametrize("suffix", [".npz", ".mat"])
@pytest.mark.parametrize("names", NAMES, ids=lambda names: names[0])
def test_parts_by_name_stay_as_they_are(tmp_path, names, suffix):
    pieces = dict(zip(names, (X[:20], X[20:24], X[24:])))
    data = load_data(saved(tmp_path / f"a{suffix}", dict(reversed(pieces.items()))))
    assert list(data.splits) == ["train", "valid", "test"]
    for split, piece in zip(data.splits.values(), pieces.values()):
        assert np.array_equal(split.x.numpy(), piece)


def test_labels_are_in_parts_too_and_share_their_classes(tmp_path):
    arrays = {"x_train": X[:20], "x_test": X[20:], "y_train": Y[:20] % 2, "y_test": Y[20:], "mean": X[0]}
    path = saved(tmp_path / "a.npz", arrays)
    data = load_data(path, label="y", condition="label", validation=0)
    assert data.label_names == ("0", "1", "2") and list(data.splits) == ["train", "test"]
    assert data.test.c.tolist() == Y[20:].tolist() and data.train.c.tolist() == (Y[:20] % 2).tolist()
    # as it was: an array that is named in full stands alone
    alone = load_data(path, key="x_train", label="y_train", **KEEP)
    assert len(alone.train) == 20 and list(alone.splits) == ["train"]
    fewer = saved(tmp_path / "b.npz", {k: a for k, a in arrays.items() if k != "y_test"})
    assert_refused(fewer, "no array 'y'", label="y")
    assert_refused(path, "no array 'z'", "x, y, mean", label="z")
    ragged = saved(tmp_path / "c.npz", {"x_train": X, "x_test": X[:, :3]})
    assert_refused(ragged, "rows differ in shape", "train (30, 4)", "test (30, 3)")


def test_names_that_only_look_like_parts_are_no_parts(tmp_path):
    path = saved(tmp_path / "a.npz", {"latest": X, "contest": Y})
    assert len(load_data(path, **KEEP).train) == 30
    path = saved(tmp_path / "b.npz", {"test_x": X, "test_y": Y})
    assert len(load_data(path, **KEEP).train) == 30
    path = saved(tmp_path / "c.npz", {"x_train": X, "x_val": X, "x_valid": X})
    assert_refused(path, "3 arrays that could be the observations")


def test_one_space_for_all_parts(tmp_path):
    path = saved(
        tmp_path / "a.npz", {"train": np.array([[0, 255], [7, 9]], np.uint8), "test": np.eye(2, dtype=int)}
    )
    data = load_data(path, validation=0)
    assert data.space == Levels((2,), 256) and data.test.x.tolist() == [[1, 0], [0, 1]]


def test_the_only_array_of_rows_is_chosen_and_it_is_said(tmp_path, caplog):
    one_hot = np.eye(3)[Y]
    path = saved(tmp_path / "a.npz", {"X": X, "Y": Y, "onehot": one_hot, "names": np.array(["a", "b", "c"])})
    with caplog.at_level(logging.INFO, "simulacra"):
        data = load_data(path, **KEEP)
    assert (
        data.space == Real((4,)) and "the observations are X; beside them are Y, onehot, names" in caplog.text
    )
    labelled = load_data(path, label="onehot", condition="label", **KEEP)
    assert labelled.train.c.tolist() == Y.tolist() and labelled.label_names == ("0", "1", "2")
    assert inspect_data(path).data.space == Real((4,)) and "key" not in inspect_data(path).added


@pytest.mark.parametrize("suffix", [".npz", ".mat"])
def test_the_mend_of_several_arrays_works(tmp_path, suffix):
    photos = RNG.integers(0, 256, (9, 4, 4, 3), np.uint8)
    names = ("train_photo", "train_label", "test_photo", "test_label")
    arrays = dict(zip(names, (photos, 255 - photos, photos[:2], 255 - photos[:2])))
    path = saved(tmp_path / f"pairs{suffix}", arrays)
    message = assert_refused(
        path, "2 arrays that could be the observations", "photo (9, 4, 4, 3) + (2, 4, 4, 3)"
    )
    assert "add --data.key photo," in in_options(message)
    data = load_data(path, key="photo", validation=0)
    assert data.space == Levels((3, 4, 4), 256) and [len(split) for split in data.splits.values()] == [9, 2]


LABELS = {
    "texts": (np.array(["cat", "ant "] * 15), ("ant", "cat")),
    "bytes": (np.array([b"cat", b"ant"] * 15), ("ant", "cat")),
    "booleans": (np.array([True, False] * 15), ("False", "True")),
    "floats": (np.array([2.0, 1.0] * 15), ("1", "2")),
    "negative": (np.array([3, -1] * 15, np.int8), ("-1", "3")),
    "large": (np.array([2**60 + 1, 2**60] * 15), (str(2**60), str(2**60 + 1))),
    "a column": (np.array([[2], [1]] * 15), ("1", "2")),
    "one-hot": (np.array([[0, 1], [1, 0]] * 15), ("0", "1")),
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels_of_every_kind(tmp_path, kind):
    values, names = LABELS[kind]
    data = load_data(saved(tmp_path / "a.npz", {"x": X, "y": values}), label="y", key="x", **KEEP)
    assert data.label_names == names and data.train.labels.tolist() == [1, 0] * 15


def test_labels_that_miss_are_refused(tmp_path):
    texts = np.array(["a", ""] * 15)
    path = saved(
        tmp_path / "a.npz", {"x": X, "y": texts, "z": np.full(30, np.nan), "w": np.linspace(0, 1, 30)}
    )
    assert_refused(path, "no label in row 1", label="y")
    assert_refused(path, "nan in row 0", label="z")
    assert_refused(path, "row 1", "whole numbers or text", label="w")


def test_vectors_and_single_rows_are_told_what_to_do(tmp_path):
    np.save(tmp_path / "v.npy", X[:, 0])
    assert_refused(tmp_path / "v.npy", "must be (N, D)", "x.reshape(-1, 1)")
    np.save(tmp_path / "v.npy", X[:, 0].reshape(-1, 1))
    assert load_data(tmp_path / "v.npy", **KEEP).space == Real((1,))
    savemat(tmp_path / "r.mat", {"x": X[:, 0]})
    assert_refused(tmp_path / "r.mat", "(1, 30)", "single row", "transpose")
    np.save(tmp_path / "s.npy", np.zeros(2, [("a", "f4"), ("b", "f4")]))
    assert_refused(tmp_path / "s.npy", "named columns a, b", "load_data(numpy.load(path))")
    assert load_data(np.load(tmp_path / "s.npy"), **KEEP).space == Binary((2,))
    np.save(tmp_path / "z.npy", np.float64(3))
    assert_refused(tmp_path / "z.npy", "shape ()", "(N, D)")
