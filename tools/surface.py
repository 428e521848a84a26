"""Lists the public surface: every name, signature and option that a user can write.

    python tools/surface.py --write     # docs/surface.txt from the sources

The listed names are promised (docs/compatibility.md). The sources are parsed, not run: annotations and
defaults appear as written, independent of the versions of Python and torch.
"""

from __future__ import annotations

import ast
import difflib
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "simulacra"
PAGE = ROOT / "docs" / "surface.txt"
HEAD = "# Written by tools/surface.py: `python tools/surface.py --write`. See docs/compatibility.md.\n"
Definition = ast.ClassDef | ast.FunctionDef
# types that public functions return
RETURNED = {
    "Run": "training.run",
    "Report": "evaluation.report",
    "Ranking": "evaluation.compare.ranking",
    "Split": "data.dataset",
}
BUILT_IN = ("property", "classmethod", "staticmethod", "abstractmethod", "cached_property")


@cache
def tree(module: str) -> ast.Module:
    """Returns the syntax tree of a module of the library, such as `core.spaces.plain`."""
    stem = SOURCE.joinpath(*module.split(".")) if module else SOURCE
    path = stem / "__init__.py" if stem.is_dir() else stem.with_suffix(".py")
    return ast.parse(path.read_text(encoding="utf-8"))


def constant(module: str, name: str) -> ast.expr:
    """Returns the expression that a module assigns to a name.

    Args:
        module: module of the library, such as `core.spaces.plain`.
        name: the assigned name.
    """
    for node in tree(module).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(t, ast.Name) and t.id == name for t in targets):
            return node.value  # type: ignore[attr-defined]
    raise KeyError(f"{module} has no {name}")


def find(module: str, name: str) -> tuple[str, Definition] | None:
    """Returns the definition of a name with its module, through imports; None if it is not the library's.

    Args:
        module: module in which the search starts.
        name: name of a class or function.
    """
    for node in ast.walk(tree(module)):
        if isinstance(node, Definition) and node.name == name:
            return module, node
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("simulacra"):
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return find(node.module.removeprefix("simulacra").lstrip("."), alias.name)
    return None


def base(module: str, node: ast.expr) -> tuple[str, ast.ClassDef] | None:
    """Returns the class of a base: `Model`, or `can.Samples` through an imported module.

    Args:
        module: the module with the class.
        node: the expression of the base.
    """
    if isinstance(node, ast.Attribute):
        for line in ast.walk(tree(module)):
            if isinstance(line, ast.ImportFrom) and (line.module or "").startswith("simulacra"):
                for alias in line.names:
                    if (alias.asname or alias.name) == ast.unparse(node.value):
                        inside = f"{line.module}.{alias.name}".removeprefix("simulacra.")
                        return _class(find(inside, node.attr))
        return None
    return _class(find(module, ast.unparse(node)))


def _class(found: tuple[str, Definition] | None) -> tuple[str, ast.ClassDef] | None:
    return found if found and isinstance(found[1], ast.ClassDef) else None  # type: ignore[return-value]


def signature(node: ast.FunctionDef) -> str:
    """Returns parameters and result as written, one parameter a line if one line would be long."""
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    line = f"({ast.unparse(node.args)}){returns}"
    return line if len(line) < 90 else "\n        ".join(["(", *parameters(node.args), f"){returns}"])


def parameters(given: ast.arguments) -> Iterator[str]:
    """Yields the parameters one by one."""
    places = [*given.posonlyargs, *given.args]
    defaults = [None] * (len(places) - len(given.defaults)) + list(given.defaults)
    for i, (argument, default) in enumerate(zip(places, defaults), 1):
        yield _parameter(argument, default)
        if i == len(given.posonlyargs):
            yield "/"
    if given.vararg or given.kwonlyargs:
        yield f"*{ast.unparse(given.vararg) if given.vararg else ''}"
    yield from map(_parameter, given.kwonlyargs, given.kw_defaults)
    if given.kwarg:
        yield f"**{ast.unparse(given.kwarg)}"


def _parameter(argument: ast.arg, default: ast.expr | None) -> str:
    return ast.unparse(argument) + (f" = {ast.unparse(default)}" if default else "")


def members(node: ast.ClassDef) -> Iterator[str]:
    """Yields constructor, fields and public methods that a class itself defines, a line each."""
    for part in node.body:
        if isinstance(part, ast.AnnAssign) and not ast.unparse(part.target).startswith("_"):
            default = f" = {ast.unparse(part.value)}" if part.value else ""
            yield f"{ast.unparse(part.target)}: {ast.unparse(part.annotation)}{default}"
        elif isinstance(part, ast.Assign) and isinstance(getattr(part.value, "func", None), ast.Subscript):
            # a descriptor of a type, such as `latents = RecordOf[Latents]()`
            kind = part.value.func.slice  # type: ignore[attr-defined]
            yield f"{ast.unparse(part.targets[0])}: {ast.unparse(kind)} | None"
        elif isinstance(part, ast.FunctionDef) and (part.name == "__init__" or part.name[0] != "_"):
            marks = [ast.unparse(d) for d in part.decorator_list if ast.unparse(d) in BUILT_IN]
            yield f"{''.join(f'@{mark} ' for mark in marks)}{part.name}{signature(part)}"


def described(name: str, module: str, definition: Definition) -> list[str]:
    """Describes a function in one line, a class with its members.

    Args:
        name: the public name.
        module: the module that defines it.
        definition: its syntax tree.
    """
    if isinstance(definition, ast.FunctionDef):
        return [f"{name}{signature(definition)}"]
    bases = ", ".join(ast.unparse(b) for b in definition.bases)
    return [f"class {name}({bases})", *(f"    {line}" for line in members(definition))]


@cache
def models() -> list[list[str]]:
    """Returns name, family, module and class of each model of the catalogue."""
    families = sorted(path.parent.name for path in (SOURCE / "models").glob("*/catalog.py"))
    lists = [constant(f"models.{family}.catalog", "ENTRIES") for family in families]
    entries = [entry for listed in lists for entry in listed.elts]  # type: ignore[attr-defined]
    return [[ast.literal_eval(a) for a in entry.args[:4]] for entry in entries]


def public_names() -> dict[str, str]:
    """Returns the public names with their modules: the package's own table, and the catalogue's classes."""
    names = ast.literal_eval(constant("", "_NAMES"))
    return names | {cls: f"models.{module}" for _, _, module, cls in models()}


def public() -> dict[str, tuple[str, Definition]]:
    """Returns the definitions of the public names, and of the types that functions return."""
    names = {**public_names(), **RETURNED}
    found = {name: find(module, name) for name, module in names.items()}
    missing = [name for name, where in found.items() if where is None]
    assert not missing, f"{', '.join(missing)} are not defined where the package says"
    return found  # type: ignore[return-value]


def inherited(found: Iterable[tuple[str, Definition]]) -> dict[str, tuple[str, ast.ClassDef]]:
    """Returns the bases of the given classes, which add methods, without those that are given themselves."""
    waiting, bases = list(found), {}
    seen = {definition for _, definition in waiting}
    while waiting:
        module, node = waiting.pop()
        for expression in getattr(node, "bases", []):
            parent = base(module, expression)
            if parent and parent[1] not in seen:
                seen.add(parent[1])
                waiting.append(parent)
                bases[parent[1].name] = parent
    return bases


def python() -> list[str]:
    """Returns the names of the package, then the bases of its classes."""
    lines = ["## simulacra", ""]
    names = public()
    for name in sorted(names):
        lines += described(name, *names[name])
    lines += ["", "## bases", ""]
    bases = inherited(names.values())
    for name in sorted(bases):
        lines += described(name, *bases[name])
    return lines


# dataclasses whose fields are options of `load_data` for some kinds of data
READERS = {
    "data.images.options": ("PictureOptions", "FolderOptions"),
    "data.audio.options": ("AudioOptions",),
    "data.arrays.options": ("ArrayOptions", "MemoryOptions"),
    "data.tables.options": ("FrameOptions", "SheetOptions", "TableOptions"),
}


def reader_options() -> dict[str, tuple[str, Definition]]:
    """Returns the definitions of the readers' option dataclasses."""
    found = {name: find(module, name) for module, names in READERS.items() for name in names}
    assert all(found.values()), f"the readers' options are not all in {', '.join(READERS)}"
    return found  # type: ignore[return-value]


def readers() -> list[str]:
    """Returns the options of `load_data` that only some kinds of data have."""
    lines = ["", "## load_data: options of the readers", ""]
    for name, found in reader_options().items():
        lines += described(name, *found)
    return lines


def command_line() -> list[str]:
    """Returns the commands with their signatures or help, and the models by name."""
    lines = ["", "## simulacra COMMAND", ""]
    methods = ast.literal_eval(constant("cli.app", "METHODS"))
    for command in ast.literal_eval(constant("cli.app", "COMMANDS")):
        package = "methods" if command in methods else "commands"
        body = tree(f"cli.{package}.{command}").body
        own = [n for n in body if isinstance(n, ast.FunctionDef) and n.name == command]
        if own:
            lines.append(f"{command}{signature(own[0])}")
        else:
            usage = ast.literal_eval(constant(f"cli.commands.{command}", "HELP"))
            lines += [
                f"{command}:",
                *(f"    {line}".rstrip() for line in usage.splitlines() if "--" in line or "usage" in line),
            ]
    lines += ["", "## MODEL: its options are the constructor's", ""]
    return [*lines, *(f"{name}: {cls}" for name, _, _, cls in models())]


def page() -> str:
    """Returns the content of docs/surface.txt."""
    return "\n".join([HEAD, *python(), *readers(), *command_line()]) + "\n"


def difference(old: str, new: str) -> str:
    """Returns the differences as a diff.

    Args:
        old: content of docs/surface.txt.
        new: content that the sources give.
    """
    lines = difflib.unified_diff(
        old.splitlines(), new.splitlines(), "docs/surface.txt", "sources", lineterm="", n=0
    )
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Writes the page, or prints the differences."""
    old = PAGE.read_text(encoding="utf-8") if PAGE.is_file() else ""
    changed = difference(old, page())
    print(changed or "docs/surface.txt says what the sources say.")
    if "--write" in arguments:
        PAGE.write_text(page(), encoding="utf-8", newline="\n")
        return 0
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
