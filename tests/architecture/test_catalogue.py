"""Every catalogued model has class, paper, rows, equations and docs; nothing else names it."""

import ast
import csv
import re

import sources

import simulacra
from simulacra.models.catalog import CATALOG
from simulacra.models.entry import Entry

FAMILIES = sources.ROOT / "docs" / "families"
GENERAL = [
    p for p in sources.FILES if p.relative_to(sources.SOURCE).parts[0] in {"training", "cli", "cli.py"}
]


def wrong(rule) -> list[str]:
    """The entries of the catalogue of which `rule` says something."""
    return sources.offenders(rule, CATALOG.values(), called=lambda entry: entry.name)


def source_of(entry):
    """The file of a model."""
    return sources.SOURCE / "models" / (entry.module.replace(".", "/") + ".py")


def misplaced(entry) -> str:
    """The place at which the class of an entry is missing."""
    classes = {n.name for n in sources.tree(source_of(entry)).body if isinstance(n, ast.ClassDef)}
    there = entry.cls in classes and entry.module.split(".")[0] == entry.family
    return "" if there else f"no {entry.cls} in {entry.module} of {entry.family}"


def test_the_class_is_where_the_catalogue_says():
    assert not wrong(misplaced)


def incomplete(entry) -> list[str]:
    """The fields of an entry that say too little."""
    complete = {
        "paper, with author and year": re.search(r"[A-Z]\w+.* (18|19|20)\d\d", entry.paper),
        "summary, without a full stop": entry.summary and not entry.summary.endswith("."),
    }
    return [field for field, holds in complete.items() if not holds]


def test_every_entry_is_complete():
    assert {name: entry.name for name, entry in CATALOG.items()} == {name: name for name in CATALOG}
    assert not wrong(incomplete)


def test_the_rows_are_in_the_systems_table():
    with (sources.ROOT / "docs" / "systems.csv").open(newline="", encoding="utf-8") as file:
        known = {row["id"] for row in csv.DictReader(file)}
    told = "docs/systems.csv needs the rows that it implements, then `make systems`"
    assert not wrong(
        lambda entry: f"{told}: {entry.rows}" if set(entry.rows) - known or not entry.rows else ""
    )


def pages_of(family: str) -> list[str]:
    """The page of a family, and the pages of `docs` that it links to, such as `[](../growing.md)`."""
    page = (FAMILIES / f"{family}.md").read_text(encoding="utf-8")
    linked = sorted(set(re.findall(r"\]\(\.\./(\w+\.md)\)", page)))
    return [page, *((FAMILIES.parent / name).read_text(encoding="utf-8") for name in linked)]


def undocumented(entry) -> str:
    """The part of a family's pages that an entry lacks: `## Title (`name`)` with a displayed equation."""
    sections = [s for page in pages_of(entry.family) for s in re.split(r"^## ", page, flags=re.MULTILINE)]
    own = [s for s in sections if f"(`{entry.name}`)" in s.splitlines()[0]]
    if len(own) != 1:
        need = f"one section `## Title (`{entry.name}`)` with its equations"
        return f"docs/families/{entry.family}.md needs {need}; it has {len(own)}"
    return "" if "$$" in own[0] or "```{math}" in own[0] else "its section has no equation"


def test_the_family_page_has_every_model_and_its_equations():
    assert not wrong(undocumented)


def test_every_file_opens_with_its_problem():
    opening = lambda entry: ast.get_docstring(sources.tree(source_of(entry))) or ""
    assert not wrong(lambda entry: len(opening(entry)) <= 80 and "its first docstring is too short")


def test_a_new_model_is_told_where_its_section_goes():
    new = Entry("new", "variational", "variational.new", "New", "A 1999", ("E1",), "new")
    assert "docs/families/variational.md needs one section `## Title (`new`)`" in undocumented(new)


def test_public_names_of_models_are_those_of_the_catalogue():
    models = [entry.cls for entry in CATALOG.values()]
    assert not set(models) & set(simulacra._NAMES) and set(models) <= set(simulacra.__all__)
    assert [getattr(simulacra, name).__name__ for name in models] == models


def test_trainer_and_command_line_name_no_model():
    models = {entry.cls for entry in CATALOG.values()}
    assert not sources.offenders(lambda path: sources.identifiers(path) & models, GENERAL)


def test_trainer_and_command_line_import_no_family():
    families = tuple(f"simulacra.models.{entry.family}" for entry in CATALOG.values())
    taken = lambda path: {m for m in sources.imports(path) if m.startswith(families)}
    assert not sources.offenders(taken, GENERAL)
