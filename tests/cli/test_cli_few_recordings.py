"""Few long recordings: windows are suggested, and a missing test split is explained."""

import numpy as np
import pytest
from scipy.io import wavfile

from simulacra import load_data
from simulacra.core.errors.suggestion import Refusal

pytestmark = pytest.mark.fault("doors 2.hour")


@pytest.fixture
def recordings(tmp_path):
    """Four recordings of one length."""
    folder = tmp_path / "recordings"
    folder.mkdir()
    for i in range(4):
        x = 0.3 * np.sin(np.arange(16_000) / (3 + i)) + 0.01 * np.random.default_rng(i).normal(size=16_000)
        wavfile.write(folder / f"{i}.wav", 16_000, (x * 2**15).astype(np.int16))
    return folder


def test_windows_are_suggested(cli, recordings):
    done = cli("data", "inspect", "recordings")
    assert done.code == 0, done.err
    assert "windows of 1,024 samples: 60 rows" in done.out and "30 train, 15 valid, 15 test" in done.out
    lines = [line for line in done.out.splitlines() if "simulacra train" in line]
    assert lines and all("--data.tile 1024" in line for line in lines)


def test_a_given_window_stays(cli, recordings):
    done = cli("data", "inspect", "recordings", "--data.tile", 500)
    assert done.code == 0 and "windows of 500 samples" in done.out


def test_a_missing_split_is_refused_with_the_option_that_makes_it(recordings):
    data = load_data(recordings)
    with pytest.raises(Refusal, match="has no split 'test'; it has train: ") as caught:
        _ = data.test
    (way,) = caught.value.suggestions
    assert dict(way.options) == {"test": 1}
    assert len(load_data(recordings, **dict(way.options)).test) == 1


def test_of_many_rows_a_share_is_suggested():
    data = load_data(np.random.default_rng(0).normal(size=(90, 3)), validation=0, test=0)
    for split, option in (("test", "test"), ("valid", "validation")):
        with pytest.raises(Refusal) as caught:
            _ = data[split]
        assert dict(caught.value.suggestions[0].options) == {option: 0.1}
    with pytest.raises(ValueError, match=r"no split 'trian'; it has train: choose one of these\.$"):
        _ = data["trian"]
