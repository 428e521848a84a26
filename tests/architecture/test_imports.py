"""Imports point one way, families stand apart, and lists need no torch."""

import subprocess
import sys
import tomllib

import sources

CONTRACTS = tomllib.loads(sources.text(sources.ROOT / "pyproject.toml"))["tool"]["importlinter"]["contracts"]
LAYERS = next(c for c in CONTRACTS if c["type"] == "layers")["layers"]
FAMILIES = next(c for c in CONTRACTS if c["type"] == "independence")["modules"]


def within(module: str, package: str) -> bool:
    """Whether a module is a package or lies in it."""
    return module == package or module.startswith(package + ".")


def layer_of(module: str) -> int | None:
    """The index of a module's layer, 0 on top."""
    ranks = (i for i, row in enumerate(LAYERS) for p in row.split(" | ") if within(module, p))
    return next(ranks, None)


def from_above(path) -> set[str]:
    """The modules of a higher layer that a file imports."""
    here = layer_of(sources.module(path))
    if here is None:
        return set()
    return {m for m in sources.imports(path) if (there := layer_of(m)) is not None and there < here}


def test_imports_point_down():
    assert not sources.offenders(from_above)


def of_siblings(path) -> set[str]:
    """The modules that a file imports from beside its own package in a layer, or its own family."""
    here, found = sources.module(path), set()
    for row in [*LAYERS, " | ".join(FAMILIES)]:
        packages = row.split(" | ")
        own = next((p for p in packages if within(here, p)), None)
        if own is not None:
            found |= {m for m in sources.imports(path) for p in packages if p != own and within(m, p)}
    return found


def test_siblings_of_a_layer_stand_apart():
    assert not sources.offenders(of_siblings)


def test_every_family_is_under_contract():
    folders = {p.parent.name for p in (sources.SOURCE / "models").glob("*/__init__.py")}
    assert folders == {family.rsplit(".", 1)[1] for family in FAMILIES}


def test_every_package_has_a_layer():
    packages = {p.parent.name for p in sources.SOURCE.glob("*/__init__.py")}
    assert {p for p in packages if layer_of(f"simulacra.{p}") is None} == set()


def test_the_catalogue_imports_no_torch():
    code = "import sys, simulacra.models.catalog; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
