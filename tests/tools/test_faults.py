"""The tool that runs tests of faults on the sources before their mend."""

import sys
import textwrap
from pathlib import Path

import pytest

TOOLS = str(Path(__file__).parents[2] / "tools")


@pytest.fixture
def faults(monkeypatch):
    monkeypatch.syspath_prepend(TOOLS)
    import faults

    return faults


def test_marks_of_functions_and_files_are_found(faults, tmp_path):
    (tmp_path / "tests").mkdir()
    text = """
        import pytest
        pytestmark = [pytest.mark.fault("doors 1.1"), pytest.mark.slow]
        @pytest.mark.fault("doors 2.5")
        def test_a(): ...
        def test_b(): ...
        def helper(): ...
    """
    (tmp_path / "tests" / "test_x.py").write_text(textwrap.dedent(text))
    named = {(test.fault, test.name) for test in faults.marked(tmp_path, "doors")}
    assert named == {("doors 2.5", "test_a"), ("doors 1.1", "test_b")}
    assert not faults.marked(tmp_path, "scores")


def test_the_outcome_is_read_from_the_lines_of_pytest(faults):
    said = (
        "a.py::test_a[x-FAILED] PASSED [1%]\na.py::test_a[y] FAILED\n"
        "a.py::test_ab ERROR\na.py::test_c PASSED\n"
        "FAILED a.py::test_a[y] - NotImplementedError: lacks simulacra.core.size.size_of\n"
    )
    assert faults.outcome(said, "test_a") == "fails (1 of 2): lacks simulacra.core.size.size_of"
    assert faults.outcome(said, "test_ab") == "fails" and faults.outcome(said, "test_c") == "passes"
    assert faults.outcome(said, "test_d") == "not collectable"
    assert faults.outcome(said, "test_d", over=True) == "time"


def test_what_is_lacking_fails_when_it_is_used(monkeypatch):
    monkeypatch.syspath_prepend(TOOLS)
    before = sys.modules["builtins"].__import__
    try:
        import lacking

        module = lacking.Module("simulacra.core.size")
        assert module.takes_steps.__name__ == "takes_steps"
        absent = lacking.Module("simulacra.core.nowhere").something
        with pytest.raises(NotImplementedError, match=r"lacks simulacra\.core\.nowhere\.something"):
            absent(3)
    finally:
        sys.modules["builtins"].__import__ = before
        sys.modules.pop("lacking", None)


@pytest.mark.fault("outside 2.edges.faults")
def test_rows_of_other_faults_and_notes_stay(faults, tmp_path):
    table, row = tmp_path / "faults.csv", ("a.py", "test_a", "1234", "fails")
    faults.write([("doors 1.1", *row), ("outside 1.9", *row)], "", table)
    table.write_text(table.read_text().replace("fails,", "fails,a note"))
    faults.write([("outside 1.2", *row)], "outside", table)
    assert table.read_text().splitlines()[1:] == [
        "doors 1.1,a.py,test_a,1234,fails,a note",
        "outside 1.2,a.py,test_a,1234,fails,a note",
    ]


@pytest.mark.fault("outside 2.edges.faults")
def test_a_mark_with_a_name_is_that_of_its_tests_alone(faults, tmp_path):
    (tmp_path / "tests").mkdir()
    text = """
        import pytest
        one = pytest.mark.fault("outside 1.1")
        two = pytest.mark.fault("outside 1.2")
        @two
        def test_a(): ...
        def test_b(): ...
        @one
        def test_c(): ...
    """
    (tmp_path / "tests" / "test_x.py").write_text(textwrap.dedent(text))
    named = {(test.fault, test.name) for test in faults.marked(tmp_path, "outside")}
    assert named == {("outside 1.2", "test_a"), ("outside 1.1", "test_c")}
