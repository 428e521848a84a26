"""Recordings that cannot be used are refused in a sentence that names the file and the mend."""

import numpy as np
import pytest
from data_files import write_image
from refusal import assert_refused
from wave_files import KEEP, LENGTHS, samples, wav_bytes, write_wave, write_waves

from simulacra.data import load_data
from simulacra.data.audio.wav import recording


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
    "nan": (wav_bytes(np.array([0.5, np.nan], np.float32)), "not finite at sample 1"),
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
