"""Where the source suggests a command or an option: every text outside docstrings that names one, and every
sentence that is written from a suggestion."""

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "src" / "simulacra"
# a command in back quotes, an option of loading data in Python's words or typed, one of going on with a run
SUGGESTS = re.compile(
    r"`simulacra (?!COMMAND|NAME)|load(?:ed)? (?:the data|it|them) with (?:\w+=|\{)"
    r"|\b(?:with|or|and) (?:types|time|missing|validation|test)=|--data\.\w"
)
# an option with a value, or a command, that is written into the sentence and is no data
LITERAL = re.compile(
    r"`simulacra (?!COMMAND|NAME)|load(?:ed)? (?:the data|it|them) with \w+=|--data\.\w"
    r"|\b(?:add|give|use|take|try|with|or|and) (?:a lower lr or )?\w+=[\w'\"{]"
)
MAKERS = {"load_with", "build_with", "train_with", "command", "unfinished"}
CARRIERS = {"Refusal", "Phrase", "NoClasses", "NotScored", "TrainingFailed"}


@dataclass(frozen=True)
class Site:
    """One text of the source.

    Args:
        file: below the package.
        line: where it begins.
        text: of it, {} for each value.
        made: whether it is written from a suggestion.
    """

    file: str
    line: int
    text: str
    made: bool


@cache
def sites(root: Path = SOURCE) -> list[Site]:
    """All texts that suggest something."""
    files = sorted(root.rglob("*.py"))
    return [site for path in files for site in sites_in(path.read_text("utf-8"), path, root)]


def sites_in(source: str, path: Path, root: Path) -> list[Site]:
    """Those of one file."""
    tree = ast.parse(source)
    inner = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    skipped, carried = inner | set(_docstrings(tree)), set(_carried(tree))
    found = []
    for node in ast.walk(tree):
        text = _text(node)
        if text is None or id(node) in skipped:
            continue
        made = id(node) in carried
        if made or SUGGESTS.search(text) or LITERAL.search(text):
            found.append(Site(path.relative_to(root).as_posix(), node.lineno, text, made))
    return found


def _carried(tree: ast.AST):
    """The sentences that are written from a suggestion of the same function, or of the file."""
    made = {name for node in tree.body if _makes(node) for name in _targets(node)}
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            nodes = [*ast.walk(function)]
            names = made | {name for node in nodes if _makes(node) for name in _targets(node)}
            for text in nodes:
                parts = text.values if isinstance(text, ast.JoinedStr) else []
                shown = [part.value for part in parts if isinstance(part, ast.FormattedValue)]
                inner = [node for part in shown for node in ast.walk(part)]
                named = any(isinstance(node, ast.Name) and node.id in names for node in inner)
                if named or any(isinstance(node, ast.Call) and _name(node) in MAKERS for node in inner):
                    yield id(text)


def _makes(node: ast.AST) -> bool:
    """Whether a node gives a name to a suggestion."""
    if not isinstance(node, ast.Assign):
        return False
    calls = {_name(call) for call in ast.walk(node.value) if isinstance(call, ast.Call)}
    # geometry has a maker of its own
    return bool(calls & {*MAKERS, "option"}) and not calls & CARRIERS


def _targets(node: ast.Assign):
    return [part.id for target in node.targets for part in ast.walk(target) if isinstance(part, ast.Name)]


def _name(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _text(node: ast.AST) -> str | None:
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _docstrings(tree: ast.AST):
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            yield id(body[0].value)
