"""The project's files, read once for the tests of its own rules."""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "simulacra"
FILES = sorted(SOURCE.rglob("*.py"))


@cache
def text(path: Path) -> str:
    """The text of a file."""
    return path.read_text(encoding="utf-8")


@cache
def tree(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(text(path))


def name(path: Path) -> str:
    """A path as failures show it."""
    return path.relative_to(ROOT).as_posix()


def offenders(rule, among=FILES, called=name) -> list[str]:
    """A line for each of `among` of which `rule` says something: its name and what is said."""
    found = [(thing, rule(thing)) for thing in among]
    return [f"{called(thing)}: {said}" for thing, said in found if said]


def module(path: Path) -> str:
    """The dotted name of a file of the library."""
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> set[str]:
    """Every dotted name that a file imports, at its top or inside a function."""
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = module(path).split(".")
            inside = package if path.name == "__init__.py" else package[:-1]
            base = inside[: len(inside) - node.level + 1] if node.level else []
            stem = ".".join([*base, *filter(None, [node.module])])
            found |= {stem} | {f"{stem}.{alias.name}" for alias in node.names}
    return found


def identifiers(path: Path) -> set[str]:
    """Every name that a file's code uses; strings and comments are not code."""
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.alias):
            found |= set(node.name.split("."))
    return found
