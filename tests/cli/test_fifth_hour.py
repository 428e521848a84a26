"""Stumbles of a newcomer's hour: encodings of answers, given words, damaged files."""

import csv

import numpy as np
import pytest
from PIL import Image

from simulacra.data.new_rows.lines import STDIN, is_utf8

ROWS = [
    (("Süd", "Köln", "Ost", "Nord")[i % 4], f"{i * 1.37 % 9:.2f}", "ja" if i % 3 else "nein")
    for i in range(40)
]


def written(path, encoding, header=("Größe", "Gewicht", "raucht"), rows=ROWS):
    text = "\n".join([";".join(header), *(";".join(row).replace(".", ",") for row in rows)])
    path.write_bytes(text.encode(encoding))


@pytest.mark.fault("outside 2.20")
def test_answers_of_a_run_on_another_encoding_are_read_back(cli, tmp_path):
    written(tmp_path / "k.csv", "cp1252")
    train = ("train", "gaussian-copula", "k.csv", "--data.encoding", "cp1252")
    assert cli(*train, "--out", "run").code == 0
    assert cli("score", "run", "k.csv", "--out", "s.csv").code == 0
    written(tmp_path / "u.csv", "utf-8")
    done = cli("score", "run", "u.csv", "--out", "t.csv")
    assert done.code == 0 and "taken as missing" not in done.err
    both = [
        list(csv.reader((tmp_path / name).open(encoding="utf-8"), delimiter=";"))
        for name in ("s.csv", "t.csv")
    ]
    assert both[0] == both[1] and both[0][0][0] == "Größe"
    assert cli("sample", "run", "--n", 8, "--out", "d.csv").code == 0
    done = cli("score", "run", "d.csv", "--out", "e.csv")
    assert done.code == 0 and "taken as missing" not in done.err


@pytest.mark.fault("outside 2.20")
def test_utf8_is_told_from_western_letters_and_from_ascii(tmp_path):
    import io

    path, nothing = tmp_path / "t.txt", io.BufferedReader(io.BytesIO())
    for content, expected in ((b"abc", False), ("Süd".encode(), True), ("Süd".encode("cp1252"), False)):
        path.write_bytes(content)
        assert is_utf8(path, nothing) is expected
        assert is_utf8(STDIN, io.BufferedReader(io.BytesIO(content))) is expected
    path.write_bytes(b"a" * (2**16 - 1) + "ü".encode())  # a letter across two blocks
    assert is_utf8(path, nothing)


@pytest.mark.fault("outside 2.21")
def test_given_words_stay_where_the_model_does_not_know_them(cli, tmp_path):
    lines = [f"the {['sun', 'sea', 'tree'][i % 3]} is {['hot', 'old'][i % 2]} today" for i in range(40)]
    (tmp_path / "t.txt").write_text("\n".join(lines))
    train = ("train", "nade", "t.txt", "--data.tokens", "words", "--steps", 1, "--out", "run")
    assert cli(*train).code == 0
    (tmp_path / "new.txt").write_text("the robot is\nthe sea\n")
    assert cli("complete", "run", "new.txt", "--out", "out.txt").code == 0
    first, second = (tmp_path / "out.txt").read_text().splitlines()
    assert first.startswith("the robot is") and second.startswith("the sea")


@pytest.mark.fault("outside 2.22")
def test_damaged_pictures_are_named_together(cli, tmp_path):
    (tmp_path / "p").mkdir()
    for i in range(14):
        pixels = np.random.default_rng(i).integers(0, 256, (8, 8), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "p" / f"{i:02d}.png")
    for name in ("03", "05", "07", "09"):
        (tmp_path / "p" / f"{name}.png").write_bytes(b"")
    done = cli("train", "vae", "p", "--steps", 1)
    said = done.err.splitlines()[-1]
    assert done.code == 2 and all(name in said for name in ("03.png", "05.png", "07.png"))
    assert "09.png" not in said and said.endswith("and so 1 more.")
