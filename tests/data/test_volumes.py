"""Arrays of voxels, the toys of films and solids, and pictures of volumes as conditions."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import simulacra
from simulacra import Binary, Levels
from simulacra.data.drawn.moving_digits import FRAMES, films, moving_digits, places

R = np.random.default_rng(4)


@pytest.mark.parametrize("shape", [(20, 5, 6, 7), (20, 1, 3, 6, 2), (20, 6, 5, 7, 1)])
@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_arrays_of_voxels_are_volumes(tmp_path, shape, suffix):
    x = R.random(shape) < 0.3
    path = tmp_path / f"solids{suffix}"
    np.save(path, x) if suffix == ".npy" else np.savez(path, voxels=x)
    data = simulacra.load_data(path, test=0.0, validation=0.0)
    volumes = x[:, None] if len(shape) == 4 else x.transpose(0, 4, 1, 2, 3) if shape[-1] == 1 else x
    assert data.space == Binary(volumes.shape[1:])
    assert torch.equal(data.train.x, torch.from_numpy(volumes.astype(np.uint8)))


def test_grey_volumes_have_levels():
    data = simulacra.load_data(R.integers(0, 256, (20, 5, 6, 7)).astype(np.uint8))
    assert data.space == Levels((1, 5, 6, 7), 256)


def test_images_with_an_alpha_channel_are_no_volumes():
    with pytest.raises(ValueError, match="leave an alpha channel out"):
        simulacra.load_data(R.integers(0, 256, (20, 8, 8, 4)).astype(np.uint8))


def test_a_view_of_what_is_no_volume_is_refused():
    with pytest.raises(ValueError, match="needs volumes"):
        simulacra.load_data(R.integers(0, 256, (20, 8, 8)).astype(np.uint8), condition="view")


def test_digits_bounce():
    x, digit = films(3, seed=2, frames=9, side=12)
    assert x.shape == (3, 9, 1, 12, 12) and len(digit) == 3
    # a digit keeps its ink
    assert (x.flatten(2).long().sum(2).unique(dim=1)).shape == (3, 1)
    there = places(torch.tensor([[0, 3]]), torch.tensor([[2, -1]]), 6, 4)[0]
    assert there.tolist() == [[0, 3], [2, 2], [4, 1], [2, 0], [0, 1], [2, 2]]


def test_windows_stay_in_their_film_and_split():
    data = simulacra.load_data("moving-digits", condition="past:4")
    whole = {name: part.rows.view(-1, FRAMES, 1, 16, 16) for name, part in moving_digits(0).parts.items()}
    for name, split in data.splits.items():
        x, c = split.x.view(-1, FRAMES - 4, 1, 16, 16), split.c.view(-1, FRAMES - 4, 4, 16, 16)
        assert torch.equal(x, whole[name][:, 4:])
        assert torch.equal(c[:, 0, 0], whole[name][:, 0, 0])
        assert torch.equal(c[:, 1:, 3], x[:, :-1, 0])
