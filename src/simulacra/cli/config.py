"""Plans as YAML, both ways."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, ClassVar

import yaml

from simulacra.cli.arguments import Pair
from simulacra.cli.plan import Plan
from simulacra.core.files import write_atomically

NAME = "config.yaml"


class Plain(yaml.SafeLoader):
    """YAML whose plain scalars are numbers, true, false, null or text, as in YAML 1.2.

    Of YAML 1.1 `no` and `yes` are booleans, 010 is eight, 12:30 is 750 and 2020-01-01 a date: in a table's
    classes they are text.
    """

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}


FLOAT = r"[-+]?(?:0|[1-9][0-9]*)?(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?(?<=[0-9.])"
PLAIN = {
    "bool": (r"true|True|TRUE|false|False|FALSE", [*"tTfF"]),
    "null": (r"~|null|Null|NULL|", [*"~nN", ""]),
    "int": (r"[-+]?(?:0|[1-9][0-9]*)", [*"-+0123456789"]),
    "float": (rf"{FLOAT}|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", [*"-+0123456789."]),
}
for _name, (_pattern, _first) in PLAIN.items():
    Plain.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", re.compile(rf"^(?:{_pattern})$"), _first)


def load_yaml(text: str) -> Any:
    """The content of YAML text; `no` is text.

    Raises:
        yaml.YAMLError: if it is no YAML.

    Example:
        >>> load_yaml("answer: [no, yes, 010, 1.5, 1e3, true, null]")
        {'answer': ['no', 'yes', '010', 1.5, 1000.0, True, None]}
    """
    return yaml.load(text, Plain)


HEAD = "# written by simulacra; train it again with: simulacra train --config THIS-FILE\n"


def as_yaml(plan: Plan) -> str:
    """The plan as text."""
    return HEAD + yaml.safe_dump(_plain(plan.nested()), sort_keys=False, allow_unicode=True)


def write(plan: Plan, path: Path) -> None:
    """The plan as a file."""
    write_atomically(path, lambda aside: aside.write_text(as_yaml(plan), encoding="utf-8"))


def read(path: str) -> tuple[dict[str, str], list[Pair]]:
    """Names (`model`, `data`) and options of a file, as if they had been typed.

    Raises:
        ValueError: if there is no such file, or it is no YAML with options by name.
    """
    try:
        content = load_yaml(Path(path).read_text(encoding="utf-8"))
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
