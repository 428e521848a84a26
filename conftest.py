"""Two tiers of tests, examples that are collected from the text, and groups for several processes.

`pytest` runs the quick tier; `pytest --all` also what is marked `thorough`, or dear by `tests/tiers.py`.
"""

from __future__ import annotations

import ast
import doctest
import gc
import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: spinning threads starve small machines
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

import pytest

# compiled tests are kept, also where the environment says that nothing is: compiling them takes 10 seconds
sys.dont_write_bytecode = False
gc.disable()  # while thousands of tests are collected there is nothing to free

ROOT = Path(__file__).resolve().parent
SOURCES = ROOT / "src"
sys.path.insert(0, str(ROOT / "tests"))

from tiers import Measured, Scheduling, mark_dear  # noqa: E402

FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
THOROUGH = pytest.StashKey[list[pytest.Item]]()
SHARED = ("tests/contract/", "tests/golden/", "tests/reliability/")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--all`: the whole suite; `--costs`: measure it."""
    parser.addoption("--all", action="store_true", help="run the tests marked `thorough` as well")
    parser.addoption("--costs", action="store_true", help="write the costs of tests to tests/costs.json")


def pytest_configure(config: pytest.Config) -> None:
    """Measures the cost of each test, if asked for."""
    if config.getoption("--costs"):
        config.pluginmanager.register(Measured())


# ---- tiers and groups


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what only the whole suite runs, and name the group of each test that is left."""
    mark_dear(items)
    thorough = [item for item in items if item.get_closest_marker("thorough")]
    config.stash[THOROUGH] = thorough
    if thorough and not config.getoption("--all"):
        config.hook.pytest_deselected(items=thorough)
        items[:] = [item for item in items if not item.get_closest_marker("thorough")]
    for item in items:
        item.add_marker(pytest.mark.xdist_group(group_of(item)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object | None:
    """The scheduler of groups, in the form that does not slow down with the number of tests."""
    return Scheduling(config, log) if config.getoption("dist") == "loadgroup" else None


def group_of(item: pytest.Item) -> str:
    """Tests of one group share what was trained for them, so that one process runs them all.

    It is the file, for the suites over the catalogue the case, whose model they have in common, and for the
    project's own rules their folder, which reads the source once.
    """
    file = item.nodeid.split("::")[0]
    if file.startswith("tests/architecture/"):
        return "architecture"
    callspec = getattr(item, "callspec", None)
    if callspec and file.startswith(SHARED) and "case" in callspec.params:
        return str(callspec.params["case"])
    return file if file.startswith("tests/") else "examples"


def pytest_collection_finish(session: pytest.Session) -> None:
    """From here on there is something to free; the tests themselves stay."""
    gc.freeze()
    gc.enable()


@pytest.fixture
def thorough_tests(request: pytest.FixtureRequest) -> list[pytest.Item]:
    """The tests of this run that only the whole suite has."""
    return request.config.stash[THOROUGH]


# ---- examples in docstrings


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """The examples of a file of the library."""
    if file_path.suffix == ".py" and file_path.is_relative_to(SOURCES):
        return ExampleFile.from_parent(parent, path=file_path)
    return None


class ExampleFile(pytest.File):
    """A file whose docstrings are read, not imported, to find the examples."""

    def collect(self) -> Iterator[pytest.Item]:
        """One test for each docstring that holds an example."""
        text = self.path.read_text(encoding="utf-8")
        if ">>>" not in text:
            return
        parts = self.path.relative_to(SOURCES).with_suffix("").parts
        module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        for name, line, docstring in docstrings(ast.parse(text), module):
            if ">>>" in docstring:
                yield Example.from_parent(self, name=name, module=module, line=line, text=docstring)


def docstrings(node: ast.AST, name: str) -> Iterator[tuple[str, int, str]]:
    """Dotted name, line and text of the docstring of a module and of all that stands in it."""
    found = ast.get_docstring(node, clean=False)
    if found is not None:
        yield name, node.body[0].lineno - 1, found
    for child in node.body:
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield from docstrings(child, f"{name}.{child.name}")


class Example(pytest.Item):
    """The examples of one docstring, which import their module when they run."""

    def __init__(self, *, module: str, line: int, text: str, **more) -> None:
        super().__init__(**more)
        self.module, self.line, self.text = module, line, text

    def runtest(self) -> None:
        """Run the examples in a copy of the module's names."""
        names = dict(vars(importlib.import_module(self.module)))
        test = doctest.DocTestParser().get_doctest(self.text, names, self.name, str(self.path), self.line)
        said: list[str] = []
        if doctest.DocTestRunner(optionflags=FLAGS).run(test, out=said.append).failed:
            raise ExampleFailed("".join(said))

    def repr_failure(self, excinfo: pytest.ExceptionInfo, style: str | None = None) -> object:
        """The report of doctest, without a traceback."""
        if isinstance(excinfo.value, ExampleFailed):
            return str(excinfo.value)
        return super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the docstring stands."""
        return self.path, self.line, f"examples of {self.name}"


class ExampleFailed(AssertionError):
    """An example that says something else than its docstring."""
