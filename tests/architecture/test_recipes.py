"""Every catalogued model has a recipe whose header says what to run and what to expect, and that compares."""

from __future__ import annotations

import ast

import sources

from simulacra.models.catalog import CATALOG

RECIPES = sorted((sources.ROOT / "recipes").glob("*.py"))


WORDS = ("command ", "protocol ", "published ", "ours ", "device ")


def test_a_recipe_trains_every_model():
    whole = "\n".join(map(sources.text, RECIPES))
    untrained = lambda entry: (
        f"a script in recipes/ needs to call simulacra.{entry.cls}(...), see CONTRIBUTING.md"
        if f"simulacra.{entry.cls}(" not in whole
        else ""
    )
    assert not sources.offenders(untrained, CATALOG.values(), called=lambda entry: entry.name)


def missing_words(path) -> list[str]:
    """The words that the header of a recipe lacks."""
    header = ast.get_docstring(sources.tree(path)) or ""
    return [word for word in WORDS if f"\n{word}" not in header]


def test_headers_hold_command_protocol_and_figures():
    assert not sources.offenders(missing_words, RECIPES)


def missing_parts(path) -> list[str]:
    """The parts that a recipe needs to reproduce its figures, and lacks."""
    tree = sources.tree(path)
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    assigned = {
        ast.unparse(target)
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
    }
    takes = [a.arg for a in functions["reproduce"].args.args] if "reproduce" in functions else []
    there = {"FIGURES": "FIGURES" in assigned, "reproduce": takes == ["budget"], "main": "main" in functions}
    return [part for part, holds in there.items() if not holds]


def test_figures_can_be_reproduced():
    assert not sources.offenders(missing_parts, RECIPES)


def without_figure(path) -> str:
    """The published result of a recipe for which no figure stands."""
    from simulacra.cli.commands.recipes import read

    recipe = read(path)
    published = recipe.parts["published"]
    return "" if recipe.published or published.startswith("none") else f"published {published!r}"


def test_what_is_said_to_be_published_has_a_figure():
    assert not sources.offenders(without_figure, RECIPES)
