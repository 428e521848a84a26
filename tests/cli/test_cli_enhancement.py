"""Folders of clean and noisy recordings: trained on, scored, and recordings of any length cleaned."""

import importlib.util

import numpy as np
import pytest
from scipy.io import wavfile

RATE = 4000

if importlib.util.find_spec("simulacra.data.pairs") is None:
    pytest.skip("pairs are not read from folders yet", allow_module_level=True)


def write(folder, name, x):
    """Writes a recording of 16 bits."""
    folder.mkdir(exist_ok=True)
    wavfile.write(folder / name, RATE, (np.clip(x, -1, 1) * (2**15 - 1)).astype(np.int16))


@pytest.fixture
def pairs(tmp_path):
    """Thirty clean and noisy recordings of 64 samples under the same names, and a noisy one of 150."""
    rng = np.random.default_rng(5)
    for i in range(30):
        x = 0.5 * np.sin(2 * np.pi * (4 * np.arange(64) / 64 + rng.random()))
        write(tmp_path / "clean", f"{i:02d}.wav", x)
        write(tmp_path / "noisy", f"{i:02d}.wav", x + 0.2 * rng.standard_normal(64))
    long = 0.5 * np.sin(2 * np.pi * 4 * np.arange(150) / 64)
    write(tmp_path / "long", "a.wav", long + 0.2 * rng.standard_normal(150))
    return tmp_path


def test_noisy_folders_are_cleaned(cli, pairs):
    small = ["--model.channels", 2, "--model.kernel", 5, "--model.latent", 1, "--model.reference", 3]
    words = ["clean", "--data.condition", "folder:noisy", *small]
    done = cli("train", "segan", *words, "--epochs", 2, "--batch_size", 8, "--out", "run")
    assert done.code == 0, done.err
    done = cli("evaluate", "run")
    assert done.code == 0 and "segmental SNR" in done.out, done.out + done.err
    done = cli("translate", "run", "noisy", "--out", "cleaned")
    assert done.code == 0, done.err
    files = sorted(path.name for path in (pairs / "cleaned").iterdir() if path.suffix == ".wav")
    assert files == [f"{i:02d}.wav" for i in range(30)]
    rate, x = wavfile.read(pairs / "cleaned" / "07.wav")
    assert rate == RATE and x.shape == (64,) and len(np.unique(x)) > 5


def test_a_longer_recording_is_cleaned_in_windows(cli, pairs):
    small = ["--model.channels", 2, "--model.kernel", 5, "--model.latent", 0]
    words = ["clean", "--data.condition", "folder:noisy", *small, "--model.normalization", "layer"]
    assert cli("train", "segan", *words, "--epochs", 1, "--batch_size", 8, "--out", "run").code == 0
    done = cli("translate", "run", "long/a.wav", "--out", "a.wav")
    assert done.code == 0, done.err
    rate, x = wavfile.read(pairs / "a.wav")
    assert rate == RATE and x.shape == (150,)


def test_recordings_without_a_partner_are_refused(cli, pairs):
    (pairs / "noisy" / "07.wav").unlink()
    done = cli("train", "segan", "clean", "--data.condition", "folder:noisy", "--out", "run")
    assert done.code == 2 and "07" in done.err.splitlines()[-1], done.err
    done = cli("train", "segan", "clean", "--out", "run")
    last = done.err.splitlines()[-1]
    assert done.code == 2 and "needs a noisy recording as the condition" in last and last.endswith("."), last
