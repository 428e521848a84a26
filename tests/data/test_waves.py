"""Recordings as rows: folders and files of .wav, windows, labels, splits and levels."""

import logging
import struct

import numpy as np
import pytest
import torch
from refusal import assert_refused
from wave_files import KEEP, LENGTHS, samples, wav_bytes, windows_of, write_wave, write_waves

from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.plain import Levels, Real
from simulacra.data import load_data
from simulacra.data.audio.wav import recording

# ---- rows


@pytest.mark.parametrize("tile", [1, 7, 23, 40])
def test_windows_are_the_samples_of_the_recordings_in_order(tmp_path, tile):
    arrays = write_waves(tmp_path, LENGTHS)
    wanted = np.stack([w for x in arrays for w in windows_of(x, tile)]) / 2**15
    data = load_data(tmp_path, tile=tile, **KEEP)
    assert data.space == Audio((tile,), 8000) and data.train.x.dtype == torch.float32
    assert np.array_equal(data.train.x.numpy(), wanted)
    assert data.applied == (f"windows of {tile:,} samples",) and data.preprocessing.steps == ()
    assert data.protocol("train").preprocessing == f"windows of {tile:,} samples"


def test_a_crop_is_the_middle(tmp_path):
    arrays = write_waves(tmp_path, LENGTHS)
    x = load_data(tmp_path, crop=18, **KEEP).train.x.numpy() * 2**15
    for row, whole in zip(x, arrays):
        start = (len(whole) - 18) // 2
        assert np.array_equal(row, whole[start : start + 18])


def test_recordings_of_one_length_need_no_window(tmp_path):
    arrays = write_waves(tmp_path, [50, 50, 50], rate=44100)
    data = load_data(tmp_path, **KEEP)
    assert data.space == Audio((50,), 44100) and data.applied == ()
    assert np.array_equal(data.train.x.numpy() * 2**15, np.stack(arrays))


RAMP = np.array([-1.0, -0.5, 0.0, 0.25, 0.75])
STORED = {
    "uint8": (RAMP * 128 + 128).astype(np.uint8),
    "int16": (RAMP * 2**15).astype(np.int16),
    "int32": (RAMP * 2**31).astype(np.int32),
    "float32": RAMP.astype(np.float32),
    "float64": RAMP,
}


@pytest.mark.parametrize("kind", STORED)
def test_every_sample_format_gives_the_same_wave(tmp_path, kind):
    write_wave(tmp_path / "a.WAV", STORED[kind])
    assert load_data(tmp_path, **KEEP).train.x.tolist() == [RAMP.tolist()]


def test_24_bits_are_read(tmp_path):
    """scipy writes none: the header by hand, little-endian triples."""
    values = (RAMP * 2**23).astype(np.int64)
    body = b"".join(int(v).to_bytes(3, "little", signed=True) for v in values) + b"\0"
    head = b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 24000, 3, 24)
    content = head + b"data" + struct.pack("<I", 15) + body
    (tmp_path / "a.wav").write_bytes(b"RIFF" + struct.pack("<I", len(content)) + content)
    assert load_data(tmp_path, **KEEP).train.x.tolist() == [RAMP.tolist()]


def test_chunks_that_hold_no_samples_are_skipped():
    x = samples(0, 50)
    content = wav_bytes(x)
    extra = b"cue " + struct.pack("<I", 4) + b"abcd"
    content = content[:4] + struct.pack("<I", len(content) - 8 + len(extra)) + content[8:] + extra
    assert np.array_equal(recording(content, "a.wav").x.numpy() * 2**15, x)


# ---- labels and splits


def test_class_folders_are_labels_and_part_folders_are_splits(tmp_path):
    for part, seeds in (("train", (0, 1)), ("test", (2,))):
        for k, name in enumerate(("owl", "wren")):
            for i in seeds:
                write_wave(tmp_path / part / name / f"{i}.wav", samples(10 * k + i, 45))
    data = load_data(tmp_path, tile=20, condition="label", validation=0)
    assert data.label_names == ("owl", "wren")
    assert data.train.c.tolist() == [0] * 4 + [1] * 4 and data.test.c.tolist() == [0] * 2 + [1] * 2
    wanted = np.stack([w for seed in (2, 12) for w in windows_of(samples(seed, 45), 20)])
    assert np.array_equal(data.test.x.numpy() * 2**15, wanted)


def test_windows_of_one_recording_stay_in_one_split(tmp_path):
    write_waves(tmp_path, [50 + i for i in range(20)])
    data = load_data(tmp_path, tile=9, validation=0.2, test=0.3, seed=5)
    files = {name: set(split.source_rows.files.tolist()) for name, split in data.splits.items()}
    assert all(files.values()) and sum(map(len, files.values())) == 20
    apart = load_data(tmp_path, tile=9, groups="file", validation=0.2, test=0.3, seed=5)
    assert apart.train.identity() == data.train.identity()


def test_speakers_are_kept_apart_by_their_names(tmp_path):
    for i in range(24):
        write_wave(tmp_path / f"{i % 3}_{'abcdefgh'[i % 8]}_{i}.wav", samples(i, 30))
    data = load_data(tmp_path, tile=10, groups="_([a-z])_", validation=0.2, test=0.2)
    heard = {k: {f.split("_")[1] for f in split.source_rows.files} for k, split in data.splits.items()}
    assert sum(map(len, heard.values())) == len(set.union(*heard.values())) == 8
    assert_refused(tmp_path, "does not match 0_a_0.wav", "every file's path", tile=10, groups="(x)")


def test_one_recording_is_split_in_time_or_not_at_all(tmp_path):
    x = write_wave(tmp_path / "long.wav", samples(3, 205))
    data = load_data(tmp_path / "long.wav", tile=10, time="start")
    assert data.name == "long" and [len(split) for split in data.splits.values()] == [16, 2, 2]
    assert np.array_equal(data.test.x.numpy() * 2**15, np.stack(windows_of(x, 10)[18:]))
    words = ["single recording, long.wav", "time='start'", "validation=0 and test=0"]
    assert_refused(tmp_path / "long.wav", *words, tile=10)
    assert len(load_data(tmp_path / "long.wav", **KEEP).train) == 1
    assert_refused(tmp_path, "single recording", "add recordings", tile=10)


def test_silence_is_no_copy(tmp_path, caplog):
    for i in range(12):
        write_wave(tmp_path / f"{i}.wav", np.concatenate([np.zeros(30, np.int16), samples(i, 30)]))
    with caplog.at_level(logging.WARNING, "simulacra"):
        load_data(tmp_path, tile=15)
    assert "stand" not in caplog.text
    write_wave(tmp_path / "again.wav", samples(0, 30))
    with caplog.at_level(logging.WARNING, "simulacra"):
        for seed in range(5):
            load_data(tmp_path, tile=15, seed=seed)
    assert "rows stand in two splits" in caplog.text


def test_the_log_says_what_is_kept(tmp_path, caplog):
    write_waves(tmp_path, LENGTHS)
    with caplog.at_level(logging.INFO, "simulacra"):
        load_data(tmp_path, tile=25, **KEEP)
    assert (
        "4 recordings, 8,000 samples a second, 23 to 61 samples, 0.0 s in all; windows of 25 samples: 5 rows "
        "with 73% of the samples, 0 kB; 1 shorter recording left out" in caplog.text
    )


# ---- levels and numbers


def test_mu_law_gives_levels_and_nothing_is_standardized_unless_asked(tmp_path):
    write_waves(tmp_path, LENGTHS)
    whole = load_data(tmp_path, tile=10, **KEEP)
    codes = load_data(tmp_path, tile=10, mu_law=32, **KEEP)
    assert codes.space == Levels((10,), 32) and codes.preprocessing.raw == whole.space
    assert str(codes).endswith("windows of 10 samples, mu-law 32")
    batch = codes.train.all()
    assert batch.x.dtype == torch.uint8 and int(batch.x.max()) == 31
    error = (codes.preprocessing.inverse(batch.x) - whole.train.x).abs().max()
    assert 0 < error < 0.15
    scaled = load_data(tmp_path, tile=10, standardize=True, **KEEP)
    x = scaled.train.all().x
    # one mean and one deviation for all samples, wherever in the window they stand
    assert scaled.space == Real((10,)) and len(scaled.preprocessing.steps[0].shift) == 1
    assert abs(x.mean()) < 1e-5 and abs(x.std(correction=0) - 1) < 1e-5


def test_options_that_do_not_apply(tmp_path):
    write_waves(tmp_path, LENGTHS)
    assert_refused(tmp_path, "mu_law= exclude each other", tile=10, mu_law=256, standardize=True)
    assert_refused(tmp_path, "mu_law=1 must be from 2", tile=10, mu_law=1)
    assert_refused(tmp_path, "binarize='dynamic' needs 256 levels", tile=10, binarize="dynamic")
    assert_refused(tmp_path, "dequantize needs 256 levels", tile=10, dequantize="uniform")
    assert_refused(tmp_path, "size=9 is no option of", "a folder of recordings", size=9)
    assert_refused(tmp_path, "grey=True is no option of", grey=True, tile=10)
    assert_refused(tmp_path, "levels=4", "leave it out", levels=4, tile=10)
    assert_refused(tmp_path, "label='a'", "leave it out", label="a", tile=10)
    assert_refused(tmp_path, "missing='mask'", missing="mask", tile=10)
    assert_refused(tmp_path, "crop= and tile= exclude each other", crop=3, tile=10)
    for name in ("digits", "ring"):
        assert_refused(name, "mu_law=256 applies to recordings", name, mu_law=256)
