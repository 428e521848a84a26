"""Frames before each frame as its condition, and what corruptions make of x."""

import numpy as np
import pytest
import torch
from pair_files import KEEP, ROWS, chw, pixels, write_image

from simulacra import load_data
from simulacra.core.corruption.parse import parse
from simulacra.core.spaces.plain import Levels


def write_film(folder, n=ROWS, name="f{}.png"):
    """Frames whose names are numbered without zeros."""
    return np.stack([write_image(folder / name.format(i), pixels(i, 4, 3)) for i in range(n)])


def frames_of(data, n):
    """The numbers of the frames of each split by their content, and those before them."""
    kept = {}
    for name, split in data.splits.items():
        batch = split.rows(torch.arange(len(split)))
        kept[name] = (batch.x.numpy(), batch.c.numpy().reshape(len(split), n, *batch.x.shape[1:]))
    return kept


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("n", [1, 3])
def test_conditions_are_the_frames_before_in_the_order_of_their_numbers(tmp_path, n, stream):
    film = chw(write_film(tmp_path))
    data = load_data(tmp_path, condition=f"past:{n}", stream=stream, validation=5, test=6)
    assert data.condition == Levels((n, 4, 3), 256)
    at = {x.tobytes(): i for i, x in enumerate(film)}
    last = -1
    for name in ("train", "valid", "test"):
        x, c = frames_of(data, n)[name]
        numbers = [at[row.tobytes()] for row in x]
        for t, before in zip(numbers, c):
            assert np.array_equal(before, film[t - n : t])
        # no frame of a window stands in another split
        assert min(numbers) - n > last
        last = max(numbers)
    assert last == ROWS - 1


def test_sequences_of_folders_do_not_run_into_each_other(tmp_path):
    films = [chw(write_film(tmp_path / "a", 7)), chw(write_film(tmp_path / "b", 9))]
    data = load_data(tmp_path, condition="past:2", **KEEP)
    assert len(data.train) == 5 + 7
    x, c = frames_of(data, 2)["train"]
    wanted = [(film[t], film[t - 2 : t]) for film in films for t in range(2, len(film))]
    assert all(np.array_equal(*pair) for pair in zip(x, [now for now, _ in wanted]))
    assert all(np.array_equal(*pair) for pair in zip(c, [before for _, before in wanted]))


def test_frames_of_an_array_and_their_groups(tmp_path):
    frames = np.random.default_rng(0).normal(size=(24, 3))
    np.savez(tmp_path / "a.npz", x=frames, clip=np.arange(24) // 8)
    data = load_data(tmp_path / "a.npz", key="x", condition="past:2", groups="clip", validation=0.3, test=0.3)
    clips = {name: {n // 8 for n in s.source_rows.numbers.tolist()} for name, s in data.splits.items()}
    assert sorted(clip for held in clips.values() for clip in held) == [0, 1, 2]
    for name, split in data.splits.items():
        numbers = split.source_rows.numbers.tolist()
        assert {(n - k) // 8 for n in numbers for k in (1, 2)} == clips[name]
        for n, c in zip(numbers, split.c.double().numpy()):
            assert np.allclose(c, frames[n - 2 : n].ravel())
    some = load_data(tmp_path / "a.npz", key="x", condition="past:2", limit=3, validation=4, test=4)
    assert all(len(split) <= 3 for split in some.splits.values())


@pytest.mark.parametrize("text", ["downscale:2", "edges", "blur:1.5", "mask:0.3", "noise:0.1", "salt:0.2"])
def test_what_is_made_of_x_is_made_once(tmp_path, text):
    x = chw(write_film(tmp_path))
    first, again = (load_data(tmp_path, condition=text, **KEEP) for _ in range(2))
    streamed = load_data(tmp_path, condition=text, stream=True, **KEEP)
    assert torch.equal(first.train.c, again.train.c) and first.train.c.dtype == torch.uint8
    c = streamed.train.rows(torch.tensor([3, 1])).c
    assert torch.equal(c, first.train.c[torch.tensor([3, 1])])
    (batch,) = streamed.train.read([torch.tensor([3, 1])])
    assert torch.equal(batch.c, c)
    # another seed makes another noise, and nothing else changes
    other = load_data(tmp_path, condition=text, seed=1, **KEEP)
    by_x = {row.tobytes(): c for row, c in zip(other.train.x.numpy(), other.train.c)}
    same = all(torch.equal(by_x[row.tobytes()], c) for row, c in zip(first.train.x.numpy(), first.train.c))
    assert same == (text.split(":")[0] in ("downscale", "edges", "blur"))
    assert len(x) == len(first.train)


def test_a_fixed_corruption_is_that_of_core():
    data = load_data("digits", condition="downscale:4")
    made = parse("downscale:4").apply(data.test.x, None, data.preprocessing.raw)
    assert torch.equal(data.test.c, made) and data.condition == Levels((1, 8, 8), 17)


def test_the_condition_is_made_of_what_x_became():
    data = load_data("digits", condition="downscale:2", binarize="threshold")
    assert set(data.train.c.unique().tolist()) <= {0, 1}
    small = load_data("digits", condition="edges", size=4)
    assert small.space.shape == small.condition.shape == (1, 4, 4)
