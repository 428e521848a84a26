"""Our models, trained as a user trains them: `simulacra train NAME table.csv`, with any of its options.

Nothing is declared about the columns: their kinds are inferred from the file.
"""

from __future__ import annotations

import contextlib
import io
import shlex
import tempfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd

import simulacra
from benchmarks.tables.drawn import Drawn, restored
from benchmarks.tables.sets import Case
from simulacra.cli import main
from simulacra.models.catalog import find

OURS = ("vae", "gaussian-copula", "tabular")


def ours(words: str) -> Callable[[Case], Drawn]:
    """Returns a function that trains and draws from the model of a command line, as `vae --epochs 200`.

    Raises:
        ValueError: if the catalogue has no such model.
    """
    name, *options = shlex.split(words)
    find(name)

    def draw(case: Case) -> Drawn:
        with tempfile.TemporaryDirectory() as folder:
            model = _trained(name, options, case, Path(folder))
        rows = model.sample(len(case.train), seed=case.seed + 1)

        def fill(rows: pd.DataFrame, seed: int) -> pd.DataFrame:
            columns = rows.astype(object).where(rows.notna(), None).to_dict("list")
            return restored(model.to_dataframe(model.complete(columns, seed=seed)), case.train)

        return Drawn(restored(model.to_dataframe(rows), case.train), fill)

    return draw


def _trained(name: str, options: list[str], case: Case, folder: Path) -> simulacra.Model:
    """Trains by the command line; its output is only shown if it fails."""
    table, run, said = folder / "table.csv", folder / "run", io.StringIO()
    case.train.to_csv(table, index=False)
    words = ["train", name, str(table), "--out", str(run), "--seed", str(case.seed), *options]
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        status = main(words)
    if status != 0:
        raise ValueError((said.getvalue().strip().splitlines() or [f"exit status {status}"])[-1])
    return simulacra.load(run)
