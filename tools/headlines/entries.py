"""The entries of recipes/queue.yaml: recipe, time limit, data, and the figures with their tolerances.

    - recipe: pca_mnist
      minutes: 5
      data: [mnist/*.gz]
      figures:
        - {name: squared error per test image, published: 13.87, tolerance: 0.005, wide: 0.05}

Tolerances are fixed here before a run begins. They must agree with those of the recipe's `FIGURES`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from simulacra.cli.commands.recipes import find
from simulacra.cli.options.nearest_name import hint
from simulacra.core.storage.plain_yaml import load_yaml

MINUTES, LONG_MINUTES, MOST_LONG = 60.0, 150.0, 3
RULES = ("published", "tolerance", "wide", "better")


@dataclass(frozen=True)
class Target:
    """A figure and the rules of its verdict, as in `simulacra.evaluation.compare.reproduction.Figure`."""

    name: str
    published: float | None
    tolerance: float = 0.0
    wide: float = 0.0
    better: str = "neither"


@dataclass(frozen=True)
class Entry:
    """A recipe in the queue.

    Args:
        recipe: name of the recipe.
        minutes: most CPU minutes of the run.
        figures: the figures that are measured, with the rules of their verdicts.
        data: patterns of files below the data folder that the run needs.
        long: True if it may take more than an hour.
    """

    recipe: str
    minutes: float
    figures: tuple[Target, ...]
    data: tuple[str, ...] = ()
    long: bool = False

    @property
    def content(self) -> dict[str, Any]:
        """The entry as JSON."""
        return {**asdict(self), "figures": [asdict(f) for f in self.figures], "data": list(self.data)}


def read(path: Path) -> list[Entry]:
    """Reads the entries of a queue, in order.

    Raises:
        ValueError: if the file is missing or not a list of entries, or an entry breaks a rule.
    """
    try:
        found = load_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(
            f"the queue {path} cannot be read ({error}); give its file, as in --queue recipes/queue.yaml."
        ) from error
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is not valid YAML: {' '.join(str(error).split())}.") from error
    if not isinstance(found, list):
        raise ValueError(f"{path} holds no list of entries: begin each with `- recipe: NAME`.")
    entries = [entry(content, path) for content in found]
    _check_together(entries, path)
    return entries


def entry(content: Any, path: Path) -> Entry:
    """Returns one entry of a queue, checked.

    Args:
        content: the entry as YAML has it.
        path: the file of the queue, for errors.

    Raises:
        ValueError: if it breaks a rule; the message says which, and how to comply.
    """
    _check_keys(content, Entry, f"an entry of {path}")
    name = find(str(content["recipe"]), path.parent).name
    where = f"the entry of {name} in {path}"
    minutes = content["minutes"]
    most = LONG_MINUTES if content.get("long") else MINUTES
    if not isinstance(minutes, int | float) or not 0 < minutes <= most:
        more = "" if content.get("long") else f"; an entry with `long: true` has up to {LONG_MINUTES:g}"
        raise ValueError(f"{where} has minutes {minutes!r}, but they lie above 0 and up to {most:g}{more}.")
    if not isinstance(content["figures"], list) or not content["figures"]:
        raise ValueError(f"{where} has no figures: list each with name, published, tolerance and wide.")
    for figure in content["figures"]:
        _check_keys(figure, Target, f"a figure in {where}")
        if figure["published"] is not None and not {"tolerance", "wide"} <= set(figure):
            raise ValueError(
                f"the figure {figure['name']!r} in {where} has no tolerance and wide: a published number "
                "needs both before its run."
            )
    figures = tuple(Target(**figure) for figure in content["figures"])
    return Entry(**{**content, "recipe": name, "figures": figures, "data": tuple(content.get("data", ()))})


def _check_keys(content: Any, kind: type, where: str) -> None:
    """Raises ValueError unless the content is a mapping with all required keys and no unknown ones."""
    keys = {f.name: f.default is MISSING for f in fields(kind)}
    if not isinstance(content, dict):
        raise ValueError(f"{where} is {content!r}, but it must be a mapping with {', '.join(keys)}.")
    for key in content:
        if key not in keys:
            raise ValueError(f"{where} has the key {key!r}; {hint(str(key), keys)}")
    lacking = [key for key, needed in keys.items() if needed and key not in content]
    if lacking:
        raise ValueError(f"{where} has no {lacking[0]!r}: add it to {content!r}.")


def _check_together(entries: Sequence[Entry], path: Path) -> None:
    """Raises ValueError if a recipe has two entries, or there are too many long ones."""
    names = [found.recipe for found in entries]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{path} has two entries of {name}: keep one of them.")
    long = [found.recipe for found in entries if found.long]
    if len(long) > MOST_LONG:
        raise ValueError(
            f"{path} has {len(long)} long entries ({', '.join(long)}), but {MOST_LONG} may be: take `long` "
            f"from the others and give them at most {MINUTES:g} minutes."
        )


def check_figures(found: Entry, figures: Sequence[Any]) -> None:
    """Raises ValueError if the figures of an entry differ from those of its recipe.

    Args:
        found: the entry.
        figures: `FIGURES` of the recipe.

    Raises:
        ValueError: if the recipe has no such figure, or its rules differ.
    """
    known = {figure.name: figure for figure in figures}
    for target in found.figures:
        if target.name not in known:
            raise ValueError(
                f"{found.recipe} measures no {target.name!r}, which its entry in the queue lists; "
                f"{hint(target.name, known)}"
            )
        for rule in RULES if target.published is not None else RULES[:1]:
            theirs, ours = getattr(known[target.name], rule), getattr(target, rule)
            if theirs != ours:
                raise ValueError(
                    f"{rule} of {target.name!r} is {ours} in the queue and {theirs} in the recipe "
                    f"{found.recipe}: make them equal before the run."
                )


def changes(then: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Describes the differences of an entry from an earlier version.

    Args:
        then: content of the earlier version.
        now: content of the present one.

    Example:
        >>> changes({"minutes": 5, "figures": []}, {"minutes": 6, "figures": []})
        ['minutes was 5, now 6']
    """
    plain = [key for key in {**then, **now} if key != "figures" and then.get(key) != now.get(key)]
    found = [f"{key} was {then.get(key)}, now {now.get(key)}" for key in plain]
    old, new = ({f["name"]: f for f in content["figures"]} for content in (then, now))
    for name in {**old, **new}:
        if name not in old or name not in new:
            found.append(f"{name!r} was {'taken out' if name in old else 'added'}")
            continue
        rules = [rule for rule in RULES if old[name][rule] != new[name][rule]]
        found += [f"{rule} of {name!r} was {old[name][rule]}, now {new[name][rule]}" for rule in rules]
    return found


def draft(recipe: str, figures: Sequence[Any], data: Sequence[str]) -> str:
    """Returns an entry for a recipe as YAML, with the rules of its figures; minutes are chosen by hand.

    Args:
        recipe: name of the recipe.
        figures: its `FIGURES`.
        data: patterns of the files that it needs.
    """
    flow = lambda content: yaml.safe_dump(
        content, default_flow_style=True, sort_keys=False, allow_unicode=True, width=1000
    ).strip()
    rules = [{f.name: getattr(figure, f.name) for f in fields(Target)} for figure in figures]
    lines = [f"- recipe: {recipe}", f"  minutes: {MINUTES:g}"]
    if data:
        lines.append(f"  data: {flow(list(data))}")
    return "\n".join([*lines, "  figures:", *(f"    - {flow(_without_defaults(rule))}" for rule in rules)])


def _without_defaults(rules: dict[str, Any]) -> dict[str, Any]:
    """Returns the rules of a figure that differ from the defaults."""
    if rules["published"] is None:
        return {"name": rules["name"], "published": None}
    return {key: value for key, value in rules.items() if (key, value) != ("better", "neither")}
