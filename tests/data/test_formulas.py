"""Formulas of a spreadsheet are read by their results; without results they are refused, not left out."""

import zipfile

import pytest
from refusal import assert_refused

import simulacra

openpyxl = pytest.importorskip("openpyxl")
pytestmark = pytest.mark.fault("outside 1.w4.formulas")


def _written(path, every=1):
    book = openpyxl.Workbook()
    book.active.append(["a", "b", "c"])
    for i in range(2, 62):
        book.active.append([i * 1.7 % 13, i % 5, f"=A{i}*2" if i % every == 0 else i / 7])
    book.save(path)
    return path


@pytest.mark.parametrize(("every", "said"), [(1, "has 60 formulas"), (4, "has 15 formulas")])
def test_formulas_without_results_are_refused(tmp_path, every, said):
    path = _written(tmp_path / "t.xlsx", every)
    assert_refused(path, said, "without a stored result", "column 3", missing="mask")


def test_formulas_with_results_and_with_empty_texts_are_read(tmp_path):
    path = _written(tmp_path / "t.xlsx")
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = (
        parts["xl/worksheets/sheet1.xml"]
        .replace(b"</f><v></v>", b"</f><v>4.5</v>")
        .replace(b"</f><v />", b"</f><v>4.5</v>")
    )
    sheet = sheet.replace(b'<c r="C9">', b'<c r="C9" t="str">', 1)
    at = sheet.index(b'<c r="C9"')
    sheet = sheet[:at] + sheet[at:].replace(b"<v>4.5</v>", b"<v></v>", 1)
    parts["xl/worksheets/sheet1.xml"] = sheet
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    data = simulacra.load_data(path, missing="mask", test=0, validation=0)
    assert int((~data.train.known).sum()) == 1
