"""Arrays are read as their writer meant them, or refused for the reason that is there."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import scipy.sparse
import torch
from refusal import assert_refused
from scipy.io import savemat

import simulacra
from simulacra.data.arrays.matlab import read_mat

FILES = Path(scipy.io.__file__).parent / "matlab" / "tests" / "data"
X = np.random.default_rng(0).normal(size=(40, 3))


def _compressed(path, stream):
    """The same file of one compressed variable with another stream."""
    content = path.read_bytes()
    path.write_bytes(content[:128] + struct.pack("<2I", 15, len(stream)) + stream)


@pytest.mark.fault("outside 1.w4.damaged")
@pytest.mark.parametrize("cut", ["longer", "shorter", "checksum", "empty"])
def test_a_compressed_variable_ends_where_its_tag_says(tmp_path, cut):
    path = tmp_path / "a.mat"
    savemat(path, {"x": X}, do_compression=True)
    content = path.read_bytes()
    element = zlib.decompress(content[136:])
    size = {"longer": len(element) - 8 - 24, "shorter": len(element), "empty": 0}.get(cut)
    tag = element[:4] + struct.pack("<I", len(element) - 8 if size is None else size)
    stream = zlib.compress(tag + element[8:])
    _compressed(path, stream[:-4] if cut == "checksum" else stream)
    assert_refused(path, "is truncated or damaged (a compressed element")


@pytest.mark.fault("outside 1.w4.damaged")
def test_a_damaged_file_of_scipy_is_refused():
    path = FILES / "corrupted_zlib_data.mat"
    if not path.is_file():
        pytest.skip("this scipy ships no test files")
    assert_refused(path, "is truncated or damaged", missing="mask")


def _sparse_logical(path):
    """Writes a sparse logical array as MATLAB does: its values are bytes, and their type says double."""
    dense = np.array([[1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 1, 0], [0, 1, 0, 1], [1, 0, 0, 0]], bool)
    held = scipy.sparse.csc_matrix(dense)
    pad = lambda content: content + b"\0" * (-len(content) % 8)
    element = lambda kind, content: struct.pack("<2I", kind, len(content)) + pad(content)
    body = element(6, struct.pack("<2I", 5 | 0x02 << 8, held.nnz)) + element(
        5, struct.pack("<2i", *dense.shape)
    )
    body += element(1, b"x") + element(5, held.indices.astype("<i4").tobytes())
    body += element(5, held.indptr.astype("<i4").tobytes()) + element(9, bytes([1] * held.nnz))
    path.write_bytes(b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM" + element(14, body))
    return dense


@pytest.mark.fault("outside 1.w4.valid")
def test_sparse_logical_arrays_are_read(tmp_path):
    dense = _sparse_logical(tmp_path / "a.mat")
    assert (read_mat(tmp_path / "a.mat")["x"] == dense).all()
    if (FILES / "logical_sparse.mat").is_file():
        (found,) = read_mat(FILES / "logical_sparse.mat").values()
        wanted = scipy.io.loadmat(FILES / "logical_sparse.mat")["sp_log_5_4"].toarray()
        assert (found == wanted).all()


@pytest.mark.fault("outside 1.w4.valid")
@pytest.mark.parametrize("words", ["MATLAB 7.0 MAT-file", "MATLAB 7.3 MAT-file", "Octave"])
@pytest.mark.parametrize("mark", [b"\x00\x02IM", b"\x02\x00MI"])
def test_the_version_of_the_header_tells_a_file_of_hdf5(tmp_path, words, mark):
    path = tmp_path / "a.mat"
    path.write_bytes(words.encode().ljust(124) + mark + b"\0" * 384 + b"\x89HDF\r\n\x1a\n" + b"\0" * 99)
    assert_refused(path, "is a MATLAB 7.3 file")
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + b"\0" * 99)
    assert_refused(path, "is a MATLAB 7.3 file")


@pytest.mark.fault("outside 1.w4.sparse")
def test_subclasses_of_arrays_are_read_and_sparse_ones_are_refused_in_a_sentence():
    wanted = simulacra.load_data(X)
    for given in (np.matrix(X), X.view(type("Mine", (np.ndarray,), {})), np.asfortranarray(X)):
        assert (simulacra.load_data(given).train.x == wanted.train.x).all()
    for given in (scipy.sparse.csr_matrix(X), scipy.sparse.coo_array(X)):
        assert_refused(given, "x is a sparse matrix: give x.toarray()")
    assert_refused(torch.tensor(X).to_sparse(), "give x.to_dense()")


@pytest.mark.fault("outside 1.w4.objects")
def test_an_array_of_objects_that_nobody_asks_for_is_left_out(tmp_path):
    path, names = tmp_path / "a.npz", np.array(["a", None], dtype=object)
    np.savez(path, X=X, x_names=names, y=np.arange(40) % 2, w=X[:9])
    assert len(simulacra.load_data(path, key="X", label="y", test=0, validation=0).train) == 40
    assert_refused(path, "holds Python objects in array 'x_names'", "or load it with key='X'")
    assert_refused(path, "holds Python objects", key="x_names")
    assert_refused(path, "holds Python objects", key="X", label="x_names")
    np.savez(path, a=names)
    assert_refused(path, "save numbers or strings.")


@pytest.mark.fault("outside 1.w3.8")
@pytest.mark.parametrize("shape", [(-1, 4), (4, -1), (-2, -2)])
def test_a_header_with_a_negative_length_is_damaged(tmp_path, shape):
    head = f"{{'descr':'<f4','fortran_order':False,'shape':{shape}}}\n".encode()
    path = tmp_path / "a.npy"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + b"\0" * 64)
    assert_refused(path, "is truncated or damaged in array 'a.npy'")


@pytest.mark.fault("outside 1.w4.number")
def test_the_arrays_that_are_listed_are_those_that_are_counted(tmp_path):
    np.savez(tmp_path / "a.npz", a=X, b=X[:, :2], w=np.ones((1, 1)), v=np.arange(7))
    assert_refused(tmp_path / "a.npz", "holds 2 arrays", "(a (40, 3), b (40, 2))")


@pytest.mark.fault("outside 1.w4.nan")
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_recording_with_a_value_that_is_not_finite_says_where(tmp_path, value):
    soundfile = pytest.importorskip("soundfile")
    wave = np.sin(np.arange(400) / 50) / 2
    wave[[5, 9]] = value
    soundfile.write(tmp_path / "a.wav", wave, 8000, subtype="FLOAT")
    said = "a.wav has a value that is not finite at sample 5 (from 0), one of 2"
    assert_refused(tmp_path / "a.wav", said, tile=50)
