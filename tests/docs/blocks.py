"""Code blocks of Markdown pages, and how each is run: Python, sessions, commands and YAML."""

from __future__ import annotations

import doctest
import glob
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulacra.cli import main
from simulacra.core.storage.plain_yaml import load_yaml

ROOT = Path(__file__).parents[2]
# commands that a test cannot run, and why
ELSEWHERE = {
    r"^(make|pip|python3?|source|PIP_NO_INDEX)|[Aa]ctivate": "it sets up a machine or works on a checkout",
    r"^simulacra data get": "it fetches from the network",
    r"^simulacra reproduce": "it needs data that are not shipped, or many minutes",
}


@dataclass(frozen=True)
class Block:
    """One code block.

    Args:
        line: its first line in the page.
        language: as the page says.
        text: what stands in it.
    """

    line: int
    language: str
    text: str


def blocks(page: str) -> list[Block]:
    """The code blocks of a page of the repository, in order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = re.finditer(r"^```(\w+)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [Block(text[: m.start()].count("\n") + 2, m[1], m[2]) for m in found]


def run_block(block: Block, names: dict[str, Any], page: str) -> None:
    """Run a block as it is printed; names are kept from block to block."""
    where = f"{page}:{block.line}"
    if block.language == "python":
        exec(compile("\n" * (block.line - 1) + block.text, where, "exec"), names)
    elif block.language == "pycon":
        test = doctest.DocTestParser().get_doctest(block.text, names, where, page, block.line)
        assert not doctest.DocTestRunner(verbose=False).run(test).failed, where
    elif block.language in ("sh", "console"):
        run_commands(block, where)
    elif block.language == "yaml":
        assert isinstance(load_yaml(block.text), dict), where


def commands(block: Block) -> list[tuple[str, str]]:
    """Each command of a block with the line that is printed below it."""
    lines = block.text.strip().splitlines()
    if block.language == "sh":
        return [(line, "") for line in lines if line]
    after = [*lines[1:], ""]
    return [(line[2:], then) for line, then in zip(lines, after) if line.startswith(("$ ", "> "))]


def run_commands(block: Block, where: str) -> None:
    """Run the commands of a block, but for those of `ELSEWHERE`; an error that is printed must come."""
    for line, printed in commands(block):
        if any(re.search(pattern, line) for pattern in ELSEWHERE):
            continue
        words, _, into = (part.strip() for part in re.sub(r"\s#.*", "", line).partition(" > "))
        code, said = called(expanded(shlex.split(words)))
        if printed.startswith("simulacra: error:"):
            assert code == 2 and printed in said, f"{where}: {line}: {said}"
        else:
            assert code == 0, f"{where}: {line}: {said}"
        if into:
            Path(into).write_text(said, encoding="utf-8")


def called(words: list[str]) -> tuple[int, str]:
    """Exit code of a command in this process, and what it printed."""
    import contextlib
    import io

    assert words[0] == "simulacra", words
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        code = main(words[1:])
    return code, out.getvalue()


def expanded(words: list[str]) -> list[str]:
    """Stars as a shell reads them."""
    return [path for word in words for path in (sorted(glob.glob(word)) if "*" in word else [word])]
