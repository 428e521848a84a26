"""The chemical VAE on molecules of ZINC: properties from the code, molecules back, and molecules drawn.

command     SIMULACRA_DATA=DATA python recipes/chemical_vae_zinc.py [--passes N] (DATA holds zinc/)
protocol    24,445 molecules of ZINC 250k train, 5,000 test; absolute error of each property on all test rows;
            share of 1,000 test molecules that decoding their mean codes reproduces, with the likeliest token
            each time; share of 1,000 draws that are valid, by brackets, rings and valences without rdkit
published   Gomez-Bombarelli et al. 2018 on ten times the data: logP 0.15, QED 0.054; reconstruction
            44.6 % and prior validity 0.7 % as Kusner et al. 2017 and Jin et al. 2018 measured them, with
            several codes and draws for each molecule and rdkit's rules
baseline    the mean of the training rows for every molecule: logP 1.15, QED 0.110, SAS 0.67
ours        not measured yet
device      2 shared CPU cores, one thread
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import torch

import simulacra
from simulacra.core.texts.molecules import is_molecule
from simulacra.data.dataset import Dataset
from simulacra.evaluation.compare.reproduction import Figure, Measured
from simulacra.evaluation.tasks.prediction import prediction
from simulacra.exploration import optimize
from simulacra.training.hardware.budget import Budget

ROWS, DRAWS, PASSES = 1000, 1000, 40.0
PROPERTIES = "logP,qed,SAS"
SIZES = {"latent": 56, "hidden": 256, "width": 48, "property_weight": 5.0, "kl_warmup": 0.6}
SETTINGS = {"batch_size": 128, "lr": 2e-3, "schedule": "cosine", "warmup": 0.02, "validate": False}
PAPER, SEEN = "Gomez-Bombarelli et al. 2018, table 1", "Jin et al. 2018, table 1"
TENTH, MEAN, PLAIN = "a tenth of ZINC 250k", "likeliest tokens of the mean code", "brackets, rings, valences"
OURS = (TENTH, TENTH, f"{TENTH}; {MEAN}", f"{TENTH}; {PLAIN}")
WHOLE, DRAWN, RDKIT = "ZINC 250k", "ZINC 250k; several codes and draws of each", "ZINC 250k; by rdkit"
FIGURES = (
    Figure("absolute error of logP", 0.15, PAPER, "", WHOLE, 0.01, 0.2, "lower"),
    Figure("absolute error of QED", 0.054, PAPER, "", WHOLE, 0.002, 0.04, "lower"),
    Figure("reconstructed molecules", 44.6, SEEN, "%", DRAWN, 1.0, 20.0, "higher"),
    Figure("valid molecules of the prior", 0.7, SEEN, "%", RDKIT, 0.2, 5.0, "higher"),
)


def built(data: Dataset) -> simulacra.ChemicalVAE:
    """Returns the untrained model."""
    return simulacra.ChemicalVAE(data.space, data.condition, **SIZES)


def reproduce(budget: Budget) -> Iterator[Measured]:
    """Trains one model, and measures properties, reconstruction and validity."""
    data = simulacra.load_data("zinc", condition=PROPERTIES)
    run = budget.fit("chemical", built(data), data, PASSES, 0.85, **SETTINGS)
    share = run.epochs / PASSES
    for figure, value, protocol in zip(FIGURES, measured(run.model, data), OURS):
        yield figure.measured(value, protocol=protocol, share=share)


def measured(model: simulacra.Model, data: Dataset) -> list[float]:
    """Returns the values of FIGURES, in their order."""
    found = prediction(model, data)
    assert found is not None
    errors = {one.name: one.error.value for one in found.columns}
    x = data.test.x[:ROWS]
    same = (model.reconstruct(x).long() == x.long()).all(1).double().mean()
    valid = sum(map(is_molecule, model.text(model.sample(DRAWS, seed=0)))) / DRAWS
    return [errors["logP"], errors["qed"], 100 * float(same), 100 * valid]


def main() -> None:
    """Trains and scores the model, and prints molecules that a search for a high QED found."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--passes", type=float, default=PASSES, help="over the training rows")
    asked = parser.parse_args()
    torch.manual_seed(0)
    data = simulacra.load_data("zinc", condition=PROPERTIES)
    run = simulacra.fit(built(data), data, epochs=asked.passes, **SETTINGS)
    for figure, value in zip(FIGURES, measured(run.model, data)):
        print(f"{figure.name}: {value:.4g} {figure.unit} (published {figure.published})", flush=True)
    best = optimize(run.model, of="qed", n=5)
    for text, start, found, kept in zip(run.model.text(best.x), best.start, best.found, best.kept):
        print(f"qed {float(start):.2f} -> {float(found):.2f}, of the text {float(kept):.2f}: {text}")


if __name__ == "__main__":
    main()
