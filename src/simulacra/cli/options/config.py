"""Reads and writes plans as YAML."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from simulacra.cli.options.arguments import Pair
from simulacra.cli.options.plan import Plan
from simulacra.core.storage.files import read_text, write_atomically
from simulacra.core.storage.plain_yaml import Refused, load_yaml

NAME = "config.yaml"
LARGEST = 2**22  # bytes of a file of options


HEAD = "# written by simulacra; train it again with: simulacra train --config THIS-FILE\n"


def as_yaml(plan: Plan) -> str:
    """Returns the plan as YAML text."""
    return HEAD + yaml.safe_dump(_plain(plan.nested()), sort_keys=False, allow_unicode=True)


def write(plan: Plan, path: Path) -> None:
    """Writes the plan to a YAML file.

    Args:
        plan: the plan.
        path: the file.
    """
    write_atomically(path, lambda aside: aside.write_text(as_yaml(plan), encoding="utf-8"))


def read(path: str) -> tuple[dict[str, str], list[Pair]]:
    """Reads options from a YAML file, in the form of command-line options.

    Args:
        path: the file.

    Returns:
        names (`model`, `data`), and the options as pairs of name and value.

    Raises:
        ValueError: if there is no such file, or it is no YAML with options by name.
    """
    try:
        content = load_yaml(read_text(Path(path), LARGEST))
    except (FileNotFoundError, IsADirectoryError) as error:
        raise ValueError(f"--config {path} is not there: give a YAML file.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not valid YAML{_where(error)}.") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} must hold options by name, such as `model: vae`.")
    names: dict[str, str] = {}
    pairs: list[Pair] = []
    for key, value in content.items():
        if key in ("model", "data"):
            group = dict(value) if isinstance(value, dict) else {"name": value}
            if group.get("name") is not None:
                names[key] = str(group.pop("name"))
            pairs += [(f"{key}.{name}", _text(entry)) for name, entry in group.items()]
        elif key == "stages" and isinstance(value, dict):
            pairs += [(f"stages.{name}", _text(_epochs(entry))) for name, entry in value.items()]
        else:
            pairs.append((str(key), _text(value)))
    return names, pairs


def _where(error: Exception) -> str:
    if isinstance(error, Refused):
        return f": {error}"
    mark = getattr(error, "problem_mark", None)
    return f" in line {mark.line + 1}: {getattr(error, 'problem', '')}" if mark is not None else ""


def _epochs(entry: Any) -> Any:
    return entry.get("epochs") if isinstance(entry, dict) else entry


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, (tuple, list)) else value
