"""`make headline`: runs the next entry without a record, or shows the queue with the state of each."""

from __future__ import annotations

import argparse
import contextlib
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from headlines.entries import Entry, changes, draft, read
from headlines.meter import read_spent
from headlines.running import Place, check_unchanged, lowest_priority, run
from simulacra.cli.commands.recipes import absent, find
from simulacra.cli.commands.reproduce import imported
from simulacra.cli.options.nearest_name import hint
from simulacra.cli.output import say, table
from simulacra.core.storage.files import read_json
from simulacra.data.catalog.names import cache
from simulacra.training.run import locked

QUEUE = Path(__file__).resolve().parents[2] / "recipes" / "queue.yaml"
BEGUN = "begun"


def main(words: Sequence[str] | None = None) -> int:
    """Runs the command and returns the exit status: 2 for a mistake, 130 for an interruption."""
    asked = parser().parse_args(words)
    try:
        return command(asked)
    except ValueError as error:
        print(f"headline: error: {error}", file=sys.stderr, flush=True)
        return 2
    except KeyboardInterrupt:
        say("Stopped; what is done is kept: the same command goes on from there.")
        return 130


def parser() -> argparse.ArgumentParser:
    """Returns the parser of the command line."""
    found = argparse.ArgumentParser(prog="make headline", description=__doc__)
    found.add_argument("recipe", nargs="?", help="run this entry; by default the next without a record")
    found.add_argument("--list", action="store_true", help="show the queue, run nothing")
    found.add_argument("--draft", metavar="RECIPE", help="print an entry for a recipe, run nothing")
    found.add_argument("--again", action="store_true", help="forget what is kept of this run, begin anew")
    found.add_argument("--queue", type=Path, default=QUEUE, help="its file; by default recipes/queue.yaml")
    found.add_argument(
        "--cache", type=Path, default=None, help=f"what runs keep; by default {cache() / 'headline'}"
    )
    return found


def command(asked: argparse.Namespace) -> int:
    """Lists the queue, drafts an entry, or runs one."""
    if asked.draft:
        recipe = find(asked.draft, asked.queue.parent)
        say(draft(recipe.name, imported(recipe).FIGURES, recipe.needed))
        return 0
    kept = (asked.cache or cache() / "headline").expanduser().resolve()
    places = [Place(entry, asked.queue, kept) for entry in read(asked.queue)]
    if asked.list:
        say(listed(places))
        return 0
    if asked.again and not asked.recipe:
        raise ValueError("--again needs a recipe's name, as in `make headline ARGS='rbm_mnist --again'`.")
    place = named(places, asked.recipe) if asked.recipe else chosen(places)
    if place is None:
        say("There is nothing to run.")
        return 0
    with alone(kept):
        if asked.again:
            shutil.rmtree(place.folder, ignore_errors=True)
        elif place.done:
            raise ValueError(f"{place.entry.recipe} has a record; add --again to run it anew.")
        lowest_priority()
        spent = read_spent(place.folder)
        say(
            f"{place.entry.recipe}: {'going on' if spent.starts else 'begins'}, {spent.cpu / 60:.1f} of "
            f"{place.entry.minutes:g} CPU minutes spent; kept in {place.folder}"
        )
        run(place, say)
    if asked.queue == QUEUE:
        write_page()
    return 0


def write_page() -> None:
    """Writes docs/results.md with the new record."""
    import results

    results.main(["--write"])


def named(places: Sequence[Place], name: str) -> Place:
    """Returns the entry of a recipe.

    Args:
        places: the entries of the queue.
        name: name of the recipe.

    Raises:
        ValueError: if the queue has no such entry, or its data are missing.
    """
    known = {place.entry.recipe: place for place in places}
    wanted = name.removesuffix(".py").replace("-", "_")
    if wanted not in known:
        raise ValueError(
            f"the queue has no entry {name!r}; {hint(wanted, known)} `--draft RECIPE` prints one for a "
            "recipe."
        )
    lacks = absent(known[wanted].entry.data)
    if lacks:
        raise ValueError(
            f"{wanted} waits for data: there is no {lacks[0]}; set SIMULACRA_DATA to their folder."
        )
    return known[wanted]


def chosen(places: Sequence[Place]) -> Place | None:
    """Returns the first entry without a record whose data are there; entries that lack data are printed."""
    for place in places:
        if place.done:
            continue
        lacks = absent(place.entry.data)
        if not lacks:
            return place
        say(f"{place.entry.recipe}: waiting: data ({', '.join(lacks)})")
    return None


@contextlib.contextmanager
def alone(kept: Path) -> Iterator[None]:
    """Locks the cache within the context, so that only one run is made at a time.

    Raises:
        ValueError: if another process runs an entry.
    """
    kept.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locked(kept))
        except ValueError:
            raise ValueError(
                f"another process runs an entry with the cache {kept}: wait for its end."
            ) from None
        yield


def listed(places: Sequence[Place]) -> str:
    """Returns the queue as a table."""
    rows = [("recipe", "state", "minutes", "figures")]
    following = True
    for place in places:
        text = state(place)
        if following and text in ("", BEGUN):
            text, following = f"next{', ' + text if text else ''}", False
        spent = place.record["cpu_minutes"] if place.done else read_spent(place.folder).cpu / 60
        minutes = f"{spent:.1f} of {place.entry.minutes:g}"
        rows.append((place.entry.recipe, text or "queued", minutes, targets(place.entry)))
    return table(rows)


def state(place: Place) -> str:
    """Returns the state of an entry: recorded, waiting for data, begun, refused, or an empty string."""
    record = place.record
    if place.done:
        words = list(dict.fromkeys(figure["verdict"] for figure in record["records"]))
        changed = changes(record["entry"], place.entry.content)
        return f"recorded: {', '.join(words)}" + "; entry changed since" * bool(changed)
    lacks = absent(place.entry.data)
    if lacks:
        return f"waiting: data ({', '.join(lacks)})"
    if not place.start.is_file():
        return ""
    try:
        check_unchanged(place, read_json(place.start))
    except ValueError:
        return "refused: entry or recipe changed"
    return BEGUN


def targets(entry: Entry) -> str:
    """Returns the published figures with their tolerances, in short."""
    found = [f"{t.published:g} +- {t.tolerance:g}" for t in entry.figures if t.published is not None]
    return ", ".join(found) or "none published"
