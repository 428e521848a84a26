"""What a sentence suggests, as the command line says it: alternatives of options, and whole commands."""

import re
import shlex

from simulacra.cli.output import in_options

COMMAND = re.compile(r"`simulacra ([^`]+)`")
# " --data.name value" within a sentence; "and" joins it to what stands before, "or" begins another way out
OPTION = re.compile(
    r"(?:\b(add|and|or|with) |(\())--data\.(\w+) ('[^']*'|\"[^\"]*\"|\{[^}]*\}|(?:[^\s;:]|:(?=\S))+)"
)


def options_in(message: str) -> list[dict[str, str]]:
    """The ways out that a sentence names, each as options of the data that are given together.

    >>> options_in("load it with validation=0 and test=0, or load it with decimal=','.")
    [{'validation': '0', 'test': '0'}, {'decimal': ','}]
    """
    found: list[dict[str, str]] = []
    for how, _, name, value in OPTION.findall(in_options(message)):
        value = shlex.split(_bare(value))[0]
        if how == "and" and found:
            found[-1][name] = value
        else:
            found.append({name: value})
    return found


def _bare(value: str) -> str:
    """The value without the mark that ends its clause; quoted ones have none within."""
    if value[0] == "{":
        return shlex.quote(value)
    if value[0] in "'\"":
        return value
    plain = value.rstrip(".,)")
    # a mark alone is the value itself, and perhaps another one behind it
    return plain or (value[:-1] if len(value) > 1 else value)


def commands_in(message: str) -> list[list[str]]:
    """The commands in back quotes, as words after `simulacra`.

    >>> commands_in("go on with `simulacra train --resume a`.")
    [['train', '--resume', 'a']]
    """
    return [shlex.split(found) for found in COMMAND.findall(message)]
