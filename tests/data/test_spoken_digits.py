"""The Free Spoken Digit Dataset: its labels, speakers, official parts and broken archives."""

import zipfile

import numpy as np
import pytest
import torch
from refusal import assert_refused, sentence_of
from wave_files import windows_of, write_spoken

from simulacra.core.spaces.audio import Audio
from simulacra.data import load_data
from simulacra.data.catalog.fetch import fetch


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SIMULACRA_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "cache"))
    return tmp_path


@pytest.mark.parametrize("prefix", ["recordings/", "free-spoken-digit-dataset-1.0/recordings/"])
def test_spoken_digits_have_labels_speakers_and_official_parts(home, prefix):
    kept = write_spoken(home / "fsdd" / "fsdd_recordings.zip", prefix=prefix)
    data = load_data("fsdd", tile=40, condition="label", validation=0)
    for split, official in ((data.train, lambda i: i >= 5), (data.test, lambda i: i < 5)):
        names = [n for n in sorted(kept) if official(int(n[:-4].split("_")[2]))]
        wanted = [(n, w) for n in names for w in windows_of(kept[n], 40)]
        assert np.array_equal(split.x.numpy() * 2**15, np.stack([w for _, w in wanted]))
        assert split.source_rows.files.tolist() == [n for n, _ in wanted]
        assert [data.label_names[c] for c in split.c] == [n[0] for n, _ in wanted]
    assert data.space == Audio((40,), 8000) and data.name == "fsdd"
    valid = load_data("fsdd", tile=40, validation=0.3)
    heard = [set(valid[name].source_rows.files.tolist()) for name in ("train", "valid")]
    assert heard[1] and not heard[0] & heard[1]


def test_spoken_digits_need_a_window_and_a_whole_archive(home):
    path = home / "fsdd" / "fsdd_recordings.zip"
    words = ["fsdd was not found", "fsdd/fsdd_recordings.zip", "github.com/Jakobovski", "SIMULACRA_DATA"]
    assert_refused("fsdd", *words)
    sentence_of(lambda: fetch("fsdd"), "cannot be fetched", "github.com/Jakobovski")
    write_spoken(path)
    assert_refused("fsdd", "differ in length", "0_ann_0.wav in", "tile=64", "crop=90")
    assert_refused("fsdd", "size=9 is no option of fsdd", size=9)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert_refused("fsdd", "truncated or no zip file", "fetch it again", tile=40)
    path.write_bytes(whole[:300] + bytes(40) + whole[340:])
    assert_refused("fsdd", "fsdd_recordings.zip", tile=40)
    write_spoken(path, indices=range(3))
    assert_refused("fsdd", "lacks recordings/DIGIT_SPEAKER_INDEX.wav", tile=40)


def test_an_archive_that_unpacks_to_too_much_is_not_unpacked(home, monkeypatch):
    path = home / "fsdd" / "fsdd_recordings.zip"
    path.parent.mkdir(parents=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(9):
            archive.writestr(f"recordings/0_ann_{i}.wav", bytes(2**25))
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda *a, **k: pytest.fail("it was unpacked"))
    assert path.stat().st_size < 2**20
    assert_refused("fsdd", "would unpack to more than 256 MiB", tile=40)


def test_the_published_recordings(real_data):
    """3,000 recordings of 1,312 s, 50 of each digit and speaker, 5 of them tested."""
    real_data("fsdd/fsdd_recordings.zip")
    data = load_data("fsdd", crop=1148, validation=0)
    assert len(data.train) == 2700 and len(data.test) == 300 and data.space == Audio((1148,), 8000)
    assert torch.bincount(data.test.labels).tolist() == [30] * 10
    speakers = {file.split("_")[1] for file in data.train.source_rows.files}
    assert speakers == {"george", "jackson", "lucas", "nicolas", "theo", "yweweler"}
    assert load_data("fsdd", tile=1024, validation=0).test.x.shape == (860, 1024)
