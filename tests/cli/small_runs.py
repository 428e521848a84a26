"""Small data of every kind, and a brief training of any model of the catalogue from the command line."""

import inspect

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat, wavfile

# by the name of an argument; of two layers where it has several values
SMALL = {
    "hidden": 3, "irrelevant": 2, "components": 2, "features": 2, "filters": 3, "kernel": 3, "kernels": 2,
    "pool": 3, "pools": (2, 1), "state": 4, "steps": 3, "mean_field_steps": 3, "hidden_steps": 2,
    "switch_steps": 2, "chains": 7, "burn_in": 5, "channels": 3, "labels": 6, "labelled_batch": 5,
    "reference": 7, "embedding": 5, "short": 2, "enlarged": 2, "matching_epochs": 1,
}  # fmt: skip
IMAGES = ["--data.key", "x"]
TEXTS = ["--data.tokens", "characters", "--data.column", "said"]
WALKS = """HIERARCHY
ROOT Hips
{
  OFFSET 0 0 0
  CHANNELS 2 Xposition Yposition
  End Site
  {
    OFFSET 0 1 0
  }
}
MOTION
Frames: 12
Frame Time: 0.1
"""
LABELS = [*IMAGES, "--data.label", "y", "--data.condition", "label"]
# tried in this order: the first that the model is for
DATA = [
    ("bits.npz", IMAGES),
    ("bits.npz", LABELS),
    ("table.csv", []),
    ("reals.npy", []),
    ("rolls.mat", []),
    ("squares.npy", []),
    ("said.csv", TEXTS),
    ("said.csv", [*TEXTS, "--data.condition", "long,share"]),
    ("walks", ["--data.condition", "label"]),
    ("squares.npy", ["--data.condition", "downscale:2"]),
    ("squares.npy", ["--data.condition", "noise:0.1"]),
    ("spoken", ["--data.condition", "noise:0.1"]),
    ("spectra.npz", ["--data.key", "x", "--data.condition", "c"]),
    ("eights.npy", []),
    ("solids.npy", []),
    ("shown", ["--data.condition", "captions:shown.csv"]),
]


def write_data(tmp_path):
    """Striped binary images with labels, real vectors, rolls of 14 keys, a table, and images that halve."""
    rng = np.random.default_rng(8)
    y = rng.integers(0, 2, 50)
    stripes = rng.integers(0, 2, (50, 5))[:, :, None].repeat(5, 2)
    x = np.where(y[:, None, None] == 1, stripes, stripes.swapaxes(1, 2)) ^ (rng.random((50, 5, 5)) < 0.1)
    np.savez(tmp_path / "bits.npz", x=x[:, None].astype(np.uint8), y=y)
    np.save(tmp_path / "reals.npy", rng.normal(size=(50, 3)))
    cells = {}
    for name in ("traindata", "validdata", "testdata"):
        cells[name] = np.empty((1, 11), object)
        for i in range(11):
            cells[name][0, i] = (rng.random((rng.integers(2, 6), 14)) < 0.3).astype(np.uint8)
    savemat(tmp_path / "rolls.mat", cells)
    np.save(tmp_path / "squares.npy", (rng.random((50, 1, 6, 6)) < 0.4).astype(np.uint8))
    rows = [f"{a:.2f},{'fm'[k]},{a + b:.1f}" for a, b, k in zip(*rng.normal(size=(2, 50)), y)]
    (tmp_path / "table.csv").write_text("\n".join(["age,sex,pay", *rows]) + "\n", encoding="utf-8")
    texts = ["".join("ab"[k] for k in rng.integers(0, 2, n)) for n in rng.integers(1, 5, 60)]
    said = [f"{text},{len(text) / 2},{text.count('a')}.5" for text in texts]
    (tmp_path / "said.csv").write_text("\n".join(["said,long,share", *said]) + "\n", encoding="utf-8")
    for i in range(50):
        (tmp_path / "spoken").mkdir(exist_ok=True)
        wave = 2**14 * np.sin(2 * np.pi * (np.arange(24) / 12 + rng.random()))
        wavfile.write(tmp_path / "spoken" / f"{i:02d}.wav", 8000, wave.astype(np.int16))
    rough = rng.normal(size=(50, 1, 5, 6))
    np.savez(tmp_path / "spectra.npz", x=rough, c=(rough + np.roll(rough, 1, -1)) / 2)
    np.save(tmp_path / "eights.npy", (np.random.default_rng(9).random((50, 1, 8, 8)) < 0.4).astype(np.uint8))
    write_captioned(tmp_path)
    solids = np.random.default_rng(10).random((50, 1, 5, 6, 5)) < 0.4
    np.save(tmp_path / "solids.npy", solids.astype(np.uint8))
    for i in range(12):
        folder = tmp_path / "walks" / ("slow" if i % 2 else "fast")
        folder.mkdir(parents=True, exist_ok=True)
        frames = "\n".join(f"{a:.3f} {b:.3f}" for a, b in rng.normal(size=(12, 2)).cumsum(0))
        (folder / f"{i}.bvh").write_text(WALKS + frames + "\n", encoding="utf-8")
    return tmp_path


def write_captioned(tmp_path, n=50, side=12):
    """Pictures in the folder `shown`, dark or light, with their captions in `shown.csv`."""
    (tmp_path / "shown").mkdir(exist_ok=True)
    lines, rng = ["file,caption"], np.random.default_rng(10)
    for i in range(n):
        light = i % 2
        x = rng.integers(0, 60, (side, side)) + 180 * light
        Image.fromarray(x.astype(np.uint8)).save(tmp_path / "shown" / f"{i:02d}.png")
        lines.append(f"{i:02d}.png,a {'light' if light else 'dark'} field")
    (tmp_path / "shown.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def small(entry):
    """Options that make a model of the catalogue small."""
    words = []
    for name, parameter in inspect.signature(entry.load()).parameters.items():
        if name in SMALL:
            size = SMALL[name]
            many = isinstance(parameter.default, tuple)
            value = size if isinstance(size, tuple) else (size, size) if many else (size,)
            words += [f"--model.{name}", ",".join(map(str, value))]
    return words


def train(cli, entry, more=()):
    """A run on the first data that the model is for; the others are refused in a sentence."""
    if "teacher" in inspect.signature(entry.load()).parameters:
        done = cli("train", "ddpm", "reals.npy", "--model.T", 3, "--epochs", 1, "--out", "teacher")
        assert done.code == 0 or "already holds a run" in done.err, done.err
        more = (*more, "--model.teacher", "teacher")
    said = []
    for name, given in DATA:
        words = [entry.name, name, *given, *small(entry), *more, "--epochs", 1, "--batch_size", 16]
        done = cli("train", *words, "--out", "run")
        if done.code == 0:
            return name
        assert done.code == 2 and "Traceback" not in done.err, done.err
        last = done.err.splitlines()[-1]
        assert last.startswith("simulacra: error: ") and last.endswith("."), last
        said.append(last)
    pytest.fail(f"{entry.name} is for none of the data: {said}")
