"""Suggestions in refusals work: whatever a model says to load the data with, `load_data` takes."""

import re

import numpy as np
import pytest
import soundfile

from contract.representatives import quick
from simulacra import load_data
from simulacra.cli.inspect import _options
from simulacra.cli.options.plan import Plan
from simulacra.cli.output import LOADED, in_options, value_of
from simulacra.cli.start import build
from simulacra.models.catalog import CATALOG
from simulacra.training.fit import check_fits
from simulacra.training.options import Options

N = 60
LABEL = ("data.label", "y")


def table(name, **columns):
    """A csv file with these columns and labels."""
    columns |= {"y": ["u", "v"] * (N // 2)}
    rows = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values()))]
    with open(name, "w") as file:
        file.write("\n".join(rows))
    return name, LABEL


def array(name, x):
    """An npz file of rows and labels."""
    np.savez(name, x=x, y=np.arange(len(x)) % 2)
    return name, LABEL


def waves(folder):
    """Recordings of one length in class folders."""
    for i in range(N):
        path = folder / "sound" / "ab"[i % 2] / f"{i}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.random.default_rng(i).uniform(-0.5, 0.5, 64), 8000)
    return "sound", None


Z = np.random.default_rng(0)
SETS = {
    "mixed": lambda _: table(
        "t.csv",
        a=Z.normal(size=N).round(3),
        b=np.exp(3 * Z.normal(size=N)).round(3),
        c=Z.poisson(40, N),
        e=["x", "z", "w"] * 20,
        f=Z.integers(3, 8, N),
    ),
    "numbers": lambda _: table(
        "t.csv", a=Z.normal(size=N).round(3), c=Z.poisson(40, N), f=Z.integers(3, 8, N)
    ),
    "counts": lambda _: table("t.csv", a=Z.poisson(40, N), b=Z.poisson(20, N), c=Z.poisson(9, N)),
    "classes": lambda _: table("t.csv", a=["x", "z"] * 30, b=["x", "z", "w"] * 20),
    "real": lambda _: table("t.csv", **{name: Z.normal(size=N).round(3) for name in "abc"}),
    "one": lambda _: table("t.csv", a=Z.normal(size=N).round(3)),
    "bits": lambda _: array("a.npz", Z.integers(0, 2, (N, 6))),
    "levels": lambda _: array("a.npz", Z.integers(0, 256, (N, 8, 8)).astype(np.uint8)),
    "vectors": lambda _: array("a.npz", Z.integers(0, 16, (N, 5)).astype(np.uint8)),
    "colour": lambda _: array("a.npz", Z.integers(0, 256, (N, 8, 8, 3)).astype(np.uint8)),
    "deep": lambda _: array("a.npz", Z.integers(0, 60000, (N, 8, 8)).astype(np.uint16)),
    "waves": waves,
    "digits": lambda _: ("digits", None),
    "ring": lambda _: ("ring", ("data.validation", "0.1")),
}


def refusal(entry, name, pairs):
    """What a model says against these data, or nothing; the data themselves must load."""
    data = load_data(name, **_options(pairs))
    try:
        check_fits(build(Plan(entry.name, name), data, Options()), data)
    except ValueError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("kind", quick(SETS, ("mixed",).__contains__))
def test_what_a_model_says_to_load_the_data_with_loads(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    name, label = SETS[kind](tmp_path)
    for entry in CATALOG.values():
        pairs = [label] if label else []
        said = refusal(entry, name, pairs)
        while mend := LOADED.search(said):
            if mend[1] == "condition" and kind == "ring":
                break  # a toy has no labels, and says so
            pair = (f"data.{mend[1]}", value_of(mend))
            assert pair not in pairs, (entry.name, said)
            pairs.append(pair)
            said = refusal(entry, name, pairs)
            # another refusal names an argument of the model, another model, or a further option of the data
            assert not said or re.search(r"\w+=|take|latent|lower|images", said), (entry.name, said)


@pytest.mark.parametrize(
    "said, typed",
    [
        ("load the data with binarize='dynamic'.", "add --data.binarize dynamic."),
        (
            "load it with decimal=',' or load it with thousands=','.",
            "add --data.decimal , or add --data.thousands ,.",
        ),
        ("load it with missing_values='n a'.", "add --data.missing_values 'n a'."),
        (
            "load them with size=64 or for tiles load them with tile=8.",
            "add --data.size 64 or for tiles add --data.tile 8.",
        ),
        ("if it is UTF-16 load it with encoding='utf-16'.", "if it is UTF-16 add --data.encoding utf-16."),
    ],
)
def test_a_mend_is_written_as_it_is_typed(said, typed):
    assert in_options(said) == typed
