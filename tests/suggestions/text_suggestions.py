"""Texts that `load_data` refuses with a suggestion, beside the other data: a case for each sentence."""

from __future__ import annotations

from data_suggestions import ROWS, Says, csv, numbers, text
from pair_suggestions import CASES as PAIRS
from table_suggestions import CASES as DATA

CASES: tuple[Says, ...] = (
    *DATA,
    *PAIRS,
    Says(
        "data/text/detection.py",
        "holds lines of text, not a table: load it with",
        text(
            "t.txt",
            "\n".join(
                f"so said the friend{' very' * (i % 3)} {'dear' * (i % 2)} who had no number {i}"
                for i in range(ROWS)
            ),
        ),
    ),
    Says(
        "data/text/reader.py",
        "is a table, of which one column holds the texts: load it with",
        csv({"said": [f"a text {i % 7}" for i in range(ROWS)], "a": numbers()}, tokens="characters"),
    ),
    Says(
        "data/given_columns.py",
        "holds classes: name columns of numbers, or load it with",
        csv(
            {"said": [f"a text {i % 7}" for i in range(ROWS)], "a": numbers(), "b": ["x", "y"] * (ROWS // 2)},
            tokens="words",
            column="said",
            condition="a,b",
        ),
    ),
    Says(
        "data/text/reader.py",
        "of a row: cut the line, or load it with",
        text("t.txt", "a short line\n" * ROWS + "a word " * 10_001, tokens="words"),
    ),
    Says(
        "data/text/vocabulary.py",
        "so that the vocabulary is empty: load it with",
        text("t.txt", "\n".join(f"w{i}" for i in range(ROWS)), tokens="words"),
    ),
    Says(
        "data/text/reader.py",
        "too few for windows of {} in three splits",
        text("t.txt", "a text of few words, read as one\n" * 9, tokens="words", window=64),
    ),
    Says(
        "data/text/detection.py",
        "lines of text, not a table: load it with",
        # a book without a line break, of over 1 MB
        text("t.txt", " ".join(f"said the {'very' * 15}{i % 99} friend" for i in range(14_000))),
    ),
    Says(
        "data/tables/dialect.py",
        "or if it comes from a western Windows load it with",
        text(
            "t.txt",
            "\n".join(f"na\xefve caf\xe9 {i % 5}" for i in range(ROWS)).encode("cp1252"),
            tokens="words",
        ),
    ),
    Says(
        "data/readers.py",
        "needs to know what a token is: load it with",
        lambda folder: (["a text", "another text"] * ROWS, {}),
    ),
)
