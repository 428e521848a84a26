"""Ways out of a refusal load the data at once, and the splits that are wanted have rows."""

from __future__ import annotations

import numpy as np
import pytest
from data_suggestions import motion_text, wave_bytes

import simulacra
from simulacra.core.errors.suggestion import Refusal
from simulacra.data.inspection.facts import inspect_data

pytestmark = pytest.mark.fault("outside 2.9")


def followed(path, **options):
    """The data of each way out of the refusal of a file, with the options of the way."""
    with pytest.raises(Refusal) as caught:
        simulacra.load_data(path, **options)
    ways = [dict(way.options) for way in caught.value.suggestions]
    assert ways
    return [(way, simulacra.load_data(path, **{**options, **way})) for way in ways]


@pytest.mark.parametrize("frames", [12, 50, 310])
@pytest.mark.parametrize("options", [{}, {"every": 2}, {"validation": 0}, {"validation": 0, "test": 0}])
def test_a_single_motion(tmp_path, frames, options):
    path = tmp_path / "one.bvh"
    path.write_text(motion_text(frames))
    (_, data), *others = followed(path, **options)
    assert not others and data.space.shape[0] >= 2
    if frames > 12:
        names = {"valid": "validation", "test": "test"}
        assert set(data.splits) == {
            "train",
            *(split for split, share in names.items() if share not in options),
        }


@pytest.mark.parametrize("options", [{}, {"frames": 4}, {"every": 3}, {"test": 0, "validation": 0}])
def test_a_single_motion_is_inspected(tmp_path, options):
    path = tmp_path / "one.bvh"
    path.write_text(motion_text(90))
    found = inspect_data(path, **options)
    assert ("frames" in found.added) is ("frames" not in options)
    assert ("time" in found.added) is ("test" not in options)
    simulacra.load_data(path, **options, **found.added)


@pytest.mark.parametrize("samples", [3000, 40])
def test_a_single_recording(tmp_path, samples):
    path = tmp_path / "one.wav"
    path.write_bytes(wave_bytes(samples))
    ways = followed(path)
    end = [data for way, data in ways if way.get("time") == "start"]
    assert end and all(set(data.splits) == {"train", "valid", "test"} for data in end)


def test_the_end_is_offered_where_it_has_rows(tmp_path):
    path = tmp_path / "one.bvh"
    path.write_text(motion_text(40))
    assert [way for way, _ in followed(path, frames=20)] == [{"validation": 0, "test": 0}]
    assert {"time": "start"} in [way for way, _ in followed(path, frames=4)]


@pytest.mark.parametrize("tokens, window", [(80, 16), (80, 27), (11, 4), (3000, 900)])
def test_windows_of_a_text_have_the_splits_that_are_said(tmp_path, tokens, window):
    path = tmp_path / "said.txt"
    path.write_text("".join(np.random.default_rng(tokens).choice(list("abcdef"), tokens)))
    data = simulacra.load_data(path, tokens="characters", window=window)
    assert "the last ones test" in data.notes["read as"]
    assert {name: len(split) for name, split in data.splits.items()}.keys() == {"train", "valid", "test"}
    kept = simulacra.load_data(path, tokens="characters", window=window, validation=0)
    assert set(kept.splits) == {"train", "test"}


@pytest.mark.parametrize("tokens, window", [(80, 40), (7, 6), (500, 400)])
def test_shorter_windows_are_advised_that_make_splits(tmp_path, tokens, window):
    path = tmp_path / "said.txt"
    path.write_text("".join(np.random.default_rng(tokens).choice(list("abcdef"), tokens)))
    for _, data in followed(path, tokens="characters", window=window):
        assert set(data.splits) == {"train", "valid", "test"}
