"""Answers for array files have the shape and the type of the file; one mask may be for all rows."""

from __future__ import annotations

import numpy as np
import pytest
from method_files import saved

import simulacra
from simulacra import Levels, Real

D = 6


def gaussian(path):
    """A VAE of vectors with random weights."""
    return saved(path, simulacra.VAE, Real((D,)), latent=2, hidden=(5,))


@pytest.mark.fault("outside 1.w2a.6")
@pytest.mark.parametrize("n", [4, D, 20, 1100])
def test_one_mask_is_for_all_rows(cli, tmp_path, n):
    model = gaussian(tmp_path / "m.safetensors")
    x = np.random.default_rng(0).normal(size=(n, D)).astype(np.float32)
    known = np.array([1, 1, 1, 0, 0, 1], bool)
    np.savez(tmp_path / "x.npz", x=x, known=known)
    done = cli("complete", "m.safetensors", "x.npz", "--seed", 1, "--out", "o.npy")
    assert done.code == 0, done.err
    expected = model.complete(x, known=np.tile(known, (n, 1)), seed=1).numpy()
    found = np.load(tmp_path / "o.npy")
    assert np.array_equal(found, expected) and np.array_equal(found[:, known], x[:, known])


@pytest.mark.fault("outside 1.w2a.6")
def test_masks_of_images_have_the_shape_of_the_file(cli, tmp_path):
    space = Levels((1, 4, 3), 256)
    model = saved(tmp_path / "m.safetensors", simulacra.VAE, space, latent=2, hidden=(5,))
    rng = np.random.default_rng(0)
    x, known = rng.integers(0, 256, (5, 4, 3), dtype=np.uint8), rng.random((5, 4, 3)) < 0.5
    for name, array, mask, every in (
        ("as the file", x, known, known[:, None]),
        ("as rows", x[:, None], known[:, None], known[:, None]),
        ("rows for a file without channels", x, known[:, None], known[:, None]),
        ("one for all", x, known[0], np.broadcast_to(known[:1, None], (5, 1, 4, 3))),
        ("channels last", x[..., None], known[..., None], known[:, None]),
    ):
        np.savez(tmp_path / "x.npz", x=array, known=mask)
        done = cli("complete", "m.safetensors", "x.npz", "--seed", 1, "--out", "o.npz")
        assert done.code == 0, (name, done.err)
        expected = model.complete(x[:, None], known=every, seed=1).numpy()
        found = np.load(tmp_path / "o.npz")["x"]
        assert np.array_equal(found, expected.reshape(array.shape)) and found.dtype == array.dtype, name
    np.savez(tmp_path / "x.npz", x=x, known=known[:, :2])
    done = cli("complete", "m.safetensors", "x.npz", "--out", "bad.npz")
    assert done.code == 2 and "'known' of shape (5, 2, 3), but 'x' has (5, 4, 3)" in done.err
    assert "give one of that shape, or one of shape (4, 3) for all rows" in done.err


@pytest.mark.fault("outside 1.w2a.7")
@pytest.mark.parametrize("shape", [(5, 4, 3), (5, 4, 3, 1), (5, 1, 4, 3)], ids=str)
@pytest.mark.parametrize("dtype", ["uint16", "int64", "float64", ">u2"])
def test_an_array_comes_back_as_it_was_given(cli, tmp_path, shape, dtype):
    model = saved(tmp_path / "m.safetensors", simulacra.VAE, Levels((1, 4, 3), 2**16), latent=2, hidden=(5,))
    x = np.random.default_rng(1).integers(0, 2**16, shape).astype(dtype)
    np.save(tmp_path / "x.npy", x)
    words = ("complete", "m.safetensors", "x.npy", "--known", "lower", "--seed", 1, "--out", "o.npy")
    assert cli(*words).code == 0
    found = np.load(tmp_path / "o.npy")
    assert found.shape == x.shape and found.dtype == x.dtype
    from simulacra.exploration.pictures.completion import known_part

    rows = x.astype(np.int64).reshape(5, 1, 4, 3)
    expected = model.complete(rows, known=known_part(model.space, "lower"), seed=1).numpy()
    assert np.array_equal(found, expected.reshape(shape))
    assert cli(*words[:-1], "two.npy", "--n", 2).code == 0
    assert np.load(tmp_path / "two.npy").shape == (2, *shape)


@pytest.mark.fault("outside 1.w2a.7")
def test_numbers_keep_their_precision_where_they_are_known(cli, tmp_path):
    gaussian(tmp_path / "m.safetensors")
    for dtype in ("float64", "float32", "float16"):
        x = np.random.default_rng(2).normal(size=(7, D)).astype(dtype)
        x[2, 1] = x[3, 4] = np.nan
        np.save(tmp_path / "x.npy", x)
        assert cli("complete", "m.safetensors", "x.npy", "--seed", 1, "--out", "o.npy").code == 0
        found, there = np.load(tmp_path / "o.npy"), ~np.isnan(x)
        assert np.isfinite(found).all() and (found[there] == x[there]).all(), dtype
