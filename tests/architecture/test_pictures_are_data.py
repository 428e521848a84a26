"""Pictures are data: only the renderer imports matplotlib."""

import ast
import subprocess
import sys

import sources

RENDERER = "simulacra.exploration.rendering"
# one space of each kind, as data and as JSON, and the modules of every picture
DRAWN = """
import sys, torch
from simulacra import Binary, Levels, Real
from simulacra.exploration import notebook, plot
from simulacra.exploration.drawing.views import view_data
from simulacra.exploration.live import sample_history as history, watch
from simulacra.exploration.pictures import registry
for space in (Real((2,)), Real((4,)), Binary((9,)), Levels((1, 4, 4), 256)):
    view_data(space, torch.zeros(5, *space.shape), other=torch.ones(5, *space.shape)).json()
print("matplotlib" in sys.modules)
"""


def of_types(node: ast.AST) -> bool:
    """Whether a statement is `if TYPE_CHECKING:`, which does not run."""
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def running(node: ast.AST):
    """Every node of a tree that runs."""
    for child in ast.iter_child_nodes(node):
        if not of_types(child):
            yield child
            yield from running(child)


def imported(path, nodes) -> set[str]:
    """The names of modules that some nodes import."""
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def of_matplotlib(path) -> set[str]:
    """What a file outside of the renderer imports of matplotlib, or of the renderer at its top."""
    if sources.module(path).startswith(RENDERER):
        return set()
    tree = sources.tree(path)
    direct = {m for m in imported(path, running(tree)) if m.split(".")[0] == "matplotlib"}
    top = [node for node in ast.iter_child_nodes(tree) if not of_types(node)]
    return direct | {m for m in imported(path, top) if m.startswith(RENDERER)}


def test_only_the_renderer_imports_matplotlib():
    assert not sources.offenders(of_matplotlib)
    assert any(sources.module(path).startswith(RENDERER) for path in sources.FILES)


def test_pictures_are_computed_without_matplotlib():
    done = subprocess.run([sys.executable, "-c", DRAWN], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
