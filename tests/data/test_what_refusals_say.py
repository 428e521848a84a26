"""Sound files are not called damaged, and what a sentence says of a file is so."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
import scipy.io

import simulacra
from simulacra.core.errors.suggestion import Refusal
from simulacra.data.motion.bvh import read_bvh

pytestmark = pytest.mark.fault("outside 2.10")
MOTION = "HIERARCHY\nROOT {}\n{{\nCHANNELS 1 Xposition\n}}\nMOTION\nFrames: {}\nFrame Time: {}\n{}"


MARKED = ("utf-8-sig", "utf-16", "utf-32", "utf-8")
JOINTS = [(joint, coding) for joint in ("Übergang Ärmel", "骨盆") for coding in MARKED]


@pytest.mark.parametrize("joint, coding", [*JOINTS, ("Hüfte", "latin-1"), ("骨盆", "shift-jis")])
def test_names_of_joints_are_in_any_encoding(joint, coding):
    found = read_bvh("a.bvh", MOTION.format(joint, 3, "0.1", "1\n2\n4\n").encode(coding))
    assert found.frames.tolist() == [[1.0], [2.0], [4.0]]
    if coding != "shift-jis":
        assert found.channels == (f"{joint} Xposition",)


@pytest.mark.parametrize("text", ["", "\n"])
def test_a_skeleton_without_frames_is_called_that(text):
    with pytest.raises(ValueError, match="holds a skeleton, but no frames"):
        read_bvh("a.bvh", MOTION.format("Hips", 0, "0.1", text).encode())


@pytest.mark.parametrize("time", ["0", "0.0", "-0.1", "nan", "inf", "fast"])
def test_a_time_that_is_none_is_named(time):
    with pytest.raises(ValueError, match=f"has the Frame Time: {time}, which must be seconds above 0"):
        read_bvh("a.bvh", MOTION.format("Hips", 2, time, "1\n2\n").encode())


def saved(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


@pytest.mark.parametrize("beside", ["README.txt", "notes/", "__MACOSX/._x.npy", "meta.json"])
@pytest.mark.parametrize("first", [True, False])
def test_archives_of_arrays_may_hold_other_files(tmp_path, beside, first):
    x = np.random.default_rng(0).normal(size=(30, 3))
    members = [("x.npy", saved(x)), (beside, b"" if beside.endswith("/") else b"hi")]
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        for name, content in reversed(members) if first else members:
            archive.writestr(name, content)
    data = simulacra.load_data(tmp_path / "a.npz", validation=0, test=0, standardize=False)
    np.testing.assert_allclose(data.train.x.numpy(), x, rtol=1e-6)


def test_an_archive_without_arrays_says_what_it_holds(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("README.txt", b"hello")
    with pytest.raises(ValueError, match=r"holds no array, only README\.txt: save arrays"):
        simulacra.load_data(tmp_path / "a.npz")


@pytest.mark.parametrize("names", [["a", "a"], ["b", "a", "b"]])
def test_columns_of_one_name_are_named(tmp_path, names):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    columns = [pa.array(np.arange(20.0) / (i + 3)) for i in range(len(names))]
    parquet.write_table(pa.Table.from_arrays(columns, names=names), tmp_path / "t.parquet")
    with pytest.raises(ValueError, match=f"has several columns '{names[0]}': give each column a name"):
        simulacra.load_data(tmp_path / "t.parquet")


def cell(count: int = 18) -> np.ndarray:
    made = np.empty((1, count), object)
    for i in range(count):
        made[0, i] = np.random.default_rng(i).normal(size=(2 + i % 3, 2))
    return made


@pytest.mark.parametrize(
    "beside", [{"y": np.arange(18) % 3}, {"rate": 0.5}, {"Z": np.eye(6)}, {"title": "a"}]
)
@pytest.mark.parametrize("name", ["X", "train_data"])
def test_cells_beside_arrays_are_read_by_name(tmp_path, beside, name):
    scipy.io.savemat(tmp_path / "a.mat", {name: cell(), **beside})
    for key in {name, name.replace("train_", "")}:
        data = simulacra.load_data(tmp_path / "a.mat", key=key, validation=0, test=0)
        assert data.space.shape == (4, 2) and len(data.train) == 18


@pytest.mark.parametrize("beside", [{"y": np.arange(18) % 3}, {"rate": 0.5, "n": np.arange(4.0)}])
def test_cells_beside_vectors_are_offered(tmp_path, beside):
    scipy.io.savemat(tmp_path / "a.mat", {"X": cell(), **beside})
    with pytest.raises(Refusal, match=r"could be the sequences \(X \(cell of 18\)\) beside") as caught:
        simulacra.load_data(tmp_path / "a.mat")
    (way,) = caught.value.suggestions
    assert dict(way.options) == {"key": "X"}
    assert len(simulacra.load_data(tmp_path / "a.mat", **dict(way.options), validation=0, test=0).train) == 18


def test_what_is_there_but_never_read_is_not_called_missing(tmp_path):
    scipy.io.savemat(tmp_path / "a.mat", {"X": np.eye(5), "c": np.eye(5) * 1j})
    with pytest.raises(ValueError, match="has 'c', which key= names, as a complex array"):
        simulacra.load_data(tmp_path / "a.mat", key="c")
