"""Pairs at the command line: training, evaluation, new rows by the run's own condition, and inspection."""

import csv

import numpy as np
import pytest
from pair_files import pixels, write_folders, write_halves, write_image, write_keys

from simulacra.cli.app import main
from simulacra.data.inspection.facts import inspect_data

TRAIN = ("--steps", "2", "--model.hidden", "4", "--model.latent", "2")
TRAIN += ("--data.validation", "4", "--data.test", "4")


def trained(at, *options):
    assert main(["train", "vae", str(at), *options, *TRAIN, "--out", "run"]) == 0


def scores(capsys, at, *options, code=0):
    """The rows of the table that `score` writes."""
    capsys.readouterr()
    assert main(["score", "run", str(at), "--k", "3", *options]) == code
    return list(csv.DictReader(line for line in capsys.readouterr().out.splitlines() if "," in line))


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.thorough
def test_a_run_on_pairs_is_evaluated(here, capsys):
    write_halves(here / "both", 24)
    trained("both", "--data.condition", "right")
    assert main(["evaluate", "run", "--k", "3"]) == 0
    assert "given the right half of each picture" in capsys.readouterr().out


def test_halves_are_trained_on_and_scored_as_new_rows(here, capsys):
    whole = write_halves(here / "both", 24)
    trained("both", "--data.condition", "right", "--data.size", "4")
    found = scores(capsys, "both")
    assert [row["file"] for row in found] == [f"{i:02d}.png" for i in range(24)]
    # the same pairs in two folders have the same scores, and conditions that are swapped have others
    for i, x in enumerate(whole):
        write_image(here / "x" / f"{i:02d}.png", x[:, :5])
        write_image(here / "c" / f"{i:02d}.png", x[:, 5:])
        write_image(here / "d" / f"{i:02d}.png", whole[i - 1][:, 5:])
    same = scores(capsys, "x", "--condition", "folder:c")
    other = scores(capsys, "x", "--condition", "folder:d")
    assert [row["log_prob"] for row in same] == [row["log_prob"] for row in found]
    assert all(a["log_prob"] != b["log_prob"] for a, b in zip(other, found))


@pytest.mark.thorough
def test_a_new_file_of_odd_width_or_without_a_partner_is_named(here, capsys):
    write_halves(here / "both", 12)
    trained("both", "--data.condition", "left")
    write_halves(here / "new", 3)
    write_image(here / "new" / "odd.png", pixels(9, 6, 11, 3))
    found = scores(capsys, "new", code=3)
    assert [bool(row["log_prob"]) for row in found] == [True] * 3 + [False]
    write_folders(here, 4)
    assert main(["score", "run", "x", "--condition", "folder:nowhere"]) == 2
    assert "--condition folder:PATH" in capsys.readouterr().err
    assert main(["score", "run", "x", "--condition", "folder:c"]) == 2
    assert "but the model takes Levels(shape=(3, 6, 5)" in capsys.readouterr().err


@pytest.mark.thorough
def test_what_is_made_of_new_rows_is_what_was_made_of_the_data(here, capsys):
    write_folders(here, 16)
    trained("x", "--data.condition", "mask:0.5")
    first, again = scores(capsys, "x"), scores(capsys, "x")
    assert first == again
    other = scores(capsys, "x", "--condition", "mask:0.1")
    assert all(a["log_prob"] != b["log_prob"] for a, b in zip(first, other))


@pytest.mark.thorough
def test_new_frames_without_enough_before_them_have_no_answer(here, capsys):
    for i in range(24):
        write_image(here / "film" / f"f{i}.png", pixels(i, 4, 3))
    trained("film", "--data.condition", "past:2")
    for i in range(5):
        write_image(here / "new" / f"{i}.png", pixels(50 + i, 4, 3))
    found = scores(capsys, "new", code=3)
    assert [bool(row["log_prob"]) for row in found] == [False, False, True, True, True]


@pytest.mark.thorough
def test_arrays_of_new_files_are_found_by_their_names(here, capsys):
    arrays = write_keys(here / "a.npz", 24)
    trained("a.npz", "--data.condition", "label")
    new = {"photo": arrays["test_photo"], "label": arrays["test_label"]}
    np.savez(here / "new.npz", **new)
    assert len(scores(capsys, "new.npz")) == len(arrays["test_photo"])


def test_inspection_of_pairs_says_what_the_condition_is(here):
    write_halves(here / "both")
    found = inspect_data("both", condition="right", validation=5, test=5)
    assert dict(found.facts) == GOLDEN
    made = inspect_data("both", condition="downscale:6").facts["condition"]
    assert made.startswith("downscale:6 of x (seed 0); Levels(shape=(3, 6, 10), levels=256), ")


GOLDEN = {
    "data": "both, a folder of images",
    "images": "20 images, 8 bit, 10x6",
    "condition": "the right half of each picture; Levels(shape=(3, 6, 5), levels=256), 0 to 255",
    "space": "Levels(shape=(3, 6, 5), levels=256)",
    "values": "0 to 255",
    "gaps": "none",
    "labels": "none",
    "copies": "0 within splits; no duplicates or near-duplicates across splits",
    "splits": "10 train, 5 valid, 5 test",
}


def test_inspection_proposes_what_may_be_pairs(here, capsys):
    write_halves(here / "wide", 12, 6, 12)
    assert main(["data", "inspect", "wide"]) == 0
    said = capsys.readouterr().out
    assert "may hold pairs" in said and "add --data.condition right" in said
    (command,) = [line for line in said.splitlines() if "--data.condition" in line and "simulacra" in line]
    assert "wide --data.condition right" in command
    write_folders(here / "two", 12)
    found = inspect_data(here / "two" / "x")
    assert found.pairs.options == {"condition": f"folder:{here / 'two' / 'c'}"} and not found.added
    write_keys(here / "a.npz")
    arrays = inspect_data("a.npz")
    assert arrays.added == {"key": "photo"} and arrays.pairs.options == {"key": "photo", "condition": "label"}
    assert inspect_data("a.npz", key="label").pairs.options == {"condition": "photo"}
    write_halves(here / "alone" / "x", 12)
    assert inspect_data(here / "alone" / "x").pairs is None
