"""Every catalogued model has a recipe whose header says what to run and what to expect."""

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
