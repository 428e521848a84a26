"""`simulacra recipes`: lists the published results that the source can reproduce, with the data they need.

The recipe files are parsed, not run, so that the list does not import torch.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from simulacra.cli.options.command import call
from simulacra.cli.options.nearest_name import hint
from simulacra.cli.output import say, table
from simulacra.data.catalog.names import homes

SOURCE = Path(__file__).parents[4] / "recipes"
SHOWN = 3  # published numbers that the list shows
PART = re.compile(r"^([a-z]+) {2,}(\S.*)$")
# in headers: "(DATA holds mnist/*.gz and uci/)"
NEEDED = re.compile(r"DATA holds ([^;)]+)")


@dataclass(frozen=True)
class Recipe:
    """A file of the folder `recipes`.

    Args:
        path: the file.
        summary: first line of its docstring.
        parts: entries of its header, by name: command, protocol, published, ours, device.
        published: published numbers of its figures.
    """

    path: Path
    summary: str
    parts: dict[str, str]
    published: tuple[float, ...]

    @property
    def name(self) -> str:
        """The name that `simulacra reproduce` takes."""
        return self.path.stem

    @property
    def needed(self) -> list[str]:
        """Glob patterns of the files and folders in the data folder that the header names."""
        named = NEEDED.search(self.parts.get("command", ""))
        patterns = re.split(r",| and ", named[1]) if named else []
        return [pattern.strip() for pattern in patterns if "/" in pattern]

    @property
    def lacking(self) -> list[str]:
        """The patterns of `needed` that match no file or folder."""
        return absent(self.needed)


def absent(patterns: Iterable[str]) -> list[str]:
    """Returns the patterns that match no file or folder in the data folders."""
    return [text for text in patterns if not any(any(home.glob(text.strip("/"))) for home in homes())]


def run(words: Sequence[str]) -> int:
    """Runs `simulacra recipes` with the given command-line words."""
    return call("recipes", recipes, words)


def recipes(*, folder: str | None = None) -> int:
    """List the recipes: short files that each train and score one published result.

    Args:
        folder: folder of the recipes; by default that of the source checkout.
    """
    rows = [("name", "data", "published", "what it shows")]
    for recipe in found(folder):
        lacks = recipe.lacking
        rows.append((recipe.name, f"no {lacks[0]}" if lacks else "there", _numbers(recipe), recipe.summary))
    say(table(rows), "", "`simulacra reproduce NAME` runs one and compares.")
    return 0


def _numbers(recipe: Recipe) -> str:
    """Returns the first published numbers as text; `none` or `in its header` if the file lists no figures."""
    if not recipe.published:
        return "none" if recipe.parts.get("published", "none").startswith("none") else "in its header"
    more = ", ..." if len(recipe.published) > SHOWN else ""
    return ", ".join(f"{number:g}" for number in recipe.published[:SHOWN]) + more


def found(folder: str | Path | None = None) -> list[Recipe]:
    """Returns the recipes of a folder, sorted by name.

    Args:
        folder: folder of the recipes; None: that of the source checkout.

    Raises:
        ValueError: if there is no such folder, or it holds no recipe.
    """
    place = SOURCE if folder is None else Path(folder)
    files = sorted(place.glob("*.py"))
    if not files and folder is None:
        raise ValueError(
            "the recipes come with the source of Simulacra, not with an installed package: give the folder "
            "`recipes` of a checkout, as in --folder simulacra/recipes."
        )
    if not files:
        raise ValueError(f"the folder {place} holds no recipe (*.py); recipes come with the source.")
    return [read(path) for path in files]


def find(name: str, folder: str | Path | None = None) -> Recipe:
    """Returns the recipe called `name`.

    Args:
        name: name of the recipe; hyphens count as underscores, and `.py` may follow.
        folder: folder of the recipes; None: that of the source checkout.

    Raises:
        ValueError: if there is none; the message offers the nearest name.
    """
    known = {recipe.name: recipe for recipe in found(folder)}
    wanted = name.removesuffix(".py").replace("-", "_")
    if wanted not in known:
        raise ValueError(f"there is no recipe {name!r}; {hint(wanted, known)}")
    return known[wanted]


def read(path: Path) -> Recipe:
    """Reads docstring, header and published numbers of a recipe file.

    Args:
        path: the file.

    Raises:
        ValueError: if it is no Python.
    """
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read as a recipe: {error}.") from error
    text = ast.get_docstring(tree) or ""
    return Recipe(path, text.split("\n")[0].rstrip("."), header(text), tuple(_published(tree)))


def header(text: str) -> dict[str, str]:
    r"""Returns the entries of a header by name, each joined to one line.

    Example:
        >>> header("What.\n\nours        13.866;\n            5 s\ndevice      1 core")
        {'ours': '13.866; 5 s', 'device': '1 core'}
    """
    parts: dict[str, list[str]] = {}
    lines: list[str] | None = None
    for line in text.splitlines():
        begins = PART.match(line)
        if begins:
            lines = parts.setdefault(begins[1], [])
            lines.append(begins[2])
        elif not line.startswith(" "):
            lines = None
        elif lines is not None:
            lines.append(line.strip())
    return {word: " ".join(said) for word, said in parts.items()}


def _published(tree: ast.Module) -> Iterator[float]:
    """Yields the published numbers of all calls `Figure("name", number, ...)` or `..._figure(...)`."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and ast.unparse(node.func).lower().endswith("figure")):
            continue
        given = node.args[1:2] + [word.value for word in node.keywords if word.arg == "published"]
        try:
            value = ast.literal_eval(given[0]) if given else None
        except ValueError:
            continue
        if isinstance(value, float | int):
            yield value
