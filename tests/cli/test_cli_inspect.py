"""`simulacra data inspect`: what it says of six kinds of data, word for word but for the times.

    SIMULACRA_UPDATE_GOLDEN=1 python -m pytest tests/cli/test_cli_inspect.py

writes the expected texts again; the difference is read in the review.
"""

import os
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from simulacra.cli import inspect as inspection
from simulacra.cli.output import in_options
from simulacra.data import load_data

EXPECTED = Path(__file__).with_name("inspect")
UPDATE = bool(os.environ.get("SIMULACRA_UPDATE_GOLDEN"))
RNG = np.random.default_rng


def photos(folder):
    """Two classes, patients in folders, one picture twice."""
    for kind, level in (("cat", 40), ("dog", 90)):
        for i in range(12):
            path = folder / "photos" / kind / f"patient{i % 3}" / f"{i:02d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = RNG(level + (0 if i == 11 else i)).integers(level, level + 150, (10, 9), np.uint8)
            Image.fromarray(pixels).save(path)
    return ["photos"]


def slides(folder):
    """Deep images that are cut into tiles."""
    (folder / "slides").mkdir()
    for i in range(10):
        pixels = RNG(i).integers(0, 2**16, (21, 34)).astype(np.uint16)
        Image.fromarray(pixels).save(folder / "slides" / f"{i}.png")
    return ["slides", "--data.tile", "10"]


def table(folder):
    """Columns of several types, with gaps."""
    rng = RNG(3)
    lines = ["patient,age,sex,marker,grade"]
    for i in range(60):
        marker = "" if i % 9 == 4 else f"{rng.normal():.3f}"
        sex = "" if i == 20 else "fm"[int(rng.integers(2))]
        lines.append(f"P{i % 7},{rng.integers(20, 90)},{sex},{marker},{rng.integers(1, 4)}")
    (folder / "cohort.csv").write_text("\n".join(lines))
    return ["cohort.csv"]


def labelled(folder):
    """Vectors with labels and the slide that each is from."""
    x = RNG(4).integers(0, 2, (80, 25), np.uint8)
    np.savez(folder / "cells.npz", x=x, kind=np.arange(80) % 3, slide=np.arange(80) // 8)
    return ["cells.npz", "--data.label", "kind"]


def real(folder):
    """Real vectors, some of them twice."""
    x = RNG(5).normal(size=(70, 5))
    x[40:50] = x[:10]
    np.save(folder / "rows.npy", x)
    return ["rows.npy"]


def named(folder):
    """A data set with a name."""
    return ["digits"]


KINDS = (photos, slides, table, labelled, real, named)


def masked(text):
    """Without times, and without the blanks that depend on their width."""
    text = re.sub(r"about [\d.]+ (s|min|h)\b", "about TIME", text)
    return re.sub(r" {2,}about TIME +", "  about TIME  ", text)


@pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__)
def test_what_it_says(cli, tmp_path, make):
    done = cli("data", "inspect", *make(tmp_path))
    assert done.code == 0, done.err
    file = EXPECTED / f"{make.__name__}.txt"
    if UPDATE:
        file.parent.mkdir(exist_ok=True)
        file.write_text(masked(done.out), encoding="utf-8")
    assert masked(done.out) == file.read_text(encoding="utf-8")


def test_suggested_commands_train(cli, tmp_path):
    """What is suggested runs as it stands."""
    done = cli("data", "inspect", *table(tmp_path))
    commands = [line.split("  about ")[0] for line in done.out.splitlines() if " train " in line]
    commands = [shlex.split(line) for line in commands if line.startswith("  simulacra")]
    assert commands
    for words in commands:
        trained = cli(*words[1:], "--epochs", "1")
        assert trained.code == 0, trained.err


def test_options_are_those_of_training(cli, tmp_path):
    words = labelled(tmp_path)
    plain, grouped = cli("data", "inspect", *words), cli("data", "inspect", *words, "--data.groups", "slide")
    assert "add --data.groups slide" in plain.out and "add --data.groups" not in grouped.out
    assert "64 train, 8 valid, 8 test" in grouped.out and "--data.groups slide" in grouped.out


def test_groups_are_suggested_only_where_they_recur(cli, tmp_path):
    rows = [f"{i},{i % 4},{i / 7}" for i in range(30)]
    (tmp_path / "a.csv").write_text("\n".join(["id,age,x", *rows]))
    assert "groups" not in cli("data", "inspect", "a.csv").out


def test_images_of_many_sizes_are_made_one(cli, tmp_path):
    (tmp_path / "mixed").mkdir()
    for i in range(14):
        pixels = RNG(i).integers(0, 256, (9 + i % 3, 13), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "mixed" / f"{i}.png")
    done = cli("data", "inspect", "mixed")
    assert "3 sizes (13x9 to 13x11); resized to 9x9" in done.out
    assert "simulacra train vae mixed --data.size 9" in done.out
    assert "tiles of 4: 84" in cli("data", "inspect", "mixed", "--data.tile", "4").out


@pytest.mark.parametrize("content", [b"a,b\n1,2\n3\n", b"", b"a,b\n1,2\nx,3\n4,5\n6,7\n", b"\xff\xfe\xfa"])
def test_what_is_wrong_is_said_as_by_load_data(cli, tmp_path, content):
    (tmp_path / "bad.csv").write_bytes(content)
    with pytest.raises(ValueError) as refused:
        load_data("bad.csv", missing="mask")
    done = cli("data", "inspect", "bad.csv")
    assert (
        done.code == 2
        and done.out == ""
        and done.err.splitlines()[-1].endswith(in_options(str(refused.value)))
    )


def test_a_damaged_image_is_named(cli, tmp_path):
    photos(tmp_path)
    broken = tmp_path / "photos" / "cat" / "patient1" / "01.png"
    broken.write_bytes(broken.read_bytes()[:60])
    done = cli("data", "inspect", "photos")
    assert done.code == 2 and done.out == "" and "01.png is truncated or damaged" in done.err


@pytest.mark.parametrize(
    "words, said",
    [
        ([], "PATH is missing"),
        (["digits", "mnist"], "'mnist' is one word too many"),
        (["no/such/folder"], "does not exist"),
        (["digitz"], "digits"),
        (["digits", "--data.grops", "label"], "--data.groups"),
        (["digits", "--epochs", "3"], "unknown"),
        (["digits", "--data.validation", "half"], "a number"),
    ],
)
def test_refusals(cli, words, said):
    done = cli("data", "inspect", *words)
    assert done.code == 2 and done.out == "" and said in done.err and done.err.count("\n") == 1


@pytest.mark.parametrize("name", ["ring", "digits"])
def test_suggestions_are_the_best_of_each_family_among_all_models(name):
    found = inspection.inspect_data(name)
    mended = inspection.Mended(name, found, [])
    candidates = [c for e in inspection.CATALOG.values() if not e.baseline and (c := mended.candidate(e))]
    best: dict[str, inspection.Candidate] = {}
    for candidate in sorted(candidates, key=inspection._key):
        best.setdefault(candidate.entry.family, candidate)
    expected = [c.entry.name for c in best.values()][: inspection.SUGGESTED]
    assert [c.entry.name for c in inspection._best(name, found, [])] == expected
