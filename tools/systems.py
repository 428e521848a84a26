"""Writes the systems page: which of the 196 systems work, where, and which tests prove it.

    python tools/systems.py --write     # docs/systems.md from docs/systems.csv and the test markers

A test proves a row with `@pytest.mark.system("E9")`, on itself, its class or its module. Tests are
read, not run. A row `works` if docs/systems.csv says so and a marked test compares numbers: an assertion
with a comparison, or a call to `allclose`, `approx` or `assert_close`, in the test or in a function
of the same file that it calls.
"""

from __future__ import annotations

import ast
import csv
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "docs" / "systems.csv"
PAGE = ROOT / "docs" / "systems.md"
STATES = ("works", "partly", "missing", "none")
COMPARING_CALLS = {
    "allclose",
    "assert_allclose",
    "approx",
    "assert_close",
    "isclose",
    "assert_array_equal",
    "assert_array_less",
}
ORDERS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)


@dataclass
class Row:
    """One system; `tests` are `file::function` of the tests that name it."""

    id: str
    section: str
    system: str
    paper: str
    state: str
    where: str
    notes: str
    tests: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Proof:
    """A test function, the rows it names, and whether it compares numbers."""

    test: str
    rows: tuple[str, ...]
    compares: bool


def read_rows(path: Path = TABLE) -> list[Row]:
    """Reads the rows of the table, in order."""
    with path.open(newline="", encoding="utf-8") as file:
        return [Row(**line) for line in csv.DictReader(file)]


def find_proofs(folder: Path = ROOT / "tests") -> list[Proof]:
    """Finds every marked test under `folder`."""
    return [
        proof
        for path in sorted(folder.rglob("test_*.py"))
        for proof in proofs_in(ast.parse(path.read_text(encoding="utf-8")), label(path))
    ]


def label(path: Path) -> str:
    """Returns a path as the page shows it."""
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name


def proofs_in(module: ast.Module, name: str) -> Iterator[Proof]:
    """Yields the marked tests of one file.

    Args:
        module: syntax tree of the file.
        name: its path for the page.
    """
    functions = {node.name: node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)}
    shared = rows_of_pytestmark(module)
    for node in module.body:
        if isinstance(node, ast.FunctionDef):
            yield from _proof(node, shared, f"{name}::{node.name}", functions)
        elif isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            of_class = shared | rows_marked(*node.decorator_list) | rows_of_pytestmark(node)
            for method in node.body:
                if isinstance(method, ast.FunctionDef):
                    test = f"{name}::{node.name}::{method.name}"
                    yield from _proof(method, of_class, test, functions)


def _proof(node: ast.FunctionDef, shared: set[str], test: str, functions: dict) -> Iterator[Proof]:
    rows = shared | rows_marked(*node.decorator_list)
    if node.name.startswith("test") and rows:
        yield Proof(test, tuple(sorted(rows)), compares_numbers(node, functions))


def rows_of_pytestmark(node: ast.Module | ast.ClassDef) -> set[str]:
    """Returns the rows that `pytestmark = ...` names for a whole file or class."""
    return {
        row
        for statement in node.body
        if isinstance(statement, ast.Assign)
        and any(isinstance(t, ast.Name) and t.id == "pytestmark" for t in statement.targets)
        for row in rows_marked(statement.value)
    }


def rows_marked(*expressions: ast.expr) -> set[str]:
    """Returns the arguments of every `mark.system(...)` in expressions."""
    rows = set()
    for call in (node for expression in expressions for node in ast.walk(expression)):
        if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("mark.system"):
            rows |= {a.value for a in call.args if isinstance(a, ast.Constant)}
    return rows


def compares_numbers(node: ast.AST, functions: dict, seen: frozenset[str] = frozenset()) -> bool:
    """Returns True if a test, or a function of its file that it calls, compares numbers.

    Args:
        node: syntax tree of the test.
        functions: functions of the file, by name.
        seen: functions that were visited already.
    """
    for part in ast.walk(node):
        if isinstance(part, ast.Assert) and any(_is_comparison(p) for p in ast.walk(part.test)):
            return True
        if isinstance(part, ast.Call):
            called = ast.unparse(part.func).split(".")[-1]
            if called in COMPARING_CALLS:
                return True
            fresh = called in functions and called not in seen
            if fresh and compares_numbers(functions[called], functions, seen | {called}):
                return True
    return False


def _is_comparison(node: ast.AST) -> bool:
    if not isinstance(node, ast.Compare) or not isinstance(node.ops[0], ORDERS):
        return False
    sides = [node.left, *node.comparators]
    return not any(isinstance(s, ast.Constant) and not isinstance(s.value, int | float) for s in sides)


def problems(rows: list[Row], proofs: list[Proof]) -> list[str]:
    """Returns the errors of table and markers, as sentences.

    Args:
        rows: the rows of the table.
        proofs: the marked tests.
    """
    ids = [row.id for row in rows]
    found = [f"{i} stands twice in the table." for i in sorted({i for i in ids if ids.count(i) > 1})]
    found += [
        f"{p.test} names the row {row!r}, which is not in the table."
        for p in proofs
        for row in p.rows
        if row not in ids
    ]
    comparing = {row for proof in proofs if proof.compares for row in proof.rows}
    for row in rows:
        if row.state not in STATES:
            found.append(f"{row.id} has the state {row.state!r}; states are {', '.join(STATES)}.")
        if row.state == "works" and row.id not in comparing:
            found.append(f"{row.id} is said to work, but no marked test compares numbers for it.")
        if row.state not in ("missing", "none") and not row.where:
            found.append(f"{row.id} is said to be {row.state}, but `where` is empty.")
        for module in filter(None, row.where.split()):
            if not (ROOT / "src" / "simulacra" / module).exists():
                found.append(f"{row.id} is said to be in {module}, which is not under src/simulacra.")
    return found


def page(rows: list[Row], proofs: list[Proof]) -> str:
    """Returns the content of docs/systems.md.

    Args:
        rows: the rows of the table.
        proofs: the marked tests.
    """
    tests = defaultdict(list)
    for proof in proofs:
        for row in proof.rows:
            tests[row].append(proof.test)
    count = {state: sum(row.state == state for row in rows) for state in STATES}
    lines = [HEAD.format(total=len(rows), **count)]
    for section, members in groupby(rows, key=lambda row: row.section):
        members = list(members)
        lines += [f"## {members[0].id[0]}. {section}", "", *HEADER]
        lines += [_line(row, tests[row.id]) for row in members]
        lines.append("")
    return "\n".join(lines)


HEADER = ["| id | system | paper | state | where | tests |", "|---|---|---|---|---|---|"]
HEAD = """# Systems

<!-- Written by tools/systems.py from docs/systems.csv and the test markers. Do not edit. -->

The {total} systems that the library is to hold, by family: {works} work, {partly} partly, {missing} are
missing; examples in the texts that are no systems have the state `none` ({none}). A row works when a test
marked with its id compares numbers with the truth (enumeration, quadrature, a closed form, finite
differences). In names, S0 to S4 are five lecture texts on generative models, DLB is the *Deep Learning Book*,
and (I) marks what no text names but another row needs. "Same" is the paper of the row above.
"""


def _line(row: Row, tests: list[str]) -> str:
    state = f"**{row.state}**" if row.state in ("works", "partly") else row.state
    where = "<br>".join(f"`{module}`" for module in row.where.split())
    proofs = "<br>".join(f"`{test.removeprefix('tests/')}`" for test in tests)
    system = escape(row.system) + (f" ({escape(row.notes)})" if row.notes else "")
    return f"| {row.id} | {system} | {escape(row.paper)} | {state} | {where} | {proofs} |"


def escape(text: str) -> str:
    """Escapes the special characters of Markdown."""
    return "".join("\\" + c if c in "|*_`<>[]$~" else c for c in text)


def main(arguments: list[str]) -> int:
    """Writes the page, or prints the errors."""
    rows, proofs = read_rows(), find_proofs()
    found = problems(rows, proofs)
    print("\n".join(found) or f"{len(rows)} rows, {len(proofs)} marked tests: no problems.")
    if "--write" in arguments:
        PAGE.write_text(page(rows, proofs), encoding="utf-8", newline="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
