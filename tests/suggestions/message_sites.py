"""Where the source suggests a command or an option: every literal text outside docstrings that names one."""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "src" / "simulacra"
# a command in back quotes, an option of loading data in Python's words or typed, one of going on with a run
SUGGESTS = re.compile(
    r"`simulacra (?!COMMAND|NAME)|load(?:ed)? (?:the data|it|them) with (?:\w+=|\{)"
    r"|\b(?:with|or|and) (?:types|time|missing|validation|test)=|--data\.\w"
)


@dataclass(frozen=True)
class Site:
    """One text of the source.

    Args:
        file: below the package.
        line: where it begins.
        text: of it, {} for each value.
    """

    file: str
    line: int
    text: str


def sites(root: Path = SOURCE) -> list[Site]:
    """All texts that suggest something."""
    files = sorted(root.rglob("*.py"))
    return [site for path in files for site in sites_in(path.read_text("utf-8"), path, root)]


def sites_in(source: str, path: Path, root: Path) -> list[Site]:
    """Those of one file."""
    tree = ast.parse(source)
    inner = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    skipped = inner | set(_docstrings(tree))
    found = []
    for node in ast.walk(tree):
        text = _text(node)
        if text is not None and id(node) not in skipped and SUGGESTS.search(text):
            found.append(Site(path.relative_to(root).as_posix(), node.lineno, text))
    return found


def _text(node: ast.AST) -> str | None:
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _docstrings(tree: ast.AST):
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            yield id(body[0].value)
