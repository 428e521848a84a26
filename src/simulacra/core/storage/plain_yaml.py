"""YAML restricted to plain scalars, lists and mappings, with limits, for untrusted files.

YAML 1.1 reads `no` and `yes` as booleans, 010 as eight, 12:30 as 750 and 2020-01-01 as a date; here they are
text. Tags (`!!binary`, `!!set`, `!!python/...`), anchors and aliases are refused: they create objects, or
a billion of them from ten lines; so are texts that are longer or nested deeper than any configuration.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

import yaml

LONGEST = 1_000_000  # characters
DEEPEST = 32  # deepest nesting of lists and mappings


class Refused(yaml.YAMLError):
    """Raised for YAML other than plain scalars, lists and mappings, or beyond the limits."""


class Plain(yaml.SafeLoader):
    """Loader whose plain scalars are numbers, true, false, null or text, as in YAML 1.2."""

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
    """Parses YAML text.

    Args:
        text: content of a file or an option.
        typed: True: numbers, true, false and null get their types; False: every scalar is text.

    Raises:
        yaml.YAMLError: if it is not YAML, or not plain.

    Example:
        >>> load_yaml("answer: [no, yes, 010, 1.5, 1e3, true, null]")
        {'answer': ['no', 'yes', '010', 1.5, 1000.0, True, None]}
        >>> load_yaml("[1, no]", typed=False)
        ['1', 'no']
    """
    check_plain(text)
    try:
        return yaml.load(text, Plain if typed else yaml.BaseLoader)
    # such as a mapping used as a key
    except (TypeError, ValueError) as error:
        raise Refused(f"it has a value that is no plain one ({str(error).splitlines()[0]})") from error


def check_plain(text: str) -> None:
    """Checks that YAML text has no tags, anchors or aliases and is within the limits.

    Raises:
        Refused: if it is not plain.

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
