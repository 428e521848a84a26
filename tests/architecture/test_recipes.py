"""Every catalogued model has a recipe whose header says what to run and what to expect, and that compares."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from simulacra.models.catalog import CATALOG

RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("*.py"))


@pytest.mark.parametrize("name", CATALOG)
def test_a_recipe_trains_the_model(name):
    assert any(f"simulacra.{CATALOG[name].cls}(" in path.read_text(encoding="utf-8") for path in RECIPES)


@pytest.mark.parametrize("path", RECIPES, ids=lambda p: p.stem)
def test_header_holds_command_protocol_and_figures(path):
    header = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    for word in ("command ", "protocol ", "published ", "ours ", "device "):
        assert f"\n{word}" in header, word


@pytest.mark.parametrize("path", RECIPES, ids=lambda p: p.stem)
def test_figures_can_be_reproduced(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    assigned = {
        ast.unparse(target)
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
    }
    assert "FIGURES" in assigned
    assert [a.arg for a in functions["reproduce"].args.args] == ["budget"]
    assert "main" in functions


@pytest.mark.parametrize("path", RECIPES, ids=lambda p: p.stem)
def test_what_is_said_to_be_published_has_a_figure(path):
    from simulacra.cli.recipes import read

    recipe = read(path)
    assert recipe.published or recipe.parts["published"].startswith("none"), recipe.parts["published"]
