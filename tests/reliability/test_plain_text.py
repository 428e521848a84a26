"""Names from files and servers do nothing where they are printed or written."""

import csv
import json

import numpy as np
import pytest

import simulacra
from simulacra.cli import main
from simulacra.core.storage.plain_text import printable
from simulacra.evaluation import evaluate

pytestmark = pytest.mark.fault("doors 1.6")
ESCAPE, REVERSED, TITLE = "\x1b[2J", "\u202egpj.exe", "\x1b]0;owned\x07"


@pytest.mark.parametrize("evil", [ESCAPE, REVERSED, TITLE, "a\x08\x08b", "\x9b31m", "\u2066x\u2069"])
def test_control_characters_are_shown_and_do_nothing(evil):
    assert printable(evil).isascii() and printable(evil).isprintable()
    assert printable("plain text, öäü, 漢字\n\ttab") == "plain text, öäü, 漢字\n\ttab"


@pytest.mark.parametrize(
    "words", [["evaluate"], ["data", "inspect"], ["train", "vae"], ["sample"], ["compare"]]
)
def test_no_message_of_a_command_holds_an_escape(words, capsys):
    assert main([*words, f"gone{ESCAPE}{REVERSED}.npy"]) == 2
    said = "".join(capsys.readouterr())
    assert "\x1b" not in said and "\u202e" not in said and r"\x1b[2J" in said


def test_columns_and_files_with_escapes_are_described_without_them(tmp_path, capsys):
    path = tmp_path / f"t{TITLE.replace('/', '')}.csv"
    header = f"a{ESCAPE},b\n"
    path.write_text(header + "".join(f"{i % 7}.{i % 9},{'xy'[i % 2]}\n" for i in range(60)), encoding="utf-8")
    assert main(["data", "inspect", str(path)]) == 0
    assert "\x1b" not in "".join(capsys.readouterr())


@pytest.fixture
def run(tmp_path):
    """An evaluated run whose name and class hold HTML and Markdown."""
    data = simulacra.load_data("ring")
    run = simulacra.fit(simulacra.PPCA(data.space, latent=1), data, out=tmp_path / "<b>a|b*", doctor=False)
    evaluate(run, limit=100).write(run.path)
    return run


def test_pages_hold_no_tag_of_a_stranger(run, tmp_path, capsys):
    config = run.path / "report.json"
    content = json.loads(config.read_text())
    content["model"] = "<script>alert(1)</script>[x](javascript:y)"
    config.write_text(json.dumps(content))
    report = simulacra.evaluation.read_report(run.path)
    assert "<script>" not in report.page() and "\\[x\\](javascript" in report.page()
    for suffix in ("md", "html"):
        out = tmp_path / f"page.{suffix}"
        assert main(["compare", str(run.path), str(run.path), "--out", str(out)]) == 0
        page = out.read_text()
        assert "<b>a" not in page and "<script>" not in page


@pytest.fixture
def formulas(tmp_path):
    """A run on a table whose classes are formulas."""
    rng = np.random.default_rng(0)
    words = ["=HYPERLINK(A1)", "+cmd", "@SUM(1)", "plain"]
    lines = "".join(f"{rng.normal():.2f},{words[rng.integers(4)]}\n" for _ in range(200))
    (tmp_path / "t.csv").write_text("=a,word\n" + lines, encoding="utf-8")
    data = simulacra.load_data(tmp_path / "t.csv")
    model = simulacra.VAE(data.space, latent=2, hidden=(5,))
    simulacra.fit(model, data, out=tmp_path / "run", epochs=0.5, least_steps=1, doctor=False)
    return tmp_path


def read(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_formulas_in_drawn_rows_are_said_and_escaped_where_asked(formulas, capsys):
    out = formulas / "drawn.csv"
    assert main(["sample", str(formulas / "run"), "--n", "50", "--seed", "1", "--out", str(out)]) == 0
    said = capsys.readouterr().err
    assert "begin with = + - or @" in said and "--escape-formulas" in said
    plain = read(out)
    assert plain[0] == ["=a", "word"] and {row[1] for row in plain[1:]} & {"=HYPERLINK(A1)", "+cmd"}
    words = [
        "sample",
        str(formulas / "run"),
        "--n",
        "50",
        "--seed",
        "1",
        "--out",
        str(out),
        "--escape-formulas",
    ]
    assert main(words) == 0 and "begin with" not in capsys.readouterr().err
    escaped = read(out)
    assert escaped[0] == ["'=a", "word"]
    # numbers below 0 stay numbers
    assert [float(row[0]) for row in escaped[1:]] == [float(row[0]) for row in plain[1:]]
    assert {row[1] for row in escaped[1:]} <= {"'=HYPERLINK(A1)", "'+cmd", "'@SUM(1)", "plain"}
    assert main([*words[:-3], "--out", str(formulas / "x.npy"), "--escape-formulas"]) == 2
