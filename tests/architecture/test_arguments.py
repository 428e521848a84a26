"""Docstrings describe the arguments that public functions, constructors and methods take."""

import ast
import re
import sys
from functools import cache

import sources

sys.path.insert(0, str(sources.ROOT / "tools"))
import surface

# parameters of public methods without a description, in the class or a base: the number may only go down
UNDESCRIBED = 54
NAMED = re.compile(r"    ((?:\*{0,2}\w+)(?:, \w+)*)(?: \(.*?\))?: ")


def described(node) -> list[str]:
    """The names in the `Args:` of a docstring."""
    lines = (ast.get_docstring(node) or "").partition("Args:\n")[2].splitlines()
    section = []
    for line in lines:
        if line and not line.startswith("    "):
            break
        section.append(line)
    groups = [found[1] for line in section if (found := NAMED.match(line))]
    return [name.lstrip("*") for group in groups for name in group.split(", ")]


def parameters(function: ast.FunctionDef) -> list[str]:
    """The names of a function's parameters, but for `self` and `cls`."""
    given = function.args
    rest = [given.vararg, given.kwarg]
    every = [*given.posonlyargs, *given.args, *given.kwonlyargs, *filter(None, rest)]
    return [argument.arg for argument in every if argument.arg not in ("self", "cls")]


@cache
def family(place: tuple[str, ast.ClassDef]) -> list[ast.ClassDef]:
    """A class and its bases."""
    return [place[1], *(node for _, node in surface.inherited([place]).values())]


def fields(node: ast.ClassDef) -> list[str]:
    """The fields of a dataclass."""
    lines = [part for part in node.body if isinstance(part, ast.AnnAssign)]
    names = [ast.unparse(part.target) for part in lines if "ClassVar" not in ast.unparse(part.annotation)]
    return [name for name in names if not name.startswith("_")]


def constructed(place: tuple[str, ast.ClassDef]) -> tuple[list[str], list[str]]:
    """The arguments that a class itself declares, and all that it takes."""
    node = place[1]
    made = {n.name: n for n in node.body if isinstance(n, ast.FunctionDef)}.get("__init__")
    if made is not None:
        return parameters(made), parameters(made)
    if any("dataclass" in ast.unparse(mark) for mark in node.decorator_list):
        return fields(node), [name for kind in family(place) for name in fields(kind)]
    return [], described(node)


def callables():
    """Each public function and class: its name, where it is, its own arguments, and all that it takes."""
    for name, place in {**surface.public(), **surface.reader_options()}.items():
        if isinstance(place[1], ast.ClassDef):
            yield name, place, *constructed(place)
        else:
            yield name, place, parameters(place[1]), parameters(place[1])


def methods(node: ast.ClassDef) -> dict[str, ast.FunctionDef]:
    """The public methods that a class defines itself."""
    return {n.name: n for n in node.body if isinstance(n, ast.FunctionDef) and not n.name.startswith("_")}


def classes() -> list[tuple[str, ast.ClassDef]]:
    """Public classes and their bases."""
    every = [*surface.public().values(), *surface.inherited(surface.public().values()).values()]
    return [place for place in every if isinstance(place[1], ast.ClassDef)]


def test_every_argument_that_is_described_is_one():
    wrong = [f"{n}: {a}" for n, place, _, takes in callables() for a in described(place[1]) if a not in takes]
    for _, node in classes():
        for name, method in methods(node).items():
            takes = parameters(method)
            wrong += [f"{node.name}.{name}: {a}" for a in described(method) if a not in takes]
    assert not wrong


def test_every_argument_of_a_public_function_or_constructor_is_described():
    models = {cls for *_, cls in surface.models()}
    # every model takes `seed`: `Model` and docs/contract.md say what it is
    lacking = {
        f"{name}: {argument}"
        for name, place, own, _ in callables()
        for argument in own
        if argument not in described(place[1]) and not (name in models and argument == "seed")
    }
    assert not lacking


def test_fewer_and_fewer_arguments_of_methods_have_no_description():
    lacking = set()
    for place in classes():
        for name, method in methods(place[1]).items():
            same = [methods(kind)[name] for kind in family(place) if name in methods(kind)]
            told = {argument for other in same for argument in described(other)}
            lacking |= {f"{place[1].name}.{name}: {a}" for a in parameters(method) if a not in told}
    many = f"{len(lacking)} arguments of public methods have no description, more than {UNDESCRIBED}"
    assert len(lacking) <= UNDESCRIBED, f"{many}: describe the new ones in `Args:`"
