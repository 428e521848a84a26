"""Texts at the command line: lines of a file are continued, with options of drawing."""

from __future__ import annotations

import pytest
from method_files import saved

import simulacra

SPACE = simulacra.Tokens((6,), 5, ("<end>", "<unknown>", *"abc"), unknown=1)
LINES = ["ab", "c", "cab"]
PLACES = ("complete", "m.safetensors", "t.txt", "--seed", 3)


@pytest.fixture
def model(tmp_path):
    """A transformer with random weights, and a file of texts beside it."""
    (tmp_path / "t.txt").write_text("\n".join(LINES) + "\n")
    return saved(tmp_path / "m.safetensors", simulacra.Transformer, SPACE, layers=1, heads=2, width=4)


def test_lines_are_continued_at_a_temperature_from_the_likeliest(cli, model, tmp_path):
    options = {"temperature": 0.5, "top_k": 2}
    words = [word for name, value in options.items() for word in (f"--sampling.{name}", value)]
    done = cli(*PLACES, *words, "--out", "out.txt")
    assert done.code == 0, done.err
    assert "seed 3" in done.out and "temperature=0.5, top_k=2" in done.out
    expected = model.text(model.complete(LINES, seed=3, **options))
    assert (tmp_path / "out.txt").read_text().splitlines() == expected
    assert expected != model.text(model.complete(LINES, seed=3))


def test_help_lists_the_options_and_a_model_without_them_says_so(cli, model, tmp_path):
    assert "--sampling.top_k" in cli("complete", "m.safetensors", "--help").out
    assert "--sampling.NAME" in cli("complete", "--help").out
    saved(tmp_path / "p.safetensors", simulacra.PPCA, simulacra.Real((2,)), latent=1)
    done = cli("complete", "p.safetensors", "t.txt", "--sampling.temperature", "0.5")
    assert done.code == 2 and "PPCA completes without options" in done.err
    done = cli(*PLACES, "--sampling.temperature", "-1")
    assert done.code == 2 and "temperature is -1" in done.err


@pytest.mark.fault("outside 2.14")
def test_lines_that_are_no_rows_keep_their_place_and_the_others_are_scored(cli, tmp_path):
    lines = [("ab" * (i % 4 + 1))[: i % 5 + 2] for i in range(40)]
    (tmp_path / "texts.txt").write_text("\n".join(lines))
    train = ("train", "nade", "texts.txt", "--data.tokens", "characters", "--steps", 1)
    assert cli(*train, "--out", "run").code == 0
    (tmp_path / "new.txt").write_text("ab\n\n" + "ab" * 40 + "\nzzz\nba\n")
    done = cli("score", "run", "new.txt", "--out", "scores.csv")
    assert done.code == 3 and "row 2 of new.txt (from 0) has 80 characters" in done.err
    answers = [line.split(",")[1] for line in (tmp_path / "scores.csv").read_text().splitlines()[1:]]
    assert [bool(answer) for answer in answers] == [True, False, False, False, True]
    (tmp_path / "alone.txt").write_text("ab\nba\n")
    assert cli("score", "run", "alone.txt", "--out", "alone.csv").code == 0
    alone = [line.split(",")[1] for line in (tmp_path / "alone.csv").read_text().splitlines()[1:]]
    assert [answers[0], answers[4]] == alone
