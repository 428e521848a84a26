"""The quick tier proves every row, and has a representative of every feature of the catalogue.

A proof that trains for more than five seconds (`slow`) may be left to the whole suite, if other tests of the
quick tier prove its rows; so may a proof that was measured as dear (`tests/tiers.py`).
"""

import ast
import json
from types import SimpleNamespace

import sources

import tiers

TESTS = sorted((sources.ROOT / "tests").rglob("test_*.py"))
LEAVING = ("thorough", "represented", "quick")


def leaves(path) -> list[str]:
    """The tests of a file that prove a row of the systems table, and of which the quick tier runs a part."""
    found = []
    if not any(word in sources.text(path) for word in LEAVING):
        return found
    for node in ast.walk(sources.tree(path)):
        decorators = [ast.unparse(d) for d in getattr(node, "decorator_list", [])]
        proves = any("mark.system" in text for text in decorators)
        proves = proves and not any("mark.slow" in text for text in decorators)
        if proves and any(word in text for text in decorators for word in LEAVING):
            found.append(node.name)
    return found


def rows_of(items) -> set[str]:
    """The rows that tests prove."""
    return {row for item in items for mark in item.iter_markers("system") for row in mark.args}


def for_its_cost(item) -> bool:
    """True if a test is left to the whole suite by its measured cost, not by a mark of its file."""
    return bool(item.get_closest_marker("thorough").args)


def proves(item) -> bool:
    """True if a test is an exact one, or proves a row."""
    return item.nodeid.startswith("tests/exact/") or item.get_closest_marker("system") is not None


def test_no_exact_check_leaves_the_quick_tier_but_for_long_trainings(thorough_tests, request):
    """By the decorators in the files, and by the marks of all tests that were collected with this one."""
    assert not sources.offenders(leaves, TESTS)
    short = [item for item in thorough_tests if not item.get_closest_marker("slow") and proves(item)]
    assert not [item.nodeid for item in short if not for_its_cost(item)]
    left = {item.nodeid for item in thorough_tests}
    quick = [item for item in request.session.items if item.nodeid not in left]
    assert not rows_of(thorough_tests) - rows_of(quick)


def measured(name: str, marks: dict[str, tuple]):
    """A test of this name, and its marks with their arguments."""
    found = {mark: [SimpleNamespace(args=args)] for mark, args in marks.items()}
    closest = lambda mark: found.get(mark, [None])[0]
    return SimpleNamespace(nodeid=name, get_closest_marker=closest, iter_markers=lambda m: found.get(m, []))


def test_dear_tests_are_left_to_the_whole_suite_but_for_the_cheapest_and_the_last_proof():
    costs = {"a[1]": 0.9, "a[2]": 0.5, "b": 1.2, "d[1]": 0.2, "d[2]": 0.3, "p": 9.0}
    costs |= {"c[1]": 9.0, "c[2]": 8.0, "e": 1.2, "f": 2.1}
    marks = {"p": {"property": ()}, "e": {"system": ("A2",)}, "f": {"system": ("A2", "A3")}}
    marks |= {"c[1]": {"system": ("A1",)}, "c[2]": {"system": ("A1",)}, "new": {"system": ("A3",)}}
    costs |= {"m[1]": 0.1, "m[2]": 0.4, "m[3]": 0.8}
    items = [measured(name, marks.get(name, {})) for name in [*costs, "new"]]
    for item in items[-4:-1]:
        item.callspec = SimpleNamespace(params={"case": item.nodeid})
    left = [found.nodeid for found in tiers.dear(items, costs)]
    assert left == [
        "a[1]",
        "b",
        "d[2]",
        "c[1]",
        "m[3]",
    ]  # f is the only proof of A2 below which nothing is cheap
    items.append(measured("cheap", {"system": ("A2",)}))
    assert {found.nodeid for found in tiers.dear(items, costs)} == {*left, "f"}


def test_the_group_is_no_part_of_a_name():
    assert tiers.plain("t.py::a[x@y]@g") == tiers.plain("t.py::a[x@y]") == "t.py::a[x@y]"
    assert tiers.plain("t.py::a@g") == "t.py::a"


def test_figures_are_those_of_tests_that_exist():
    """After a test is renamed its figure moves with it: `pytest --all --costs`."""
    known = {f"{sources.name(path)}::{node.name}" for path in TESTS for node in ast.walk(sources.tree(path))
             if isinstance(node, ast.FunctionDef)}  # fmt: skip
    costs = json.loads(tiers.COSTS.read_text())
    measured = {tiers.function_of(name) for name in costs if name.startswith("tests/")}
    assert not sorted(measured - known)
    assert all(cost >= tiers.DEAR for cost in costs.values())


def test_test_files_are_short_and_have_different_names():
    lines = {path: len(sources.text(path).splitlines()) for path in (sources.ROOT / "tests").rglob("*.py")}
    assert not [sources.name(path) for path, n in lines.items() if n >= 300]
    names = [path.name for path in TESTS]
    assert not sorted({name for name in names if names.count(name) > 1})


def test_names_of_tests_are_those_of_every_process(request):
    """A function's address in a name differs between processes, which then run nothing."""
    assert not [item.nodeid for item in request.session.items if " at 0x" in item.nodeid]
