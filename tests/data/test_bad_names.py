"""Names, options and publishers' files that are wrong: one sentence with file, field and mend."""

import gzip
import struct

import numpy as np
import pytest
from data_files import (
    RNG,
    amat_bytes,
    cifar_bytes,
    idx_bytes,
    write,
    write_binarized,
    write_cifar,
    write_folder,
    write_mnist,
)
from refusal import assert_refused

PIXELS = RNG.integers(0, 256, (20, 6, 5), np.uint8)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SIMULACRA_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


# ---- names and paths


def test_an_unknown_name_gets_the_nearest():
    assert_refused("fashion_mnist", "did you mean 'fashion-mnist'?")
    assert_refused("minst", "did you mean 'mnist'?")
    assert_refused("qqqqqq", "known names are digits")


def test_a_missing_data_set_says_where_it_was_sought_and_how_to_get_it(home):
    assert_refused(
        "mnist", "mnist was not found", str(home), "cache", "simulacra data get mnist", "SIMULACRA_DATA"
    )


def test_an_incomplete_data_set_names_the_file(home):
    write_mnist(home / "mnist")
    (home / "mnist" / "t10k-labels-idx1-ubyte.gz").unlink()
    assert_refused("mnist", "incomplete", "t10k-labels-idx1-ubyte", "simulacra data get mnist")


def test_paths_that_are_nothing(tmp_path):
    assert_refused(tmp_path / "no.csv", "no.csv", "does not exist")
    assert_refused(str(tmp_path / "nothing"), "does not exist")
    assert_refused(write(tmp_path / "a.docx", b"x"), "a.docx", "unknown extension '.docx'", ".csv")
    assert_refused(write(tmp_path / "a.npz.gz", b"x"), "unknown extension")


# ---- options


@pytest.mark.parametrize(
    "options, words",
    [
        ({"binarize": "static", "dequantize": "uniform"}, ["exclude each other"]),
        ({"binarize": "sometimes"}, ["binarize is 'sometimes'", "'dynamic'"]),
        ({"missing": "mask"}, ["missing='mask'"]),
        ({"threshold": 1.5}, ["threshold=1.5"]),
        ({"limit": 0}, ["limit=0"]),
        ({"size": 0}, ["size=0"]),
        ({"validation": 1.0e9}, ["validation"]),
        ({"validation": 0.6, "test": 0.5}, ["none of the 1797 rows"]),
        ({"label": "digit"}, ["label='digit'", "digits"]),
        ({"key": "x"}, ["key='x'"]),
        ({"standardize": True}, ["standardize=True", "Levels"]),
    ],
    ids=str,
)
def test_options_that_do_not_apply_to_digits(options, words):
    assert_refused("digits", *words, **options)


def test_options_that_do_not_apply_to_real_data(tmp_path):
    for binarize in ("static", "dynamic", "threshold"):
        assert_refused("ring", f"binarize='{binarize}'", "Real", binarize=binarize)
    assert_refused("ring", "dequantize", "Real", dequantize="uniform")
    assert_refused("ring", "size=", size=4)
    assert_refused("bars-and-stripes", "size=", size=2)
    assert_refused("ring", "condition='label' needs labels", condition="label")


def test_labels_that_are_missing_where_they_are_asked(home):
    write_binarized(home / "binarized_mnist", packed=True)
    assert_refused("binarized-mnist", "condition='label' needs labels", condition="label")
    assert_refused(write_folder(home / "p"), "class subfolders", condition="label")


# ---- publishers' files


def spoil_images(home, content, zipped=False):
    write_mnist(home / "mnist", zipped=zipped)
    write(home / "mnist" / ("train-images-idx3-ubyte" + ".gz" * zipped), content)


IMAGES = idx_bytes(RNG.integers(0, 256, (40, 28, 28), np.uint8))


@pytest.mark.parametrize(
    "content, words",
    [
        (b"", ["is empty (0 bytes)"]),
        (b"\0\0", ["truncated", "magic number"]),
        (b"\x89PNG" + bytes(50), ["magic number", "0x89504e47"]),
        (IMAGES[:4] + struct.pack(">I", 40), ["truncated", "header"]),
        (IMAGES[:-5], ["truncated", "40x28x28"]),
        (IMAGES + b"\0", ["more bytes than the 40x28x28"]),
        (IMAGES[:4] + struct.pack(">3I", 2**31, 2**31, 2**31) + bytes(99), ["truncated"]),
        (IMAGES[:4] + struct.pack(">3I", 40, 784, 1) + IMAGES[16:], ["(40, 784, 1)", "(N, 28, 28)"]),
        (idx_bytes(np.zeros((39, 28, 28))), ["40 labels", "39 images"]),
    ],
    ids=range(9),
)
@pytest.mark.parametrize("zipped", [False, True])
def test_damaged_idx(home, content, words, zipped):
    if content and zipped:
        content = gzip.compress(content)
    spoil_images(home, content, zipped)
    assert_refused("mnist", "train-", *words)


def test_damaged_gzip(home):
    whole = gzip.compress(IMAGES)
    wrong = whole[:-8] + b"abcd" + whole[-4:]
    middle = len(whole) // 2
    for content in (whole[:middle], wrong, whole[:middle] + bytes(100) + whole[middle + 100 :]):
        spoil_images(home, content, zipped=True)
        assert_refused("mnist", "train-images-idx3-ubyte.gz is truncated or damaged")


def test_labels_off_the_classes(home):
    write_mnist(home / "mnist", zipped=False)
    write(home / "mnist" / "train-labels-idx1-ubyte", idx_bytes(np.full(40, 10)))
    assert_refused("mnist", "train-labels-idx1-ubyte", "label 10")


@pytest.mark.parametrize(
    "content, words",
    [
        (b"0 1 " * 196, ["392 digits in row 1"]),
        (amat_bytes(np.full((2, 784), 2)), ["other than 0 and 1 in row 1"]),
        (b"\n\n", ["no rows"]),
        (amat_bytes(np.zeros((3, 784), int))[:-300], ["in row 3"]),
        (b"0.0 " * 784, ["2352 digits in row 1"]),
    ],
    ids=range(5),
)
def test_damaged_amat(home, content, words):
    write_binarized(home / "binarized_mnist", packed=False)
    write(home / "binarized_mnist" / "binarized_mnist_valid.amat.gz", content, zipped=True)
    assert_refused("binarized-mnist", "binarized_mnist_valid.amat.gz", *words)


def test_damaged_packed_bits(home):
    folder = home / "binarized_mnist"
    folder.mkdir()
    np.savez(folder / "binarized_mnist_packed.npz", train=np.zeros((2, 98), np.uint8))
    assert_refused("binarized-mnist", "no array 'valid'")


def test_damaged_cifar_records(home):
    folder = home / "cifar10"
    write_cifar(folder)
    write(folder / "data_batch_2.bin", bytes(3000))
    assert_refused("cifar10", "data_batch_2.bin", "3000 bytes", "3073")
    write(folder / "data_batch_2.bin", cifar_bytes(np.zeros((3, 3072)), np.array([1, 2, 77])))
    assert_refused("cifar10", "data_batch_2.bin", "label 77 in record 3")
    write(folder / "data_batch_2.bin", b"")
    assert_refused("cifar10", "data_batch_2.bin is empty")


def test_damaged_olivetti(home):
    from scipy.io import savemat

    (home / "faces").mkdir()
    path = home / "faces" / "olivettifaces.mat"
    savemat(path, {"faces": np.zeros((10, 400))})
    assert_refused("olivetti", "'faces'", "(4096, 400)")
    path.write_bytes(path.read_bytes()[:300])
    assert_refused("olivetti", "olivettifaces.mat is truncated")
