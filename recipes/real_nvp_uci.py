"""RealNVP on tables of the UCI repository, ten folds, by the protocol of RNADE.

command     SIMULACRA_DATA=DATA python recipes/real_nvp_uci.py [--folds N]   (DATA holds uci/)
protocol    ten folds; columns standardized by mean and deviation of the other nine; a ninth of these stops
            the training; mean log-likelihood of the standardized test rows. Discrete columns are left out
            (boston: CHAS, RAD, ZN and the target; red wine: quality), as in `rnade_uci.py`
published   none for RealNVP by this protocol; Uria, Murray and Larochelle 2013, red wine / boston: Gaussian
            -13.18 / -11.37, RNADE-MoG -9.36 / -0.64
ours        all ten folds not measured yet; the first fold alone: red wine -9.84 +- 0.34, boston -4.93 +- 1.01
            (standard errors over its rows)
device      2 shared CPU cores, one thread
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

import simulacra
from simulacra.data.catalog import names
from simulacra.evaluation.compare.reproduction import Figure, Measured
from simulacra.training.hardware.budget import Budget

FOLDS, EPOCHS, PATIENCE = 10, 300, 30
# file, mark between two columns (None: blanks), and the columns that are modelled
TABLES = {
    "red wine": ("winequality-red.csv", ",", tuple(range(11))),
    "boston": ("housing.data", None, (0, 2, 4, 5, 6, 7, 9, 10, 11, 12)),
}
PROTOCOL = "ten folds, columns standardized by the training rows; mean log-likelihood of the test rows"
FIGURES = tuple(Figure(f"{table}, RealNVP", None, "", "nats", PROTOCOL, 0.0, 0.0) for table in TABLES)


def rows_of(table: str) -> Tensor:
    """Returns the columns of a table in double precision, shape (N, d)."""
    file, delimiter, columns = TABLES[table]
    get = f"save {file} of the UCI repository as uci/{file}"
    path = names.locate(names.Entry(file, "", folders=("uci",), files=((file,),), by_hand=get))[file]
    return torch.from_numpy(np.loadtxt(path, delimiter=delimiter, usecols=columns))


def fold_scores(train: Tensor, test: Tensor) -> list[float]:
    """Returns the log-likelihood of test rows under a RealNVP of the training rows, in nats.

    Args:
        train: training rows, shape (N, d).
        test: test rows, shape (M, d).
    """
    mean, std = train.mean(0), train.std(0, correction=0)
    space = simulacra.Real((train.shape[1],))
    data = simulacra.from_tensors(((train - mean) / std).float(), space, "table", valid=1 / 9, test=0.0)
    model = simulacra.RealNVP(space, couplings=8, hidden=(64, 64))
    settings = {"epochs": EPOCHS, "patience": PATIENCE, "batch_size": 100, "ema": 0.99}
    run = simulacra.fit(model, data, out=tempfile.mkdtemp(), progress=False, doctor=False, **settings)
    return run.model.log_prob(((test - mean) / std).float()).values.tolist()


def scores(table: str, folds: int = FOLDS) -> Tensor:
    """Returns the score of each row of the first folds, by the model of the other rows, shape (N,)."""
    x = rows_of(table)
    fold = torch.randperm(len(x), generator=torch.Generator().manual_seed(0)) % FOLDS
    return torch.tensor([s for k in range(folds) for s in fold_scores(x[fold != k], x[fold == k])])


def reproduce(budget: Budget) -> Iterator[Measured]:
    """Measures both tables; the trainings stop by themselves."""
    for table, figure in zip(TABLES, FIGURES):
        rows = scores(table)
        yield figure.measured(float(rows.mean()), float(rows.std()) / len(rows) ** 0.5)


def main() -> None:
    """Prints the mean over the rows of the folds that are asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folds", type=int, default=FOLDS)
    folds = parser.parse_args().folds
    for table in TABLES:
        rows = scores(table, folds)
        print(
            f"{table}: log p(x) = {rows.mean():.2f} +- {rows.std() / len(rows) ** 0.5:.2f} nats", flush=True
        )


if __name__ == "__main__":
    main()
