"""A table of numbers, counts and classes: an autoregressive model, a Gaussian copula and a VAE.

command     python recipes/mixed_tables.py
protocol    2,000 generated patients (seed 0), 8 columns with known dependence: age, sex, bmi, pressure,
            smoker, visits, dose, region; 1,400 train, 200 validation and 400 test rows; models and training
            as they are by default; 1,400 samples (`simulacra.evaluation.tables.report`)
published   none for these rows
ours        pair error 0.016 (tabular), 0.026 (gaussian-copula), 0.028 (vae), held-out rows 0.034;
            detection AUC 0.46, 0.55 and 0.49, held-out rows 0.50; most dependence lost in a pair 0.03, 0.06
            and 0.19 (sex and smoker, 0.21 in the data), held-out rows 0.05; 6.3 min at lowest priority
            beside a test suite on both cores
device      2 shared CPU cores, one thread
"""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch

import simulacra
from simulacra.evaluation import table_report
from simulacra.evaluation.compare.reproduction import Figure, Measured
from simulacra.evaluation.samples.quality import Skipped
from simulacra.evaluation.tables.report import TableReport
from simulacra.training.hardware.budget import Budget

ROWS, BATCH = 2000, 128
MODELS: dict[str, Callable[[simulacra.Space], simulacra.Model]] = {
    "tabular": lambda space: simulacra.Tabular(space),
    "gaussian-copula": lambda space: simulacra.GaussianCopula(space),
    "vae": lambda space: simulacra.VAE(space),
}
PROTOCOL = "2,000 generated patients, 1,400 training rows, 400 held-out rows, 1,400 samples"
MEASURES = ("pair error", "detection AUC", "dependence lost in the worst pair")
FIGURES = tuple(
    Figure(f"{name}, {measure}", None, "", "", PROTOCOL, tolerance=0.0, wide=0.0)
    for name in MODELS
    for measure in MEASURES
)


def patients(rows: int = ROWS) -> dict[str, list]:
    """Returns the columns of generated patients, which are not real persons."""
    r = np.random.default_rng(0)
    male = r.random(rows) < 0.5
    age = np.clip(r.gamma(9, 6, rows), 18, 95).round().astype(int)
    old = (age - 54) / 18
    bmi = np.exp(3.2 + 0.12 * old + 0.05 * male + 0.12 * r.normal(size=rows))
    line = 0.5 * old + 0.45 * (bmi - 25) / 4 + 0.2 * male
    noise = np.sqrt(1 - 0.74**2) * r.normal(size=rows)
    pressure = 125 + 14 * (0.74 * (line - line.mean()) / line.std() + noise)
    smokes = r.random(rows) < 1 / (1 + np.exp(0.9 - 0.8 * male + 0.02 * (age - 54)))
    visits = r.negative_binomial(2, 2 / (2 + np.exp(0.8 + 0.6 * old + 0.3 * smokes)))
    # the dose is 0 unless the pressure is high: half of the column is 0
    dose = np.where(pressure > 135, r.choice([5, 10, 20], rows, p=[0.5, 0.3, 0.2]), 0)
    return {
        "age": age.tolist(),
        "sex": np.where(male, "m", "f").tolist(),
        "bmi": bmi.round(1).tolist(),
        "pressure": pressure.round().astype(int).tolist(),
        "smoker": np.where(smokes, "yes", "no").tolist(),
        "visits": visits.tolist(),
        "dose": dose.tolist(),
        "region": r.choice(list("ABCD"), rows, p=[0.5, 0.3, 0.15, 0.05]).tolist(),
    }


def reported(model: simulacra.Model, data: simulacra.Dataset, **settings: float) -> TableReport:
    """Trains a model, and measures its samples."""
    run = simulacra.fit(model, data, out=tempfile.mkdtemp(), progress=False, **settings)
    return table_report(run.model, data)


def scores(found: TableReport, drawn: bool) -> tuple[float, float, float, str]:
    """Returns the measures of samples, or of the held-out rows, and the pair that lost most.

    Args:
        found: the report of a model.
        drawn: if True, the measures of samples, otherwise those of held-out rows.

    Returns:
        Pair error, detection AUC, and the largest loss of dependence with the names of its pair.
    """
    pairs, detected = found.pairs, found.detection if drawn else found.held_out_detection
    assert not isinstance(pairs, Skipped) and not isinstance(detected, Skipped)
    errors = pairs.drawn_errors if drawn else pairs.held_out_errors
    theirs = pairs.drawn if drawn else pairs.held_out
    lost = {pair: abs(value) - abs(theirs[pair]) for pair, value in pairs.data.items()}
    worst = max(lost, key=lambda pair: lost[pair])
    return float(np.mean(list(errors.values()))), detected.auc, lost[worst], " and ".join(worst)


def made(name: str, data: simulacra.Dataset) -> simulacra.Model:
    """Returns a model whose initial weights depend only on its name."""
    torch.manual_seed(0)
    return MODELS[name](data.space)


def shortened(model: simulacra.Model, data: simulacra.Dataset, budget: Budget) -> tuple[dict, float]:
    """Returns training options that fit into a quarter of the time, and the share of the usual steps.

    Args:
        model: the untrained model.
        data: the table.
        budget: the time for all models.
    """
    if budget.minutes is None or not model.recommended:
        return {}, 1.0
    whole = model.recommended["least_steps"] * BATCH / len(data.train)
    epochs = budget.epochs(model, data, whole, share=0.25)
    return ({"epochs": epochs}, epochs / whole) if epochs < whole else ({}, 1.0)


def reproduce(budget: Budget) -> Iterator[Measured]:
    """Measures all models: half a minute without a budget; a smaller one takes fewer steps."""
    data = simulacra.load_data(patients(), test=0.2)
    for i, name in enumerate(MODELS):
        model = made(name, data)
        settings, share = shortened(model, data, budget)
        found = reported(model, data, **settings)
        *values, pair = scores(found, drawn=True)
        for j, value in enumerate(values):
            yield FIGURES[3 * i + j].measured(value, share=share, note=pair if j == 2 else "")


def main() -> None:
    """Prints the measures of all three models and of the held-out rows."""
    logging.getLogger("simulacra").setLevel(logging.ERROR)
    data = simulacra.load_data(patients(), test=0.2)
    line = "{:<16}{:>12}{:>16}{:>18}  {:<20}{:>8}".format
    print(line("", "pair error", "detection AUC", "dependence lost", "in", "seconds"))
    for i, name in enumerate(MODELS):
        began = time.perf_counter()
        found = reported(made(name, data), data)
        seconds = f"{time.perf_counter() - began:.0f}"
        *values, pair = scores(found, drawn=False)
        if i == 0:
            print(line("held-out rows", *(f"{v:.3f}" for v in values), pair, ""))
        *values, pair = scores(found, drawn=True)
        print(line(name, *(f"{v:.3f}" for v in values), pair, seconds), flush=True)


if __name__ == "__main__":
    main()
