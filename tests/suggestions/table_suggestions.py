"""Tables that `load_data` refuses, or speaks of, with a suggestion: a case for each sentence."""

from __future__ import annotations

import numpy as np
from data_suggestions import CASES as OTHERS
from data_suggestions import ROWS, R, Says, csv, npz, numbers, text

UTF16 = ("a,b\n" + "\n".join(f"{v},{w}" for v, w in zip(numbers(), numbers()))).encode("utf-16-le")
HEADED = "{}\n" + "\n".join(f"{i * 37 % 30 / 7:.2f},{i / 3:.2f}" for i in range(30))
CASES: tuple[Says, ...] = (
    *OTHERS,
    Says(
        "data/given_columns.py",
        "which would be a column of a table",
        lambda _: ("digits", {"condition": "age"}),
    ),
    Says(
        "data/tables/columns.py",
        "lies far from the other values: if it means missing",
        csv({"a": [*numbers(30), *[-999] * 10], "b": numbers()}),
        "codes",
    ),
    Says(
        "data/tables/columns.py",
        "to leave it out of the likelihood",
        csv({"a": ["", *numbers(39)], "b": numbers()}),
    ),
    Says(
        "data/tables/columns.py",
        "labels are whole numbers or text",
        csv({"a": numbers(), "b": numbers()}, label="b"),
    ),
    Says(
        "data/tables/columns.py",
        "other columns given the number",
        csv({"a": [i * 7 % 31 for i in range(124)], "b": numbers(124)}, label="a"),
        "labels",
    ),
    Says(
        "data/tables/dialect.py",
        "if it comes from a western Windows",
        text("t.csv", b"a,b\n" + b"\n".join(b"%d,caf\xe9" % (i % 3) for i in range(ROWS))),
    ),
    Says("data/tables/dialect.py", "if it is UTF-16 load it with", text("t.csv", UTF16)),
    Says(
        "data/tables/files.py",
        "if it is one column of texts load it with",
        text("t.csv", "note\n" + "\n".join(f"word{i % 3},more{i % 3}" for i in range(ROWS))),
    ),
    Says(
        "data/tables/files.py",
        "is a class: if it means missing",
        csv({"a": ["none", "mild", "bad", "none"] * 10, "b": numbers()}),
        "classes",
    ),
    Says(
        "data/tables/kinds.py",
        "if it stands for a missing entry load it with",
        csv({"a": ["odd", *numbers(39)], "b": numbers()}),
    ),
    Says(
        "data/tables/kinds.py",
        "or if it holds labels load it with",
        csv({"a": ["odd", *numbers(39)], "b": numbers()}),
    ),
    Says(
        "data/tables/kinds.py",
        "numbers with a unit",
        csv({"a": [f"{i}%" for i in range(120)], "b": numbers(120)}),
    ),
    Says(
        "data/tables/kinds.py",
        "which are no classes",
        csv(
            {
                "a": [f"name {i * 3 // 4}" for i in range(120)],
                "b": numbers(120),
                "c": numbers(120),
            }
        ),
    ),
    Says(
        "data/tables/numbers.py",
        "to take the others as text",
        text("t.csv", "a;b\n" + "\n".join(f"{i},5;{i}.25" for i in range(ROWS))),
    ),
    Says(
        "data/tables/numbers.py",
        "whose comma may be a decimal mark",
        text("t.csv", "a;b\n" + "\n".join(f"{i % 9 + 1},{100 + i};{i % 7}" for i in range(ROWS))),
    ),
    Says(
        "data/tables/numbers.py",
        "whose point may be a decimal mark",
        text("t.csv", "a;b\n" + "\n".join(f"{i % 9 + 1}.{100 + i};{i % 7}" for i in range(ROWS))),
    ),
    Says(
        "data/tables/header.py",
        "which may be names or values because of",
        text("t.csv", HEADED.format("n/x,0.512")),
    ),
    Says(
        "data/tables/files.py",
        "if these are {} load it with",
        text("t.csv", HEADED.format("2019,2020")),
        "header",
    ),
    Says(
        "data/tables/declared.py",
        "declare columns by name with {}",
        csv({"a": numbers(), "b": numbers()}, types="a=drop"),
    ),
    Says(
        "data/splits/cut.py",
        "choose another grouping, or",
        csv({"g": [0, 1] * 20, "a": numbers()}, groups="g"),
    ),
    Says(
        "data/splits/times.py",
        "choose another column, or",
        csv({"t": [0, 1] * 20, "a": numbers()}, time="t"),
    ),
    Says(
        "data/tables/comments.py",
        "which may be a row or a comment",
        csv({"k": ["a", "#b", "c", "d", "e", "f", "g", "h"] * 5, "a": numbers()}),
    ),
    Says("data/arrays/npy.py", ", or load it with ", npz(a=np.array([None]), x=R.normal(size=(ROWS, 3)))),
)
