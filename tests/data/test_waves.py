"""Recordings as rows: folders and files of .wav, windows, splits, the named set, and what is refused."""

import logging
import struct
import zipfile

import numpy as np
import pytest
import torch
from data_files import write_image
from refusal import assert_refused, sentence_of
from scipy.io import wavfile
from wave_files import samples, wav_bytes, write_spoken, write_wave, write_waves

import simulacra
from simulacra.core.space import Levels, Real
from simulacra.core.waves import Wave, write_wav
from simulacra.data import load_data
from simulacra.data.audio.wav import recording
from simulacra.data.catalog.fetch import fetch

KEEP = {"validation": 0, "test": 0}
LENGTHS = [37, 50, 23, 61]


def windows_of(x: np.ndarray, n: int) -> list[np.ndarray]:
    return [x[i : i + n] for i in range(0, len(x) - n + 1, n)]


# ---- rows


@pytest.mark.parametrize("tile", [1, 7, 23, 40])
def test_windows_are_the_samples_of_the_recordings_in_order(tmp_path, tile):
    arrays = write_waves(tmp_path, LENGTHS)
    wanted = np.stack([w for x in arrays for w in windows_of(x, tile)]) / 2**15
    data = load_data(tmp_path, tile=tile, **KEEP)
    assert data.space == Wave((tile,), 8000) and data.train.x.dtype == torch.float32
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
    assert data.space == Wave((50,), 44100) and data.applied == ()
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
    words = ["single recording, long.wav", "time=start", "validation=0 and test=0"]
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


def test_mu_law_gives_levels_and_nothing_is_standardised_unless_asked(tmp_path):
    write_waves(tmp_path, LENGTHS)
    whole = load_data(tmp_path, tile=10, **KEEP)
    codes = load_data(tmp_path, tile=10, mu_law=32, **KEEP)
    assert codes.space == Levels((10,), 32) and codes.preprocessing.raw == whole.space
    assert str(codes).endswith("windows of 10 samples, mu-law 32")
    batch = codes.train.all()
    assert batch.x.dtype == torch.uint8 and int(batch.x.max()) == 31
    error = (codes.preprocessing.inverse(batch.x) - whole.train.x).abs().max()
    assert 0 < error < 0.15
    scaled = load_data(tmp_path, tile=10, standardise=True, **KEEP)
    x = scaled.train.all().x
    # one mean and one deviation for all samples, wherever in the window they stand
    assert scaled.space == Real((10,)) and len(scaled.preprocessing.steps[0].shift) == 1
    assert abs(x.mean()) < 1e-5 and abs(x.std(correction=0) - 1) < 1e-5


def test_options_that_do_not_apply(tmp_path):
    write_waves(tmp_path, LENGTHS)
    assert_refused(tmp_path, "mu_law= exclude each other", tile=10, mu_law=256, standardise=True)
    assert_refused(tmp_path, "mu_law=1 must be from 2", tile=10, mu_law=1)
    assert_refused(tmp_path, "binarize='dynamic' needs 256 levels", tile=10, binarize="dynamic")
    assert_refused(tmp_path, "dequantise needs 256 levels", tile=10, dequantise="uniform")
    assert_refused(tmp_path, "size=9 applies to images", "no recording is resampled", size=9)
    assert_refused(tmp_path, "grey=True applies to images", grey=True, tile=10)
    assert_refused(tmp_path, "levels=4", "leave it out", levels=4, tile=10)
    assert_refused(tmp_path, "label='a'", "leave it out", label="a", tile=10)
    assert_refused(tmp_path, "missing='mask'", missing="mask", tile=10)
    assert_refused(tmp_path, "crop= and tile= exclude each other", crop=3, tile=10)
    for name in ("digits", "ring"):
        assert_refused(name, "mu_law=256 applies to recordings", name, mu_law=256)


# ---- refusals


def test_lengths_that_differ_propose_what_these_recordings_allow(tmp_path):
    write_waves(tmp_path, LENGTHS)
    words = ["02.wav has 23 samples", "03.wav has 61", "9 windows", "tile=16", "crop=23"]
    assert_refused(tmp_path, *words, **KEEP)
    assert len(load_data(tmp_path, tile=16, **KEEP).train) == 9
    assert load_data(tmp_path, crop=23, **KEEP).train.x.shape == (4, 23)
    assert_refused(tmp_path, "02.wav has 23 samples, fewer than crop=24", "crop=23", "tile=16", crop=24)
    assert_refused(tmp_path, "tile=62", "03.wav, has 61", "tile=16", tile=62)


def test_a_part_without_a_window_is_named(tmp_path):
    write_waves(tmp_path / "train", [50, 60])
    write_waves(tmp_path / "test", [20, 30])
    assert_refused(tmp_path, "no recording of test is as long as tile=40", "30 samples", tile=40)


def test_rates_and_channels_must_agree(tmp_path):
    write_wave(tmp_path / "a.wav", samples(0, 50))
    write_wave(tmp_path / "b.wav", samples(1, 50), rate=16000)
    assert_refused(tmp_path, "a.wav has 8,000 samples a second", "b.wav has 16,000", "one rate")
    write_wave(tmp_path / "c" / "b.wav", samples(1, 50).reshape(25, 2))
    assert_refused(tmp_path / "c", "b.wav has 2 channels", "mono", "keep one channel")


WHOLE = wav_bytes(samples(9, 50))
BROKEN = {
    "empty": (b"", "is empty (0 bytes)"),
    "text": (b"no sound at all", "no recording of a known kind"),
    "truncated": (WHOLE[:-21], "truncated"),
    "between samples": (WHOLE[:-20], "truncated"),
    "header alone": (WHOLE[:44], "truncated"),
    "half a header": (WHOLE[:30], "truncated"),
    "riff": (WHOLE[:12], "truncated"),
    "no samples": (wav_bytes(samples(9, 0)), "holds 0 samples"),
    "no channels": (WHOLE[:22] + b"\0\0" + WHOLE[24:], "damaged"),
    "no rate": (WHOLE[:24] + bytes(8) + WHOLE[32:], "at 0 a second"),
    "mu-law inside": (WHOLE[:20] + b"\7\0" + WHOLE[22:], "16 bits in 2 bytes"),
    "beyond one": (wav_bytes(np.array([0.5, 1.5], np.float32)), "0.5 to 1.5"),
    "nan": (wav_bytes(np.array([0.5, np.nan], np.float32)), "-1 to 1"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_files_are_named_in_a_sentence(tmp_path, kind):
    content, words = BROKEN[kind]
    write_waves(tmp_path, [50, 50])
    (tmp_path / "bad.wav").write_bytes(content)
    assert_refused(tmp_path, "bad.wav", words)


def test_damage_anywhere_is_read_or_refused_in_a_sentence():
    generator = np.random.default_rng(2)
    for _ in range(400):
        content = bytearray(WHOLE)
        for at in generator.integers(0, 48, 3):
            content[at] = int(generator.integers(256))
        try:
            found = recording(bytes(content), "a.wav")
        except ValueError as error:
            assert "\n" not in str(error) and str(error).startswith("a.wav ")
        else:
            assert found.x.dim() == 1 and 0 < len(found) <= 100 and bool((found.x.abs() <= 1).all())


def test_images_and_recordings_do_not_mix(tmp_path):
    write_waves(tmp_path, [50, 50])
    write_image(tmp_path / "cover.png", 0)
    assert_refused(tmp_path, "images, such as cover.png", "recordings, such as 00.wav", "folder of its own")
    write_waves(tmp_path / "q" / "a", [50])
    write_waves(tmp_path / "q", [50])
    assert_refused(tmp_path / "q", "recordings both directly and in class folders")
    write_waves(tmp_path / "r" / "a", [50])
    (tmp_path / "r" / "b").mkdir()
    assert_refused(tmp_path / "r", "class folder", "holds no recordings")


# ---- what models take and give


def test_int16_is_pcm_and_other_whole_numbers_are_not(tmp_path):
    arrays = write_waves(tmp_path, [40] * 20)
    data = load_data(tmp_path)
    model = simulacra.PPCA(data.space, latent=2)
    pcm = np.stack(arrays[:3])
    score = model.score_samples(pcm / np.float32(2**15))
    assert np.array_equal(model.score_samples(pcm), score)
    assert np.array_equal(model.score_samples(torch.from_numpy(pcm)), score)
    sentence_of(lambda: model.score_samples(pcm.astype(np.int32)), "needs numbers from -1 to 1", "int16")


@pytest.mark.parametrize("options", [{}, {"mu_law": 256}, {"standardise": True}], ids=str)
def test_samples_are_waves_that_go_in_again_and_become_files(tmp_path, options):
    write_waves(tmp_path / "in", [40] * 20)
    data = load_data(tmp_path / "in", **options)
    kind = simulacra.FVBN if options.get("mu_law") else simulacra.PPCA
    run = simulacra.fit(kind(data.space), data, epochs=1, out=tmp_path / "run")
    model = simulacra.load(tmp_path / "run")
    assert model.preprocessing.raw == Wave((40,), 8000)
    x = model.sample(9, seed=2)
    model.preprocessing.raw.check(x)
    assert x.is_floating_point() and float(x.abs().max()) > 0.1
    assert np.isfinite(model.score_samples(x)).all() and run.model.sample(9, seed=2).equal(x)
    known = torch.arange(40) < 25
    completed = model.complete(x, known)
    model.preprocessing.raw.check(completed)
    assert torch.equal(completed[:, known], x[:, known])
    write_wav(x[0], 8000, tmp_path / "x.wav")
    rate, stored = wavfile.read(tmp_path / "x.wav")
    assert rate == 8000 and stored.dtype == np.int16
    # the level 32768 is one too many for a sign of 16 bits
    assert np.abs(stored / 2**15 - x[0].double().numpy()).max() <= 1 / 2**15


def test_what_was_read_is_written_to_the_last_bit(tmp_path):
    x = write_wave(tmp_path / "a.wav", samples(4, 301), rate=22050)
    write_wav(recording((tmp_path / "a.wav").read_bytes(), "a.wav").x, 22050, tmp_path / "b.wav")
    rate, again = wavfile.read(tmp_path / "b.wav")
    assert rate == 22050 and np.array_equal(again, x)
    sentence_of(
        lambda: write_wav(torch.zeros(2, 3), 8000, tmp_path / "c.wav"), "c.wav takes one wave", "(2, 3)"
    )
    sentence_of(lambda: write_wav([0, float("nan")], 8000, tmp_path / "c.wav"), "NaN")
    sentence_of(lambda: write_wav(torch.zeros(3), 8000, tmp_path / "no" / "c.wav"), "could not be written")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.wav", "b.wav"]


# ---- the Free Spoken Digit Dataset


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
    assert data.space == Wave((40,), 8000) and data.name == "fsdd"
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
    assert_refused("fsdd", "size=9", "no recording is resampled", size=9)
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
    assert len(data.train) == 2700 and len(data.test) == 300 and data.space == Wave((1148,), 8000)
    assert torch.bincount(data.test.labels).tolist() == [30] * 10
    speakers = {file.split("_")[1] for file in data.train.source_rows.files}
    assert speakers == {"george", "jackson", "lucas", "nicolas", "theo", "yweweler"}
    assert load_data("fsdd", tile=1024, validation=0).test.x.shape == (860, 1024)
