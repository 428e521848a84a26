"""Rows that begin with a mark of comments are no comments, and what cannot be told is asked."""

import numpy as np
import pytest
from refusal import assert_refused

import simulacra
from simulacra.data.new_rows.opening import open_rows
from simulacra.data.new_rows.wanted import Wanted

pytestmark = pytest.mark.fault("outside 1.w4.comments")

KEYS = {
    "notes": ["C4", "#F4", "G4", "A4", "B4", "C5", "D5", "E5"],
    "paths": ["/a", "//host", "/b", "/c", "/d", "/e", "/f", "/g"],
    "shares": ["a", "% of b", "c", "d", "e", "f", "g", "h"],
}


def written(folder, keys, header="key,force,bar\n", cut=","):
    path = folder / "t.csv"
    rows = (f"{keys[i % len(keys)]},{i * 7919 % 101 / 10},{i % 5}\n" for i in range(80))
    path.write_text((header + "".join(rows)).replace(",", cut))
    return path


@pytest.mark.parametrize("keys", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("cut", [",", ";"])
@pytest.mark.parametrize("header", ["key,force,bar\n", ""])
def test_marked_rows_are_asked_about(tmp_path, keys, cut, header):
    path = written(tmp_path, keys, header, cut)
    assert_refused(path, "which may be a row or a comment", "comment='none'", "in line")
    assert len(simulacra.load_data(path, comment="none", test=0, validation=0).train) == 80
    mark = "//" if keys[1].startswith("/") else keys[1][0]
    assert len(simulacra.load_data(path, comment=mark, test=0, validation=0).train) == 70


@pytest.mark.parametrize("code", ["#REF!", "#N/A", "#DIV/0!", "#WERT!", "#NV", "#value!"])
def test_error_codes_are_gaps_and_never_comments(tmp_path, code):
    path = tmp_path / "t.csv"
    first = [code if i % 7 == 3 else i * 1.5 for i in range(60)]
    path.write_text("height,visits\n" + "".join(f"{h},{i % 4}\n" for i, h in enumerate(first)))
    for comment in ({}, {"comment": "#"}):
        data = simulacra.load_data(path, missing="mask", test=0, validation=0, **comment)
        assert len(data.train) == 60 and int((~data.train.known).sum()) == first.count(code)


def test_lines_that_are_no_rows_stay_comments(tmp_path):
    body = "".join(f"{'abcdefgh'[i % 8]},{i * 7919 % 101 / 10},{i % 5}\n" for i in range(80))
    for line in ("# by hand", "# made, in May, by hand", "#note,x,3", "# a, b"):
        path = tmp_path / "t.csv"
        path.write_text("key,force,bar\n" + body[:40] + line + "\n" + body[40:])
        data = simulacra.load_data(path, test=0, validation=0)
        assert len(data.train) == 80 and data.notes["left out"] == "1 comment line (#)"
    # rows of numbers that were taken out
    numbers = "".join(f"{i * 1.7 % 13:.2f},{i * 7919 % 101 / 10}\n" for i in range(80))
    (tmp_path / "u.csv").write_text("# a,b\n" + numbers + "#1.50,2.5\n")
    data = simulacra.load_data(tmp_path / "u.csv", test=0, validation=0)
    assert len(data.train) == 80 and data.preprocessing.raw.names == ("a", "b")


def test_new_rows_with_a_mark_are_answered(tmp_path):
    keys = KEYS["notes"]
    rows = {"key": [keys[i % 8] for i in range(80)], "force": np.arange(80) * 7919 % 101 / 10}
    data = simulacra.load_data(rows)
    path = tmp_path / "new.csv"
    path.write_text("key,force\nC4,1.5\nD5,2.5\nG4,0.5\nA4,0.5\nB4,1.5\n#F4,3.5\nE5,0.1\n")
    opened = open_rows(str(path), Wanted(data.preprocessing.raw))
    assert sum(len(chunk.x) for chunk in opened.chunks(3)) == 7
