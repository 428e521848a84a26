"""`sample --condition` takes what the model's condition is, and answers anything else in one sentence."""

import csv

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import simulacra
from simulacra import Audio, Count, Real, Table
from simulacra.cli.app import main
from simulacra.core.inputs.conditions import condition_rows
from simulacra.core.spaces.audio import write_wav

pytestmark = pytest.mark.fault("wider.d1")

DRAW = np.random.default_rng(2)
N = 24
COLOUR = DRAW.integers(0, 256, (N, 4, 4, 3), np.uint8)
WAVES = DRAW.integers(-(2**15), 2**15, (N, 20), np.int16)
PATIENTS = pd.DataFrame({"sex": ["f", "m"] * (N // 2), "age": 1e4 + 10 * DRAW.normal(size=N)})
FAR = 1e4 + DRAW.normal(size=(N, 2))
GIVEN = {
    "image": (COLOUR, None),
    "wave": (WAVES, Audio((20,), rate=8000)),
    "table": (PATIENTS, None),
    "vector": (FAR, None),
    "number": (FAR[:, 0], None),
}
FILES = {
    "two.csv": "sex,more,age\nf,1,10001\nm,2,9999.5\n",
    "one.csv": "age,sex\n10001,f\n",
    "unknown.csv": "age,sex\n10001,x\n",
    "less.csv": "sex,more\nf,1\n",
    "gap.csv": "age,sex\n,f\n",
    "three.csv": "a,b\n10001,10000\n9999.5,10002\n10000,9998\n",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Models of every kind of condition, and files of conditions, in one folder."""
    folder = tmp_path_factory.mktemp("conditions")
    table = Table(a=Count(), b=Real())
    rows = torch.tensor(np.stack([DRAW.integers(0, 5, N), DRAW.normal(size=N)], 1))
    for name, (c, space) in GIVEN.items():
        own, values = (table, rows) if name == "table" else (Real((3,)), torch.randn(N, 3))
        data = simulacra.from_tensors(values, own, c=c, condition=space)
        model = simulacra.VAE(data.space, condition=data.condition, latent=2, hidden=(4,))
        model.preprocessing, model.conditioning = data.preprocessing, data.conditioning
        model.save(folder / name)
    for name, content in FILES.items():
        (folder / name).write_text(content)
    for name, image in {"one": COLOUR[0], "wide": np.zeros((4, 9, 3), np.uint8)}.items():
        Image.fromarray(image).save(folder / f"{name}.png")
    (folder / "damaged.png").write_bytes(b"\x89PNG\r\n\x1a\n0000")
    for name, wave in {"one": WAVES[0] / 2.0**15, "short": WAVES[0, :9] / 2.0**15}.items():
        write_wav(wave, 8000, folder / f"{name}.wav")
    for name, array in {
        "images": COLOUR[:3],
        "vectors": FAR[:3],
        "wide": FAR[:, :1],
        "wave": WAVES[:2],
    }.items():
        np.save(folder / f"{name}.npy", array)
    return folder


def drawn(folder, name, condition, *more):
    out = folder / "drawn.npy"
    words = ["--seed", "1", "--condition", condition, "--out", str(out), *more]
    assert main(["sample", str(folder / name), *words]) == 0
    return np.load(out)


TAKEN = [
    ("image", "one.png", 16, COLOUR[0]),
    ("image", "images.npy", 3, COLOUR[:3]),
    ("wave", "one.wav", 16, WAVES[0]),
    ("wave", "wave.npy", 2, WAVES[:2]),
    ("table", "two.csv", 2, [{"age": 10001, "sex": "f"}, {"age": 9999.5, "sex": "m"}]),
    ("table", "one.csv", 16, {"age": 10001, "sex": "f"}),
    ("vector", "three.csv", 3, [[10001, 10000], [9999.5, 10002], [10000, 9998]]),
    ("vector", "vectors.npy", 3, FAR[:3]),
    ("vector", "1e4,9999.5", 16, [1e4, 9999.5]),
    ("number", "1e4", 16, 1e4),
    ("number", "1e4,9999,10001.5", 3, [1e4, 9999, 10001.5]),
]


@pytest.mark.parametrize(("name", "condition", "n", "same"), TAKEN)
def test_a_condition_of_each_kind_is_that_of_python(folder, monkeypatch, name, condition, n, same):
    monkeypatch.chdir(folder)
    expected = simulacra.load(folder / name).sample(n, same, seed=1).numpy()
    np.testing.assert_array_equal(drawn(folder, name, condition), expected)


NUMBERS = "2 numbers with commas between, a .csv file of 2 columns, or an .npy file."
IMAGES = (
    "--condition takes a .png or another image file, a folder of them, or an .npy file of shape (N, 4, 4, 3)."
)
REFUSED = [
    ("image", None, "give --condition, a .png or another image file"),
    ("image", "label.png", f"there is no file label.png: {IMAGES}"),
    ("image", "cat", f"condition 'cat' is no file: {IMAGES}"),
    ("image", "7", "--condition has 1 number, but the condition is Levels"),
    ("image", "one.wav", f"one.wav does not fit Levels(shape=(3, 4, 4), levels=256): {IMAGES}"),
    ("image", "wide.png", "is 9x4, but the model takes 4x4"),
    ("image", "damaged.png", "damaged.png could not be read as an image"),
    ("wave", "short.wav", "short.wav has 9 samples at 8,000 Hz: --condition takes a .wav file of 20 samples"),
    ("table", None, "give --condition, a .csv file with the columns sex, age."),
    ("table", "less.csv", "less.csv has no column 'age', only sex, more: --condition takes a .csv file"),
    ("table", "unknown.csv", "column 'sex', holds 'x', a class that was neither declared nor seen"),
    ("table", "gap.csv", "gap.csv lacks a value in row 0 (from 0)"),
    ("table", "vectors.npy", "vectors.npy does not fit Table"),
    (
        "vector",
        "1,2,3",
        f"--condition has 3 numbers, but the condition is Real(shape=(2,)): it takes {NUMBERS}",
    ),
    ("vector", "nan,1", "condition holds NaN or infinite values"),
    ("vector", "wide.npy", "needs (B, 2)"),
    ("vector", "two.csv", f"--condition takes {NUMBERS}"),
    ("vector", "missing.csv", f"there is no file missing.csv: --condition takes {NUMBERS}"),
    ("number", "x", "condition 'x' is no file: --condition takes a number"),
]


@pytest.mark.parametrize(("name", "condition", "said"), REFUSED)
def test_a_condition_that_does_not_fit_is_one_sentence(folder, monkeypatch, capsys, name, condition, said):
    monkeypatch.chdir(folder)
    words = [] if condition is None else ["--condition", condition]
    assert main(["sample", name, "--out", "refused.csv", *words]) == 2
    err = capsys.readouterr().err
    assert said in err and err.startswith("simulacra: error: ") and err.count("\n") == 1
    assert not (folder / "refused.csv").exists()


def test_too_few_conditions_are_counted(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    assert main(["sample", "vector", "--n", "5", "--condition", "three.csv", "--out", "s.csv"]) == 2
    assert (
        "condition has 3 rows for 5 observations: give one for each, or one for all."
        in capsys.readouterr().err
    )


def test_the_conditions_of_a_table_follow_its_columns(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert main(["sample", "table", "--condition", "two.csv", "--out", "s.csv", "--seed", "0"]) == 0
    with open("s.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["a", "b", "sex", "age"]
    assert [(row["sex"], float(row["age"])) for row in rows] == [("f", 10001.0), ("m", 9999.5)]


def test_a_condition_of_the_same_name_as_a_column_is_told_apart(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    space = Table(a=Real(), b=Real())
    model = simulacra.VAE(Table(a=Count(), c=Count()), condition=space, latent=2, hidden=(4,))
    model.save(tmp_path / "model")
    (tmp_path / "c.csv").write_text("a,b\n1,2\n")
    assert condition_rows(space, {"a": 1.0, "b": 2.0}, 1).tolist() == [[1.0, 2.0]]
    assert main(["sample", "model", "--condition", "c.csv", "--out", "s.csv", "--n", "2"]) == 0
    assert (tmp_path / "s.csv").read_text().splitlines()[0] == "a,c,condition a,b"
