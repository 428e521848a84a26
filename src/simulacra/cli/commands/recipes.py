"""`simulacra recipes`: the published results that the source comes with, what they need and show.

The files are read, not run, so that the list needs no torch.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from simulacra.cli.options.command import call
from simulacra.cli.options.nearest import hint
from simulacra.cli.output import say, table
from simulacra.data.catalog.names import homes

SOURCE = Path(__file__).parents[4] / "recipes"
SHOWN = 3  # published numbers that the list shows
PART = re.compile(r"^([a-z]+) {2,}(\S.*)$")
# as headers say it: "(DATA holds mnist/*.gz and uci/)"
NEEDED = re.compile(r"DATA holds ([^;)]+)")


@dataclass(frozen=True)
class Recipe:
    """A file of the folder `recipes`.

    Args:
        path: where it lies.
        summary: the first line of its docstring.
        parts: what its header says, by word: command, protocol, published, ours, device.
        published: the published numbers of its figures.
    """

    path: Path
    summary: str
    parts: dict[str, str]
    published: tuple[float, ...]

    @property
    def name(self) -> str:
        """What `simulacra reproduce` takes."""
        return self.path.stem

    @property
    def needed(self) -> list[str]:
        """The files and folders below the data folder that its header names, as patterns."""
        named = NEEDED.search(self.parts.get("command", ""))
        patterns = re.split(r",| and ", named[1]) if named else []
        return [pattern.strip() for pattern in patterns if "/" in pattern]

    @property
    def lacking(self) -> list[str]:
        """The files and folders below the data folder that are not there."""
        return absent(self.needed)


def absent(patterns: Iterable[str]) -> list[str]:
    """The patterns that no file or folder below the data folders fits."""
    return [text for text in patterns if not any(any(home.glob(text.strip("/"))) for home in homes())]


def run(words: Sequence[str]) -> int:
    """List the recipes."""
    return call("recipes", recipes, words)


def recipes(*, folder: str | None = None) -> int:
    """List the recipes: short files that each train and score one published result.

    Args:
        folder: where recipes lie; by default those of the source checkout.
    """
    rows = [("name", "data", "published", "what it shows")]
    for recipe in found(folder):
        lacks = recipe.lacking
        rows.append((recipe.name, f"no {lacks[0]}" if lacks else "there", _numbers(recipe), recipe.summary))
    say(table(rows), "", "`simulacra reproduce NAME` runs one and compares.")
    return 0


def _numbers(recipe: Recipe) -> str:
    if not recipe.published:
        return "none" if recipe.parts.get("published", "none").startswith("none") else "in its header"
    more = ", ..." if len(recipe.published) > SHOWN else ""
    return ", ".join(f"{number:g}" for number in recipe.published[:SHOWN]) + more


def found(folder: str | Path | None = None) -> list[Recipe]:
    """The recipes of a folder, by name.

    Raises:
        ValueError: if there is no such folder, or it holds none.
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
    """The recipe called `name`; a hyphen is an underscore.

    Raises:
        ValueError: if there is none; the sentence offers the nearest name.
    """
    known = {recipe.name: recipe for recipe in found(folder)}
    wanted = name.removesuffix(".py").replace("-", "_")
    if wanted not in known:
        raise ValueError(f"there is no recipe {name!r}; {hint(wanted, known)}")
    return known[wanted]


def read(path: Path) -> Recipe:
    """What a recipe says of itself.

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
    """The parts of a header, each on one line.

    Example:
        >>> header("What.\\n\\nours        13.866;\\n            5 s\\ndevice      1 core")
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
    """The published numbers of all `Figure("name", number, ...)`, or of what a file calls `..._figure`."""
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
