"""The systems page says what the table and the test markers say."""

import ast
import dataclasses
import sys

import pytest
import sources

sys.path.insert(0, str(sources.ROOT / "tools"))
import systems

ROWS = systems.read_rows()


@pytest.fixture(scope="module")
def found_proofs():
    """The marked tests of the project."""
    return systems.find_proofs()


def test_page_is_what_the_tool_writes(found_proofs):
    assert systems.PAGE.read_text(encoding="utf-8") == systems.page(ROWS, found_proofs), "run `make systems`"


def test_table_and_markers_agree(found_proofs):
    assert systems.problems(ROWS, found_proofs) == []


def test_all_rows_are_there_once():
    assert len(ROWS) == len({row.id for row in ROWS}) == 196


def proofs(code: str) -> list[systems.Proof]:
    """The marked tests in some code."""
    return list(systems.proofs_in(ast.parse(code), "t.py"))


@pytest.mark.parametrize(
    ("body", "compares"),
    [
        ("assert abs(a - b) < 1e-8", True),
        ("assert torch.allclose(a, b)", True),
        ("torch.testing.assert_close(a, b)", True),
        ("assert x == pytest.approx(3)", True),
        ("assert callable(f)", False),
        ("assert x is not None", False),
        ("assert name == 'vae'", False),
        ("f(x)", False),
        ("near(x)", True),
    ],
)
def test_what_counts_as_a_comparison(body, compares):
    helper = "def near(x):\n    assert x < 1\n"
    found = proofs(f"{helper}@pytest.mark.system('A1')\ndef test_it():\n    {body}\n")
    assert [proof.compares for proof in found] == [compares]


def test_markers_are_found_on_functions_classes_and_files():
    code = """
pytestmark = [pytest.mark.slow, pytest.mark.system("A1")]
@pytest.mark.system("A2", "A3")
def test_a(): assert 1 < 2
@pytest.mark.system("A4")
class TestIt:
    def test_b(self): assert 1 < 2
    def helper(self): ...
"""
    assert [(p.test, p.rows) for p in proofs(code)] == [
        ("t.py::test_a", ("A1", "A2", "A3")),
        ("t.py::TestIt::test_b", ("A1", "A4")),
    ]


def test_problems_are_found():
    row = dataclasses.replace(ROWS[0], state="works", where="")
    marked = systems.Proof("t.py::test_a", ("Z9",), True)
    found = systems.problems([row, row, *ROWS[1:]], [marked])
    for said in ("A1 stands twice", "'Z9', which is not", "A1 is said to work, but", "`where` is empty"):
        assert any(said in problem for problem in found), said
