"""Draws and counts the rooms of the library from its imports.

    python tools/rooms.py               # counts: rooms and arrows, cycles, files a folder, lengths
    python tools/rooms.py --write       # docs/images/rooms.svg, where the arrows have changed

A room is a package (or a lone module) at the top of `simulacra`. An arrow says that one room imports another,
at the top of a file or inside a function. Imports for annotations only (`if TYPE_CHECKING:`) do not run and
are left out. The picture is made by Graphviz where `dot` is installed, otherwise by matplotlib; its first
lines name its arrows, by which a test sees that it is out of date.
"""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "simulacra"
PICTURE = ROOT / "docs" / "images" / "rooms.svg"
Graph = dict[str, set[str]]
COLUMNS, ROUNDS = (-1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5), 20  # positions in a level; most rounds of moving
LISTED = 5  # number of longest files, and of fullest folders, that are listed


# ---- what is imported


def modules(source: Path = SOURCE) -> dict[str, Path]:
    """Returns the path of each module of a package by dotted name; `simulacra` is its table of contents."""
    found = {}
    for path in sorted(source.rglob("*.py")):
        parts = path.relative_to(source.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Yields module and name of each import that is executed; the name is empty for `import module`."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from ((node.module or "", alias.name) for alias in node.names)
        else:
            yield from imported(node)


def graph(source: Path = SOURCE) -> Graph:
    """Returns the modules of the same package that each module imports."""
    known = modules(source)
    found: Graph = {}
    for module, path in known.items():
        names = imported(ast.parse(path.read_text(encoding="utf-8")))
        # `from package import module` imports the module, `from module import name` the module before it
        targets = (f"{stem}.{name}" if f"{stem}.{name}" in known else stem for stem, name in names)
        found[module] = {target for target in targets if target in known} - {module}
    return found


def cycles(edges: Mapping[str, set[str]]) -> list[list[str]]:
    """Returns the groups of modules that import each other in a cycle, by Tarjan's algorithm.

    Example:
        >>> cycles({"a": {"b"}, "b": {"c"}, "c": {"b"}})
        [['b', 'c']]
    """
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found = []

    def visit(v: str) -> None:
        number[v] = low[v] = len(number)
        stack.append(v)
        for w in sorted(edges.get(v, ())):
            if w not in number:
                visit(w)
                low[v] = min(low[v], low[w])
            elif w in stack:
                low[v] = min(low[v], number[w])
        if low[v] == number[v]:
            group = stack[stack.index(v) :]
            del stack[stack.index(v) :]
            if len(group) > 1:
                found.append(sorted(group))

    before = sys.getrecursionlimit()
    sys.setrecursionlimit(10_000)
    try:
        for v in sorted(edges):
            if v not in number:
                visit(v)
    finally:
        sys.setrecursionlimit(before)
    return found


# ---- rooms


def room(module: str) -> str:
    """Returns the room of a module; the package itself is the table of contents."""
    return module.split(".")[1] if "." in module else "__init__"


def arrows(edges: Mapping[str, set[str]]) -> Counter[tuple[str, str]]:
    """Counts the imports between each pair of rooms."""
    pairs = ((room(a), room(b)) for a, targets in edges.items() for b in targets)
    return Counter((a, b) for a, b in pairs if a != b)


def drawn_arrows(edges: Mapping[str, set[str]]) -> list[tuple[str, str]]:
    """Returns the arrows of the picture: those that no path through other rooms implies.

    The table of contents and the version, which every room may import, are left out.
    """
    left_out = {"__init__", "__main__", "version"}
    pairs = {pair for pair in arrows(edges) if not left_out & set(pair)}
    below = {a: {b for x, b in pairs if x == a} for a, _ in pairs}

    def reached(a: str, seen: frozenset[str] = frozenset()) -> set[str]:
        near = below.get(a, set()) - seen
        return near.union(*(reached(b, seen | {a}) for b in near)) if near else set()

    indirect = lambda a, b: any(b in reached(c, frozenset({a})) for c in below[a] - {b})
    return sorted((a, b) for a, b in pairs if not indirect(a, b))


def levels(pairs: list[tuple[str, str]]) -> dict[str, int]:
    """Returns the height of each room: one above the highest room it imports, 0 for those without imports."""
    below = {a: {b for x, b in pairs if x == a} for pair in pairs for a in pair}
    height: dict[str, int] = {}

    def of(a: str) -> int:
        if a not in height:
            height[a] = 1 + max(map(of, below[a]), default=-1)
        return height[a]

    return {a: of(a) for a in sorted(below)}


# ---- the picture


def named(pairs: list[tuple[str, str]]) -> str:
    """Lists the arrows as the picture names them."""
    return ", ".join(f"{a} to {b}" for a, b in pairs)


def of_picture(path: Path = PICTURE) -> str:
    """Returns the arrows that a picture names; an empty string if there is no picture."""
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    found = re.search(r"<!-- arrows: (.*?) -->", text)
    return found[1] if found else ""


def svg(pairs: list[tuple[str, str]]) -> str:
    """Returns the picture, made by Graphviz if it is installed, otherwise by matplotlib."""
    text = by_graphviz(pairs) if shutil.which("dot") else by_matplotlib(pairs)
    head, tag, rest = text.partition("<svg")
    return f"{head}<!-- arrows: {named(pairs)} -->\n{tag}{rest}"


def by_graphviz(pairs: list[tuple[str, str]]) -> str:
    """Returns the picture as `dot` lays it out."""
    lines = [f'  "{a}" -> "{b}";' for a, b in pairs]
    style = '  node [shape=box, style=rounded, fontname="sans-serif"];'
    text = "\n".join(["digraph rooms {", style, *lines, "}"])
    done = subprocess.run(["dot", "-Tsvg"], input=text, capture_output=True, text=True, check=True)
    return done.stdout


def by_matplotlib(pairs: list[tuple[str, str]]) -> str:
    """Returns the picture with one level for each height, and rooms of a level side by side."""
    import io

    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    matplotlib.rcParams.update({"svg.hashsalt": "rooms", "svg.fonttype": "none", "font.family": "sans-serif"})
    place = places(pairs)
    top = max(y for _, y in place.values())
    figure, axes = pyplot.subplots(figsize=(7, 0.9 * top + 1))
    box = {"boxstyle": "round,pad=0.5", "facecolor": "white", "edgecolor": "#555555"}
    texts = {
        name: axes.text(x, y, name, ha="center", va="center", fontsize=11, bbox=box)
        for name, (x, y) in place.items()
    }
    axes.set_xlim(COLUMNS[0] - 0.5, COLUMNS[-1] + 0.5)
    axes.set_ylim(-0.5, top + 0.5)
    figure.canvas.draw()  # computes the sizes of the boxes
    for a, b in pairs:
        ends = {"patchA": texts[a].get_bbox_patch(), "patchB": texts[b].get_bbox_patch()}
        axes.annotate("", place[b], place[a], arrowprops={"arrowstyle": "-|>", "color": "#888888", **ends})
    axes.set_axis_off()
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata={"Date": None}, bbox_inches="tight")
    pyplot.close(figure)
    return stream.getvalue()


def places(pairs: list[tuple[str, str]]) -> dict[str, tuple[float, float]]:
    """Returns the position of each room; y is its level.

    Starting in the middle, each room in turn moves to the position with the shortest arrows that cross
    no other room, until none moves.
    """
    height = levels(pairs)
    found = dict.fromkeys(height, 0.0)
    for _ in range(ROUNDS):
        before = dict(found)
        for name in height:
            found[name] = min(COLUMNS, key=lambda x: _cost({**found, name: x}, height, pairs))
        if found == before:
            break
    return {name: (x, float(height[name])) for name, x in found.items()}


def _cost(x: Mapping[str, float], height: Mapping[str, int], pairs: list[tuple[str, str]]) -> float:
    """Returns the total width of the arrows, plus a penalty for rooms that overlap or lie under an arrow."""
    names = list(x)
    same = sum(
        height[a] == height[b] and abs(x[a] - x[b]) < 1 for i, a in enumerate(names) for b in names[:i]
    )
    crossed = 0
    for a, b in pairs:
        for c in names:
            if height[b] < height[c] < height[a]:
                share = (height[a] - height[c]) / (height[a] - height[b])
                crossed += abs(x[a] + share * (x[b] - x[a]) - x[c]) < 0.6
    return sum(abs(x[a] - x[b]) for a, b in pairs) + 100 * same + 10 * crossed


# ---- the counts


def counts(source: Path = SOURCE) -> list[str]:
    """Returns the counts of the library, a line each."""
    edges, files = graph(source), modules(source)
    found = cycles(edges)
    lines = [f"{len(edges)} modules, {sum(map(len, edges.values()))} imports, {len(found)} cycles"]
    lines += [f"  a cycle of {len(group)}: {', '.join(group)}" for group in found]
    lines += ["", "rooms (modules, lines) and the rooms that each imports (imports):"]
    between = arrows(edges)
    for name in sorted({room(module) for module in edges}):
        own = [path for module, path in files.items() if room(module) == name]
        total = sum(map(length, own))
        told = ", ".join(f"{b} {n}" for (a, b), n in sorted(between.items()) if a == name)
        lines.append(f"  {name} ({len(own)}, {total:,}): {told or 'none'}")
    folders = files_by_folder(source).most_common(LISTED)
    longest = sorted(((length(path), name) for name, path in files.items()), reverse=True)[:LISTED]
    lines += ["", "fullest folders: " + ", ".join(f"{name} {n}" for name, n in folders)]
    return [*lines, "longest files: " + ", ".join(f"{name} {n}" for n, name in longest)]


def files_by_folder(source: Path = SOURCE) -> Counter[str]:
    """Returns the number of modules in each folder, without `__init__.py`."""
    paths = (path for path in source.rglob("*.py") if path.name != "__init__.py")
    return Counter(path.parent.relative_to(source.parent).as_posix() for path in paths)


def length(path: Path) -> int:
    """Returns the number of lines of a file."""
    return len(path.read_text(encoding="utf-8").splitlines())


def main(arguments: list[str]) -> int:
    """Prints the counts, or draws the picture again if its arrows have changed."""
    pairs = drawn_arrows(graph())
    if "--write" not in arguments:
        print("\n".join(counts()))
    elif of_picture() != named(pairs):
        PICTURE.write_text(svg(pairs), encoding="utf-8", newline="\n")
        print(f"{PICTURE.relative_to(ROOT)} is drawn again.")
    return 1 if cycles(graph()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
