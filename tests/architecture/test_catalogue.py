"""Every catalogued model has class, paper, rows, equations and docs; nothing else names it."""

import ast
import csv
import re

import pytest
import sources

from simulacra.models.catalog import CATALOG

FAMILIES = sources.ROOT / "docs" / "families"
GENERAL = [
    p for p in sources.FILES if p.relative_to(sources.SOURCE).parts[0] in {"training", "cli", "cli.py"}
]

entries = pytest.mark.parametrize("entry", CATALOG.values(), ids=CATALOG.keys())


def source_of(entry):
    """The file of a model."""
    return sources.SOURCE / "models" / (entry.module.replace(".", "/") + ".py")


@entries
def test_the_class_is_where_the_catalogue_says(entry):
    classes = {n.name for n in sources.tree(source_of(entry)).body if isinstance(n, ast.ClassDef)}
    assert entry.cls in classes
    assert entry.module.split(".")[0] == entry.family


@entries
def test_the_entry_is_complete(entry):
    assert entry.name == CATALOG[entry.name].name
    assert re.search(r"[A-Z]\w+.* (18|19|20)\d\d", entry.paper), "the paper needs an author and a year"
    assert entry.summary and not entry.summary.endswith(".")


@entries
def test_the_rows_are_in_the_systems_table(entry):
    with (sources.ROOT / "docs" / "systems.csv").open(newline="", encoding="utf-8") as file:
        known = {row["id"] for row in csv.DictReader(file)}
    assert entry.rows and set(entry.rows) <= known


@entries
def test_the_family_page_has_the_model_and_its_equations(entry):
    """The page holds a section `## Title (`name`)` with at least one displayed equation."""
    page = (FAMILIES / f"{entry.family}.md").read_text(encoding="utf-8")
    sections = re.split(r"^## ", page, flags=re.MULTILINE)
    own = [s for s in sections if f"(`{entry.name}`)" in s.splitlines()[0]]
    assert len(own) == 1, f"docs/families/{entry.family}.md has no section for `{entry.name}`"
    assert "$$" in own[0] or "```{math}" in own[0]


@entries
def test_the_file_opens_with_its_problem(entry):
    assert len(ast.get_docstring(sources.tree(source_of(entry))) or "") > 80


@pytest.mark.parametrize("path", GENERAL, ids=sources.name)
def test_trainer_and_command_line_name_no_model(path):
    named = sources.identifiers(path) & {entry.cls for entry in CATALOG.values()}
    assert not named, f"{sources.name(path)} names {sorted(named)}"


@pytest.mark.parametrize("path", GENERAL, ids=sources.name)
def test_trainer_and_command_line_import_no_family(path):
    families = {f"simulacra.models.{entry.family}" for entry in CATALOG.values()}
    taken = {m for m in sources.imports(path) if any(m.startswith(f) for f in families)}
    assert not taken, f"{sources.name(path)} imports {sorted(taken)}"
