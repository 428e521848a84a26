"""Flows on tables of the UCI repository, ten folds, by the protocol of RNADE.

command     SIMULACRA_DATA=DATA python recipes/flow_uci.py [--folds N] [--kinds nsf maf]   (DATA holds uci/)
protocol    ten folds; columns standardized by mean and deviation of the other nine; a ninth of these stops
            the training; mean log-likelihood of the standardized test rows. Discrete columns are left out
            (red wine: quality), as in `rnade_uci.py`; 28 % of the entries of ionosphere are exactly -1, 0 or
            1, where a density has no bound
published   none for these flows by this protocol; Uria, Murray and Larochelle 2013, red wine / ionosphere:
            Gaussian -13.18 / -41.24, RNADE-MoG -9.36 / -2.50
ours        red wine: nsf -9.60 +- 0.18, maf -10.16 +- 0.33 (standard errors over the rows; 95 s and 41 s);
            ionosphere: nsf -14.86 +- 1.64, maf -86 +- 60 of a few far rows (101 s and 22 s)
device      2 shared CPU cores, one thread
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

import simulacra
from simulacra.data.catalog import names
from simulacra.evaluation.compare.reproduction import Figure, Measured
from simulacra.training.hardware.budget import Budget

FOLDS, EPOCHS, PATIENCE = 10, 200, 15
KINDS = ("nsf", "maf", "nice")
# file and the columns that are modelled
TABLES = {
    "red wine": ("winequality-red.csv", tuple(range(11))),
    "ionosphere": ("ionosphere.csv", tuple(range(2, 34))),
}
PROTOCOL = "ten folds, columns standardized by the training rows; mean log-likelihood of the test rows"
FIGURES = tuple(Figure(f"{table}, flow", None, "", "nats", PROTOCOL, 0.0, 0.0) for table in TABLES)


def rows_of(table: str) -> Tensor:
    """Returns the columns of a table in double precision, shape (N, d)."""
    file, columns = TABLES[table]
    get = f"save {file} of the UCI repository as uci/{file}"
    path = names.locate(names.Entry(file, "", folders=("uci",), files=((file,),), by_hand=get))[file]
    return torch.from_numpy(np.loadtxt(path, delimiter=",", usecols=columns))


def fold_scores(train: Tensor, test: Tensor, kind: str) -> list[float]:
    """Returns the log-likelihood of test rows under a flow of the training rows, in nats.

    Args:
        train: training rows, shape (N, d).
        test: test rows, shape (M, d).
        kind: kind of the flow.
    """
    mean, std = train.mean(0), train.std(0, correction=0)
    space = simulacra.Real((train.shape[1],))
    data = simulacra.from_tensors(((train - mean) / std).float(), space, "table", valid=1 / 9, test=0.0)
    model = simulacra.Flow(space, kind=kind, layers=5, hidden=(64, 64))
    settings = {"epochs": EPOCHS, "patience": PATIENCE, "batch_size": 100, "ema": 0.99, "clip": 5.0}
    run = simulacra.fit(model, data, out=tempfile.mkdtemp(), progress=False, doctor=False, **settings)
    return run.model.log_prob(((test - mean) / std).float()).values.tolist()


def scores(table: str, kind: str = KINDS[0], folds: int = FOLDS) -> Tensor:
    """Returns the score of each row of the first folds, by the model of the other rows, shape (N,)."""
    x = rows_of(table)
    fold = torch.randperm(len(x), generator=torch.Generator().manual_seed(0)) % FOLDS
    return torch.tensor([s for k in range(folds) for s in fold_scores(x[fold != k], x[fold == k], kind)])


def reproduce(budget: Budget) -> Iterator[Measured]:
    """Measures both tables with splines; the trainings stop by themselves."""
    for table, figure in zip(TABLES, FIGURES):
        rows = torch.tensor(budget.once(f"{table} scores", lambda of=table: scores(of).tolist()))
        yield figure.measured(float(rows.mean()), float(rows.std()) / len(rows) ** 0.5)


def main() -> None:
    """Prints the mean over the rows of the folds that are asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folds", type=int, default=FOLDS)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=TABLES)
    asked = parser.parse_args()
    for table in asked.tables:
        for kind in asked.kinds:
            began = time.process_time()
            rows = scores(table, kind, asked.folds)
            error, seconds = rows.std() / len(rows) ** 0.5, time.process_time() - began
            print(f"{table}, {kind}: {rows.mean():.2f} +- {error:.2f} nats, {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
