"""The stubs that type checkers and editors read hold the public names, and these cost no import."""

import subprocess
import sys

import sources

sys.path.insert(0, str(sources.ROOT / "tools"))
import stubs
import surface


def run(code: str) -> str:
    """What a line of Python prints in a process of its own."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_stubs_hold_what_the_sources_say():
    assert not stubs.stale(), "run `python tools/stubs.py --write`"


def test_every_lazy_family_has_a_stub():
    lazy = {path for path in sources.FILES if "classes_of(__name__" in sources.text(path)}
    assert {path.with_suffix(".pyi") for path in lazy} <= {path for path, _ in stubs.stubs()}


def test_the_stub_has_the_names_of_the_package():
    import simulacra

    assert sorted([*surface.public_names(), "__version__"]) == sorted(simulacra.__all__) == dir(simulacra)


def test_a_model_of_the_catalogue_is_public_without_a_list_by_hand():
    text = sources.text(sources.SOURCE / "__init__.py")
    assert not [cls for *_, cls in surface.models() if f'"{cls}"' in text]


def test_long_imports_have_a_name_a_line():
    made = stubs.stub({f"{'n' * 60}{i}": "core.batch" for i in range(2)})
    assert made.count("\n    nnn") == 2 and "from simulacra.core.batch import (\n" in made


def test_importing_the_package_loads_neither_the_catalogue_nor_torch():
    ours = "{m for m in sys.modules if m.split('.')[0] in ('simulacra', 'torch')}"
    loaded = run(f"import sys, simulacra; print(*sorted({ours}))").split()
    assert loaded == ["simulacra", "simulacra.version"]


def test_the_public_names_need_no_torch():
    assert run("import sys, simulacra; len(simulacra.__all__); print('torch' in sys.modules)") == "False"


def test_a_star_import_gives_models():
    assert run("from simulacra import *; print(VAE.__name__, fit.__name__)") == "VAE fit"


def test_modules_import_no_name_from_the_package_itself():
    """Through the stub every module would be in one import cycle, in which mypy infers no types."""
    names = {"simulacra", *(f"simulacra.{name}" for name in [*surface.public_names(), "__version__"])}
    found = sources.offenders(lambda path: sorted(sources.imports(path) & names))
    assert not found, f"import it from the module that defines it: {found}"
