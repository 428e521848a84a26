"""YAML of plain scalars, lists and mappings, within limits: files may come from strangers.

Of YAML 1.1 `no` and `yes` are booleans, 010 is eight, 12:30 is 750 and 2020-01-01 a date: here they are text.
Tags (`!!binary`, `!!set`, `!!python/...`), anchors and aliases are refused, since they make objects, or a
billion of them out of ten lines; so are texts that are longer or nested deeper than any configuration.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

import yaml

LONGEST = 1_000_000  # characters
DEEPEST = 32  # lists and mappings within each other


class Refused(yaml.YAMLError):
    """YAML beyond plain scalars, lists and mappings, or beyond the limits; its text says which."""


class Plain(yaml.SafeLoader):
    """YAML whose plain scalars are numbers, true, false, null or text, as in YAML 1.2."""

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


def load_yaml(text: str, typed: bool = True) -> Any:
    """The content of YAML text.

    Args:
        text: of a file or an option.
        typed: numbers, true, false and null have their types; otherwise every scalar is the text that it is.

    Raises:
        yaml.YAMLError: if it is no YAML, or not plain.

    Example:
        >>> load_yaml("answer: [no, yes, 010, 1.5, 1e3, true, null]")
        {'answer': ['no', 'yes', '010', 1.5, 1000.0, True, None]}
        >>> load_yaml("[1, no]", typed=False)
        ['1', 'no']
    """
    check_plain(text)
    try:
        return yaml.load(text, Plain if typed else yaml.BaseLoader)
    # such as a mapping as the name of another
    except (TypeError, ValueError) as error:
        raise Refused(f"it has a value that is no plain one ({str(error).splitlines()[0]})") from error


def check_plain(text: str) -> None:
    """Raise `Refused` where text has tags, anchors or aliases, or is beyond the limits.

    Example:
        >>> try:
        ...     check_plain("when: !!timestamp 2020-01-01")
        ... except Refused as reason:
        ...     print(reason)
        line 1 has the tag !!timestamp: write plain text, numbers, lists and mappings
    """
    if len(text) > LONGEST:
        raise Refused(f"it has {len(text):,} characters, and at most {LONGEST:,} are read")
    depth = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise Refused(f"line {line} has an anchor or alias: write each value where it belongs")
        if (tag := getattr(event, "tag", None)) is not None:
            shown = tag.replace("tag:yaml.org,2002:", "!!")
            raise Refused(f"line {line} has the tag {shown}: write plain text, numbers, lists and mappings")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise Refused(f"line {line} is nested deeper than {DEEPEST} lists and mappings")
