"""Recordings as pairs: two folders of the same names, and mixtures with noise of which one is held out."""

import numpy as np
import pytest
import torch
from pair_files import KEEP, write_noises, write_wave

from simulacra import load_data
from simulacra.core.errors.suggestion import Refusal
from simulacra.core.spaces.audio import Audio

N, T = 12, 150


@pytest.fixture
def speech(tmp_path):
    for i in range(N):
        write_wave(tmp_path / "clean" / f"{i}.wav", i, T)
        write_wave(tmp_path / "noisy" / f"{i}.wav", 100 + i, T)
    write_noises(tmp_path / "noises")
    return tmp_path


@pytest.mark.parametrize("cut", [{}, {"tile": 40}, {"crop": 60}])
def test_windows_of_a_pair_are_at_one_place(speech, cut):
    data = load_data(speech / "clean", condition=f"folder:{speech / 'noisy'}", validation=2, test=2, **cut)
    alone = load_data(speech / "noisy", validation=2, test=2, **cut)
    assert data.condition == data.space == Audio((cut.get("tile") or cut.get("crop") or T,), 8000)
    for name, split in data.splits.items():
        assert np.array_equal(split.source_rows.files, alone[name].source_rows.files)
        assert torch.equal(split.c, alone[name].x)


def test_recordings_of_a_pair_have_one_length_and_rate(speech):
    write_wave(speech / "noisy" / "3.wav", 3, T - 10)
    with pytest.raises(ValueError, match=r"3.wav has 150 samples .* its partner .* has 140"):
        load_data(speech / "clean", condition=f"folder:{speech / 'noisy'}", tile=40)
    write_wave(speech / "noisy" / "3.wav", 3, T, rate=16000)
    with pytest.raises(ValueError, match="at 16,000 Hz"):
        load_data(speech / "clean", condition=f"folder:{speech / 'noisy'}", tile=40)


def ratio(data, split):
    """Decibels of each row over its noise, and the noise."""
    x, c = data[split].x.double(), data[split].c.double()
    noise = c - x
    return 10 * torch.log10(x.square().mean(1) / noise.square().mean(1)), noise


@pytest.mark.parametrize("level", [0, 5, 20])
def test_noise_is_mixed_at_the_level_and_one_is_for_tests_alone(speech, level):
    given = f"mix:{speech / 'noises'}:{level}:hum"
    data = load_data(speech / "clean", condition=given, tile=50, validation=3, test=3)
    for split in data.splits:
        found, noise = ratio(data, split)
        assert torch.allclose(found, torch.full_like(found, level), atol=0.01)
        # the hum has two values, the others have many
        two = [len(row.div(row.abs().max()).mul(50).round().unique()) <= 2 for row in noise]
        assert all(two) if split == "test" else not any(two)
    again = load_data(speech / "clean", condition=given, tile=50, validation=3, test=3)
    assert torch.equal(again.train.c, data.train.c)
    every = load_data(
        speech / "clean", condition=f"mix:{speech / 'noises'}:{level}", tile=50, validation=3, test=3
    )
    assert not torch.equal(every.train.c, data.train.c) and torch.equal(every.train.x, data.train.x)
    assert "hum in the test split alone" in data.notes["condition"]


def test_noise_of_a_higher_rate_is_resampled_and_of_a_lower_one_refused(speech):
    t = np.arange(3200)
    (speech / "high").mkdir()
    for rate, folder in ((16000, "high"), (4000, "low")):
        write_noises(speech / folder, rate)
    from scipy.io import wavfile

    for path in (speech / "high").glob("*.wav"):
        path.unlink()
    # of these two tones 8,000 samples a second hold the first alone
    wave = np.sin(2 * np.pi * 500 * t / 16000) + np.sin(2 * np.pi * 7000 * t / 16000)
    wavfile.write(speech / "high" / "tones.wav", 16000, (wave * 2**13).astype(np.int16))
    data = load_data(speech / "clean", condition=f"mix:{speech / 'high'}:0", tile=64, **KEEP)
    power = torch.fft.rfft(ratio(data, "train")[1]).abs().square()
    tone = 500 * 64 // 8000
    assert bool((power[:, tone - 2 : tone + 3].sum(1) > 0.95 * power.sum(1)).float().mean() > 0.9)
    with pytest.raises(ValueError, match="4,000 samples a second, fewer than the 8,000"):
        load_data(speech / "clean", condition=f"mix:{speech / 'low'}:0", tile=64)


def test_only_the_recordings_of_the_folder_itself_are_noise(speech):
    first = load_data(speech / "clean", condition=f"mix:{speech / 'noises'}:3", **KEEP)
    write_wave(speech / "noises" / "speech" / "1.wav", 5, 90)
    again = load_data(speech / "clean", condition=f"mix:{speech / 'noises'}:3", **KEEP)
    assert torch.equal(first.train.c, again.train.c)


def test_noise_that_is_not_there_is_refused(speech):
    with pytest.raises(Refusal, match="only hum, ramp, steps") as refused:
        load_data(speech / "clean", condition=f"mix:{speech / 'noises'}:3:humm")
    assert dict(refused.value.suggestions[0].options)["condition"].endswith(":3:hum")
    with pytest.raises(ValueError, match="not there"):
        load_data(speech / "clean", condition=f"mix:{speech / 'nothing'}:3")
    (speech / "empty").mkdir()
    with pytest.raises(ValueError, match="no recording"):
        load_data(speech / "clean", condition=f"mix:{speech / 'empty'}:3")
    with pytest.raises(ValueError, match="there is none"):
        load_data(speech / "clean", condition=f"mix:{speech / 'noises'}:3:hum", **KEEP)
