"""Recordings on the command line: described, trained on, and drawn as .wav files."""

import numpy as np
import pytest
from scipy.io import wavfile

from simulacra.models.catalog import CATALOG


@pytest.fixture
def birds(tmp_path):
    """Two kinds of songs of different lengths."""
    for k, name in enumerate(("owl", "wren")):
        for i in range(15):
            rng = np.random.default_rng(20 * k + i)
            t = np.arange(130 + 13 * i + 70 * k) / 4000
            x = 0.4 * np.sin(2 * np.pi * (200 + 150 * k) * t) + 0.05 * rng.standard_normal(len(t))
            path = tmp_path / "birds" / name / f"{i:02d}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            wavfile.write(path, 4000, (x * 2**15).astype(np.int16))
    return "birds"


@pytest.fixture
def drawn(cli, birds):
    """A run of a model of companded windows."""
    words = ["--data.tile", 50, "--data.mu-law", 16, "--epochs", 1, "--out", "run"]
    done = cli("train", "fvbn", birds, *words)
    assert done.code == 0 and "windows of 50 samples" in done.err, done.err
    return "run"


def test_one_sample_is_a_file(cli, drawn, tmp_path):
    done = cli("sample", drawn, "--seed", 3, "--out", "new/x.wav")
    assert done.code == 0 and done.out.strip() == "1 sample, seed 3: new/x.wav", done.err
    rate, x = wavfile.read(tmp_path / "new" / "x.wav")
    assert rate == 4000 and x.dtype == np.int16 and x.shape == (50,)
    assert cli("sample", drawn, "--seed", 3, "--n", 2, "--out", "x.npy").code == 0
    wanted = np.load(tmp_path / "x.npy")
    assert np.abs(x / 2**15 - wanted[0]).max() <= 1 / 2**15 and len(np.unique(wanted)) <= 16


def test_many_samples_are_a_folder(cli, drawn, tmp_path):
    done = cli("sample", drawn, "--n", 11, "--seed", 4, "--out", "songs/")
    assert done.code == 0, done.err
    files = sorted(path.name for path in (tmp_path / "songs").iterdir())
    assert files == [f"{i:02d}.wav" for i in range(11)]
    assert cli("sample", drawn, "--n", 11, "--seed", 4, "--out", "x.npy").code == 0
    for file, row in zip(files, np.load(tmp_path / "x.npy")):
        stored = wavfile.read(tmp_path / "songs" / file)[1] / 2**15
        assert np.abs(stored - row).max() <= 1 / 2**15
    again = cli("sample", drawn, "--n", 2, "--out", "songs/")
    assert again.code == 2 and "holds files already" in again.err


def test_what_is_no_recording_gives_no_wav(cli, drawn, tmp_path):
    done = cli("sample", drawn, "--n", 3, "--out", "x.wav")
    assert done.code == 2 and "takes one recording, but --n is 3" in done.err
    assert cli("train", "ppca", "ring", "--model.latent", 1, "--out", "plain").code == 0
    done = cli("sample", "plain", "--out", "x.wav")
    assert done.code == 2 and "x.wav is for recordings" in done.err and "Real(shape=(2,))" in done.err
    done = cli("sample", "plain", "--out", "many/")
    assert done.code == 2 and "is for images and recordings" in done.err
    assert not (tmp_path / "x.wav").exists() and not (tmp_path / "many").exists()


def test_lengths_that_differ_are_mended_by_an_option(cli, birds):
    done = cli("train", "ppca", birds)
    assert (
        done.code == 2
        and "for 15 windows add --data.tile 256 or" in done.err
        and "add --data.crop 130" in done.err
    )


FACTS = """\
data        birds, a folder of recordings
recordings  30 recordings, 4,000 samples a second, 130 to 382 samples, 1.9 s in all; windows of 256 samples: \
15 rows with 50% of the samples, 15 kB; 15 shorter recordings left out
space       Audio(shape=(256,), rate=4000)
values      -0.5319 to 0.5182
gaps        none
labels      owl (5), wren (10)
copies      0 within splits; no duplicates or near-duplicates across splits
splits      11 train, 2 valid, 2 test
"""


def test_inspect_describes_recordings_and_proposes_wavenet(cli, birds):
    done = cli("data", "inspect", birds)
    assert done.code == 0, done.err
    assert done.out.split("\n\n")[0] + "\n" == FACTS
    if "wavenet" in CATALOG:
        assert "simulacra train wavenet birds --data.tile 256 --data.mu_law 256  about" in done.out
    single = cli("data", "inspect", "birds/wren/14.wav")
    assert single.code == 0 and "a recording" in single.out, single.err
    assert "--data.tile 32 --data.time start" in single.out
