"""Writes the results page: figures that the recipes measured, with the published ones.

    python tools/results.py --write     # docs/results.md from recipes/results/*.json and the recipes

Records come from `make headline` (the queue of long runs) and `simulacra reproduce NAME --record`.
For a recipe without a record the page shows its header. A page that a recipe keeps beside its
records (the leaderboard) comes first.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from simulacra.cli.commands.recipes import Recipe, found
from simulacra.cli.commands.reproduce import Record, ours, published, results, share
from simulacra.core.storage.files import read_json

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "recipes"
PAGE = ROOT / "docs" / "results.md"
HEADER = ["| figure | published | ours | schedule | verdict | minutes |", "|---|---|---|---|---|---|"]
HEAD = """# Results

<!-- Written by tools/results.py from recipes/results/*.json and the recipes. Do not edit. -->

What is measured here by the files in `recipes/`, beside what was published. `simulacra reproduce NAME`
runs one again. Errors are standard errors over test examples of one training: another seed differs by more.

| verdict | what it means |
|---|---|
| reproduced | no further from the published figure than its rounding or spread, or on its better side |
| within tolerance | no further than other seeds and details of training lead |
| budget too small | further, with a part of the published schedule |
| different protocol | measured on something else, and not compared: the recipe says on what |
| not reproduced | further, with the whole schedule |
| recorded | there is no published figure |
"""
HEADLINES = """## Headline runs

Runs of the queue `recipes/queue.yaml`, in which figures, tolerances and limits stood before each of them
began: `make headline` runs the next one, `make headline ARGS=--list` shows them all. One thread at the lowest
priority; minutes are those of the processor, over all starts of a run that was interrupted. The schedule is
shortened where it does not fit into the limit. A difference up to the first tolerance is `reproduced`, up to
the second `within tolerance`. To add an entry: `make headline ARGS='--draft RECIPE'` prints one with the
rules of the recipe's figures; choose its minutes, append it to the queue and commit it before the run
(CONTRIBUTING.md).
"""
HEADER_OF_RUNS = [
    "| figure | published | tolerances | ours | schedule | verdict | CPU minutes |",
    "|---|---|---|---|---|---|---|",
]
REST = """## Measured, not yet recorded

What the headers of these recipes say.
"""


def page(folder: Path = FOLDER) -> str:
    """Returns the content of docs/results.md."""
    lines, runs, kept, rest = [HEAD], [], [], []
    for recipe in found(folder):
        content = read_json(results(recipe)) if results(recipe).is_file() else {}
        if "page" in content:
            lines += leaderboard(content)
        if "headline" in content:
            runs += headline(recipe, content["headline"])
        if "records" in content:
            kept += recorded(recipe, content["records"])
        elif not content:
            rest += told(recipe)
    if runs:
        lines += [HEADLINES, *runs]
    if kept:
        lines += ["## Recipes\n", *kept]
    if rest:
        lines += [REST, *rest]
    return "\n".join(lines)


def leaderboard(content: dict[str, Any]) -> Iterator[str]:
    """Yields the page that a recipe wrote, with its command."""
    yield f"{content['page'].strip()}\n"
    yield f"`{content['command']}`: {content['minutes']:g} minutes of training for each; {content['date']}.\n"


def recorded(recipe: Recipe, records: list[Record]) -> Iterator[str]:
    """Yields a recipe's records as a table, with their protocols.

    Args:
        recipe: the recipe.
        records: its recorded figures.
    """
    yield from title(recipe)
    yield from HEADER
    for record in records:
        cells = (record["figure"], published(record), ours(record), share(record), record["verdict"])
        yield f"| {' | '.join(map(escape, cells))} | {record['minutes']:g} |"
    yield ""
    yield from remarks(records)
    made = dict.fromkeys((record["device"], record["version"], record["date"]) for record in records)
    for device, version, date in made:
        yield f"- {escape(device)}; Simulacra {version}, {date}"
    yield ""


def headline(recipe: Recipe, run: dict[str, Any]) -> Iterator[str]:
    """Yields a run of the queue as a table, with tolerances and machine.

    Args:
        recipe: the recipe.
        run: its recorded run.
    """
    yield from title(recipe)
    yield from HEADER_OF_RUNS
    rules = {figure["name"]: tolerances(figure) for figure in run["entry"]["figures"]}
    for record in run["records"]:
        rule, minutes = rules[record["figure"]], f"{max(0.0, record['cpu_minutes']):.3g}"
        cells = (record["figure"], published(record), rule, ours(record), share(record), record["verdict"])
        yield f"| {' | '.join(map(escape, (*cells, minutes)))} |"
    yield ""
    yield from remarks(run["records"])
    starts = f"{run['starts']} start{'s' * (run['starts'] > 1)}"
    spent = f"{run['cpu_minutes']:.3g} CPU minutes of {run['limit_minutes']:g}, {starts}"
    yield f"- {escape(run['machine'])}; commit {run['commit']}; {spent}, ended {run['ended']}"
    yield ""


def tolerances(figure: dict[str, Any]) -> str:
    """Returns the two tolerances of a figure, as in an entry of the queue."""
    return "none" if figure["published"] is None else f"{figure['tolerance']:g}, {figure['wide']:g}"


def remarks(records: list[Record]) -> Iterator[str]:
    """Yields protocols and notes of figures."""
    for text in dict.fromkeys(protocol(record) for record in records):
        yield f"- {escape(text)}"
    for record in records:
        if record["note"]:
            yield f"- {escape(record['figure'])}: {escape(record['note'])}"


def protocol(record: Record) -> str:
    """Describes the protocol of a figure, and the published one if they differ."""
    if record["protocol"] == record["published_protocol"]:
        return f"Protocol: {record['protocol']}"
    return (
        f"Protocol of {record['figure']}: published {record['published_protocol']}; ours {record['protocol']}"
    )


def told(recipe: Recipe) -> Iterator[str]:
    """Yields a recipe without a record, from its header."""
    yield from title(recipe)
    for word in ("published", "ours", "device"):
        if word in recipe.parts:
            yield f"- {word}: {escape(recipe.parts[word])}"
    yield ""


def title(recipe: Recipe) -> Iterator[str]:
    """Yields name and summary of a recipe."""
    yield f"### {recipe.name}\n\n{escape(recipe.summary)}.\n"


def escape(text: str) -> str:
    """Escapes the special characters of Markdown."""
    return "".join("\\" + c if c in "|*_`<>[]$~" else c for c in text)


def main(arguments: list[str]) -> int:
    """Writes the page, or says whether it is up to date."""
    if "--write" in arguments:
        PAGE.write_text(page(), encoding="utf-8", newline="\n")
        return 0
    same = PAGE.is_file() and PAGE.read_text(encoding="utf-8") == page()
    print(
        "docs/results.md is up to date."
        if same
        else "docs/results.md is old: python tools/results.py --write"
    )
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
