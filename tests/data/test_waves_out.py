"""Models take recordings as they are stored and give waves that are written as files."""

import numpy as np
import pytest
import torch
from refusal import sentence_of
from scipy.io import wavfile
from wave_files import samples, write_wave, write_waves

import simulacra
from simulacra.core.spaces.audio import Audio, write_wav
from simulacra.data import load_data
from simulacra.data.audio.wav import recording


def test_int16_is_pcm_and_other_whole_numbers_are_not(tmp_path):
    arrays = write_waves(tmp_path, [40] * 20)
    data = load_data(tmp_path)
    model = simulacra.PPCA(data.space, latent=2)
    pcm = np.stack(arrays[:3])
    score = model.score_samples(pcm / np.float32(2**15))
    assert np.array_equal(model.score_samples(pcm), score)
    assert np.array_equal(model.score_samples(torch.from_numpy(pcm)), score)
    sentence_of(lambda: model.score_samples(pcm.astype(np.int32)), "needs numbers from -1 to 1", "int16")


@pytest.mark.parametrize("options", [{}, {"mu_law": 256}, {"standardize": True}], ids=str)
def test_samples_are_waves_that_go_in_again_and_become_files(tmp_path, options):
    write_waves(tmp_path / "in", [40] * 20)
    data = load_data(tmp_path / "in", **options)
    kind = simulacra.FVBN if options.get("mu_law") else simulacra.PPCA
    run = simulacra.fit(kind(data.space), data, epochs=1, out=tmp_path / "run")
    model = simulacra.load(tmp_path / "run")
    assert model.preprocessing.raw == Audio((40,), 8000)
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
