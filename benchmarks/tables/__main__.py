"""Compare models of tables with those of SDV, and print the results in Markdown.

    make bench-tables ARGS="--half reported"
    make bench-tables ARGS="--tables patients,anes96 --models 'vae,vae --epochs 200'"
    make bench-tables ARGS="--show runs/tables.jsonl"

Each row is saved as soon as it is measured. Rows that are saved, or among the recorded rows of the peers,
are not measured again.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import logging
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from benchmarks.tables import results
from benchmarks.tables.drawn import Drawn
from benchmarks.tables.measure import measures
from benchmarks.tables.ours import OURS, ours
from benchmarks.tables.peers import PACKAGES, PEERS
from benchmarks.tables.sets import Case, NotHere, case, chosen

KEPT = Path(__file__).with_name("peers.jsonl")


def main(argv: list[str] | None = None) -> int:
    """Parses the options, measures what is missing, and prints the results."""
    options = parser().parse_args(argv)
    if options.show:
        print(results.report(results.read(options.show)))
        return 0
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    models = options.models or [*PEERS, *OURS]
    kept = [] if options.again else results.read([KEPT, options.out])
    shown = bench(options, models, {results.key(row): row for row in kept if "error" not in row})
    if shown:
        print(f"\n{results.report(shown)}")
    return 0


def parser() -> argparse.ArgumentParser:
    """Returns the parser of the command line."""
    names = lambda text: [name.strip() for name in text.split(",")]
    options = argparse.ArgumentParser(prog="python -m benchmarks.tables", description=__doc__)
    options.formatter_class = argparse.RawDescriptionHelpFormatter
    options.add_argument("--tables", type=names, help="names with commas between; all of the half by default")
    options.add_argument("--half", choices=("chosen", "reported", "all"), default="all")
    every = ", ".join([*PEERS, *OURS])
    options.add_argument(
        "--models", type=names, help=f"{every}, or any of `simulacra models` with its options"
    )
    options.add_argument("--seed", type=int, default=0, help="of the split and of the models")
    options.add_argument("--out", type=Path, default=Path("runs/tables.jsonl"))
    options.add_argument("--again", action="store_true", help="measure also what was measured before")
    options.add_argument("--show", type=Path, nargs="+", metavar="FILE", help="only print these results")
    return options


def bench(options: argparse.Namespace, models: list[str], kept: dict[Any, results.Row]) -> list[results.Row]:
    """Returns the rows of all tables and models, recorded or measured now.

    Args:
        options: the command line.
        models: names of the models.
        kept: recorded rows by key.
    """
    shown = []
    for source in chosen(options.tables, options.half):
        try:
            now = case(source, options.seed)
        except NotHere as missing:
            print(f"{source.name}: left out, {missing}", flush=True)
            continue
        for model in models:
            row = kept.get((source.name, model, options.seed))
            if row is None:
                row = measured(model, now)
                results.append(options.out, row)
                print(f"{source.name}, {model}: {row.get('error', 'done')}", flush=True)
            shown.append(row)
        print(f"\n{results.of_table(source.name, shown)}\n", flush=True)
    return shown


def measured(model: str, now: Case) -> results.Row:
    """Returns one row: the measures, or the error.

    Args:
        model: name of a peer, or the command line of one of ours.
        now: the table.
    """
    row = {
        "table": now.source.name,
        "half": now.source.half,
        "model": model,
        "seed": now.seed,
        "rows": len(now.train),
        "columns": now.train.shape[1],
        "made": made(model),
    }
    try:
        make: Callable[[Case], Drawn] = PEERS[model] if model in PEERS else ours(model)
        wall, cpu = time.perf_counter(), time.process_time()
        drawn = make(now)
        spent = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
        return row | measures(drawn, now) | spent
    except Exception as error:  # a model that fails must not end a benchmark of hours
        return row | {
            "error": f"{type(error).__name__}: {str(error)[:200]}".replace("|", "/").replace("\n", " ")
        }


def made(model: str) -> str:
    """Returns the date and the package versions with which a row is measured."""
    packages = PACKAGES.get(model, () if model in PEERS else ("simulacra",))
    versions = [f"{name} {importlib.metadata.version(name)}" for name in packages]
    return ", ".join([datetime.date.today().isoformat(), *versions])


if __name__ == "__main__":
    raise SystemExit(main())
