"""The quick tier proves every row, and has a representative of every feature of the catalogue.

A proof that trains for more than five seconds (`slow`) may be left to the whole suite, if other tests of the
quick tier prove its rows.
"""

import ast

import sources

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


def test_no_exact_check_leaves_the_quick_tier_but_for_long_trainings(thorough_tests, request):
    """By the decorators in the files, and by the marks of all tests that were collected with this one."""
    assert not sources.offenders(leaves, TESTS)
    short = [item for item in thorough_tests if not item.get_closest_marker("slow")]
    exact = [item.nodeid for item in short if item.nodeid.startswith("tests/exact/")]
    assert not exact + [item.nodeid for item in short if item.get_closest_marker("system")]
    left = {item.nodeid for item in thorough_tests}
    quick = [item for item in request.session.items if item.nodeid not in left]
    assert not rows_of(thorough_tests) - rows_of(quick)


def test_test_files_are_short_and_have_different_names():
    lines = {path: len(sources.text(path).splitlines()) for path in (sources.ROOT / "tests").rglob("*.py")}
    assert not [sources.name(path) for path, n in lines.items() if n >= 300]
    names = [path.name for path in TESTS]
    assert not sorted({name for name in names if names.count(name) > 1})


def test_names_of_tests_are_those_of_every_process(request):
    """A function's address in a name differs between processes, which then run nothing."""
    assert not [item.nodeid for item in request.session.items if " at 0x" in item.nodeid]
