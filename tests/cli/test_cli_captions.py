"""Pictures from captions at the command line: from a table of captions to a picture of a text."""

from __future__ import annotations

import pytest
from PIL import Image
from small_runs import write_captioned

SMALL = [
    *("--model.channels", 2, "--model.embedding", 5, "--model.hidden", 4, "--model.short", 2),
    *("--model.matching_epochs", 1, "--epochs", 1, "--out", "run"),
]


@pytest.fixture
def shown(tmp_path):
    write_captioned(tmp_path, n=250)
    return tmp_path


def test_a_text_becomes_pictures(cli, shown):
    done = cli("train", "gan-cls", "shown", "--data.condition", "captions:shown.csv", *SMALL)
    assert done.code == 0, done.err
    # pictures of samples stand beside captions of held-out rows, so that they are private
    private = [path for path in (shown / "run").rglob("*.png") if "private" in str(path.relative_to(shown))]
    assert private and not list((shown / "run" / "samples").glob("*.png"))
    for text, out in (("a light field", "one.png"), ("texts.txt", "two.png")):
        (shown / "texts.txt").write_text("a dark field\na light field\na dark field\n", encoding="utf-8")
        done = cli("sample", "run", "--condition", text, "--seed", 3, "--out", out)
        assert done.code == 0, done.err
        assert min(Image.open(shown / out).size) > 90
    assert "3 samples, seed 3" in done.out
    done = cli("evaluate", "run", "--split", "valid", "--limit", 25)
    assert done.code == 0, done.err
    assert "find their caption among 2; real pictures" in done.out
    assert cli("explore", "samples", "run").code == 0


def test_what_a_condition_must_be_is_told(cli, shown):
    done = cli("train", "gan-cls", "shown", *SMALL)
    assert done.code == 2
    assert "--data.condition captions:captions.csv" in done.err.splitlines()[-1]
    assert cli("train", "gan-cls", "shown", "--data.condition", "captions:shown.csv", *SMALL).code == 0
    for words, told in (
        ([], "give --condition, a text of up to 3 words, or a .txt file with one in each line."),
        (["--condition", ""], "is an empty text: say what is to be drawn."),
        (["--condition", "purple cow"], "only tokens that are not in the vocabulary"),
        (["--condition", "a light field at night"], "the model takes up to 3"),
        (["--condition", "no.txt"], "there is no file no.txt: --condition takes a text, or a .txt file"),
    ):
        done = cli("sample", "run", *words)
        assert done.code == 2 and told in done.err.splitlines()[-1], done.err


def test_data_inspect_proposes_a_game_of_captions(cli, shown):
    done = cli("data", "inspect", "shown", "--data.condition", "captions:shown.csv")
    assert done.code == 0, done.err
    assert "simulacra train gan-cls shown --data.condition captions:" in done.out
