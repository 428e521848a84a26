"""Runs the tests of faults on the sources before their mend, where they must fail.

    python tools/faults.py "doors 2.5"     # tests marked fault("doors 2.5...") and what they do there
    python tools/faults.py doors --write   # and docs/faults.csv, for docs/faults.md
    python tools/faults.py doors --before e27cda9b    # there, too, if a test passes on its parent

A test's parent is the commit before the one that brought the test. Its sources are checked out beside tests,
`conftest.py` and `pyproject.toml` of the test's own commit, in a worktree that is removed at the end. What a
test imports and the parent lacks fails when the test uses it (`lacking`).

A test that passes on its parent shows nothing, unless it is a control: the healthy case beside a sick one,
which a mend must leave as it is. The last column of the table, written by hand, says so and is kept.
"""

from __future__ import annotations

import argparse
import ast
import csv
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import astuple, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "docs" / "faults.csv"
COLUMNS = ("fault", "file", "test", "parent", "there", "note")
OPTIONS = "-p lacking -p no:cacheprovider -p no:xdist -o addopts= -v --tb=line --no-header"
LIMIT, START = 20, 60  # seconds of a test, and of all tests of a commit before the first of them


@dataclass(frozen=True)
class Marked:
    """A test of a fault.

    Args:
        fault: such as `doors 1.3`.
        file: its file, below the repository.
        name: of the function.
    """

    fault: str
    file: str
    name: str


def marked(root: Path = ROOT, prefix: str = "") -> list[Marked]:
    """Returns the tests whose fault begins with `prefix`, from the sources of all test files."""
    found = []
    for path in sorted((root / "tests").rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        if "fault(" not in text:
            continue
        tree = ast.parse(text)
        named = _named(tree)
        whole = named.pop("pytestmark", [])
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                marks = [mark for decorator in node.decorator_list for mark in _faults(decorator)]
                marks += [m for d in node.decorator_list for m in named.get(ast.unparse(d), ())] + whole
                fault = next((mark for mark in marks if mark.startswith(prefix)), None)
                if fault is not None:
                    found.append(Marked(fault, path.relative_to(root).as_posix(), node.name))
    return found


def _named(tree: ast.Module) -> dict[str, list[str]]:
    """Returns the faults of marks that a file gives a name, such as `pytestmark`."""
    assigned = [node for node in tree.body if isinstance(node, ast.Assign)]
    return {
        target.id: _faults(n.value) for n in assigned for target in n.targets if isinstance(target, ast.Name)
    }


def _faults(node: ast.AST) -> list[str]:
    return re.findall(r"fault\('([^']+)'", ast.unparse(node))


def git(*words: str, where: Path = ROOT) -> str:
    """Returns what a git command prints; "" where it fails."""
    done = subprocess.run(["git", *words], cwd=where, capture_output=True, check=False)
    return done.stdout.decode("utf-8", "replace")


def origins() -> dict[str, str]:
    """Returns the first commit, without merges, of each test function by name, and by file and name."""
    found: dict[str, str] = {}
    commit = file = ""
    log = git("log", "-p", "-U0", "--reverse", "--no-merges", "--format=commit %H", "--", "tests")
    for line in log.splitlines():
        if line.startswith("commit "):
            commit = line.split()[1]
        elif line.startswith("+++ "):
            file = line.rsplit("/", 1)[-1]
        elif added := re.match(r"\+\s*def (test_\w+)\(", line):
            found.setdefault(added[1], commit)
            found.setdefault(f"{file}::{added[1]}", commit)
    return found


def measured(commit: str, tests: list[Marked], tree: Path, before: str = "") -> dict[Marked, str]:
    """Returns what the tests of a commit do on the sources before it.

    Args:
        commit: the commit that brought the tests.
        tests: tests of faults.
        tree: a worktree.
        before: the commit of the sources; by default the parent.
    """
    git("checkout", "-q", "-f", "--detach", before or f"{commit}^", where=tree)
    git("clean", "-fdq", where=tree)
    git("rm", "-rqf", "tests", where=tree)
    for path in ("tests", "conftest.py", "pyproject.toml"):
        git("checkout", "-q", commit, "--", path, where=tree)
    files = {
        line.split(":", 1)[1]
        for test in tests
        for line in git("grep", "-l", f"def {test.name}(", commit, "--", "tests").splitlines()
    }
    said, over = _run(tree, sorted(files), [test.name for test in tests])
    return {test: outcome(said, test.name, over) for test in tests}


def _run(tree: Path, files: list[str], names: list[str]) -> tuple[str, bool]:
    """Runs tests by name; returns the output, and True if time was up."""
    path = os.pathsep.join([str(ROOT / "tools"), str(tree / "src")])
    words = [sys.executable, "-m", "pytest", *OPTIONS.split(), "-k", " or ".join(names), *files]
    said = ""
    for more in (["--all"], []):
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as out:
            how = {"cwd": tree, "stdout": out, "stderr": subprocess.STDOUT, "start_new_session": True}
            work = subprocess.Popen(
                [*words, *more], env=os.environ | {"PYTHONPATH": path, "COLUMNS": "400"}, **how
            )
            try:
                work.wait(START + LIMIT * len(names))
                over = False
            except subprocess.TimeoutExpired:
                os.killpg(work.pid, signal.SIGKILL)
                work.wait()
                over = True
            out.seek(0)
            said = out.read()
        if "unrecognized arguments" not in said:
            break
    return said, over


def outcome(said: str, name: str, over: bool = False) -> str:
    """Returns what a test did: `fails`, `fails (2 of 3)`, `passes`, `skipped`, `not collectable` or `time`.

    Args:
        said: output of pytest with `-v`.
        name: of the function; its cases are counted together.
        over: True if time was up.

    Example:
        >>> outcome("a.py::test_a[x] FAILED\\na.py::test_a[y] PASSED\\na.py::test_ab PASSED", "test_a")
        'fails (1 of 2)'
    """
    found = re.findall(rf"::{name}(?:\[.*?\])? (PASSED|FAILED|ERROR|SKIPPED)", said)
    bad = sum(state in ("FAILED", "ERROR") for state in found)
    if bad:
        lacks = re.search(rf"^FAILED \S*::{name}\b.*lacks (simulacra[\w.]+)", said, re.MULTILINE)
        some = f" ({bad} of {len(found)})" if bad < len(found) else ""
        return f"fails{some}" + (f": lacks {lacks[1]}" if lacks else "")
    if "PASSED" in found:
        return "passes"
    return "skipped" if found else "time" if over else "not collectable"


def rows_of(commit: str, tests: list[Marked], tree: Path, before: str | None) -> list[tuple[str, ...]]:
    """Returns and prints a row of the table for each test of a commit.

    Args:
        commit: the commit that brought the tests.
        tests: tests of faults.
        tree: a worktree.
        before: an older commit for tests that pass on the parent; None: none.
    """
    found = {test: (f"{commit}^", state) for test, state in measured(commit, tests, tree).items()}
    passed = [test for test, (_, state) in found.items() if state == "passes"]
    if before and passed:
        older = measured(commit, passed, tree, before)
        found |= {test: (before, state) for test, state in older.items() if state != "passes"}
    short = lambda name: git("rev-parse", "--short=8", name).strip()
    rows = [(*astuple(test), short(name), state) for test, (name, state) in found.items()]
    for row in rows:
        print(*row, sep="  ", flush=True)
    return rows


def main() -> int:
    """Runs the command line and returns 0."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("prefix", help="first letters of the faults, such as doors")
    asked.add_argument("--before", help="a commit before the first mend, for tests that pass on their parent")
    asked.add_argument("--write", action="store_true", help="write docs/faults.csv")
    given = asked.parse_args()
    by_commit, first = defaultdict(list), origins()
    for test in marked(prefix=given.prefix):
        own = f"{Path(test.file).name}::{test.name}"
        by_commit[first.get(own, first[test.name])].append(test)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        git("worktree", "add", "-q", "--detach", str(tree), "HEAD")
        for commit, tests in by_commit.items():
            rows += rows_of(commit, tests, tree, given.before)
        git("worktree", "remove", "--force", str(tree))
    if given.write:
        write(rows, given.prefix)
    return 0


def write(rows: list[tuple[str, ...]], prefix: str = "", table: Path = TABLE) -> None:
    """Writes the table; rows of other faults, and notes of tests that it holds already, stay.

    Args:
        rows: fault, file, function, parent and outcome of each test.
        prefix: first letters of the faults that were run, of which no other row stays.
        table: the file.
    """
    kept: list[tuple[str, ...]] = []
    if table.is_file():
        with open(table, newline="", encoding="utf-8") as file:
            kept = [tuple(row[name] for name in COLUMNS) for row in csv.DictReader(file)]
    notes = {(row[1], row[2]): row[-1] for row in kept}
    others = [row for row in kept if not row[0].startswith(prefix)]
    with open(table, "w", newline="", encoding="utf-8") as file:
        whole = sorted([*others, *((*row, notes.get((row[1], row[2]), "")) for row in rows)])
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *whole])


if __name__ == "__main__":
    sys.exit(main())
