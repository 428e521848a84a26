"""The smaller machines of the Boltzmann family on 8x8 digits: each trains in a minute and says what it can.

command     python recipes/small_machines.py [MODEL ...] [--epochs N]
protocol    the 1,797 embedded digits, binarized by a threshold (gaussian-rbm: dequantized), 1,437 train and
            180 test images. What is printed follows from the model: log p(x) of the test images where it
            can be had, share of correct labels, or share of correct pixels in the lower half given the
            upper one
published   none for these data: the papers' own sets and sizes are larger
ours        gaussian-rbm at least -179.74 nats (dequantized), 79.0 % of the pixels; multi-prediction-dbm
            74.4 % of the labels, 78.3 % of the pixels; boltzmann-machine at most -18.99, 77.7 %;
            mixture-rbm -23.07 exact; discriminative-rbm 63.9 % of the labels; grouped-rbm 92.2 %; gated-bm
            73.1 % of the pixels; each within half a minute. boosted-field took 7.9 min. higher-order-bm
            draws 64 pixels one by one by 41,664 weights: over ten minutes, not run to its end
device      2 shared CPU cores, one thread
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from functools import partial

import torch

import simulacra
from simulacra.core.capabilities import general as can
from simulacra.data.dataset import Dataset
from simulacra.evaluation import Annealing
from simulacra.evaluation.compare.reproduction import Figure, Measured
from simulacra.evaluation.likelihood.held_out import has_likelihood, likelihoods
from simulacra.exploration import known_part
from simulacra.training.hardware.budget import Budget

MODELS = {
    "gaussian-rbm": lambda space, c: simulacra.GaussianRBM(space, hidden=16, scale=0.3, lr=0.003),
    "multi-prediction-dbm": lambda space, c: simulacra.MultiPredictionDBM(space, c, hidden=(100, 50)),
    "boltzmann-machine": lambda space, c: simulacra.BoltzmannMachine(space),
    "higher-order-bm": lambda space, c: simulacra.HigherOrderBM(space, lr=0.02),
    "mixture-rbm": lambda space, c: simulacra.MixtureRBM(space, components=10, hidden=12),
    "discriminative-rbm": lambda space, c: simulacra.DiscriminativeRBM(space, c, hidden=200, generative=1.0),
    "grouped-rbm": lambda space, c: simulacra.GroupedRBM(space, c, hidden=20, irrelevant=50),
    "gated-bm": lambda space, c: simulacra.GatedBM(space, components=2, hidden=50),
    "boosted-field": lambda space, c: simulacra.BoostedField(space, features=20),
    "unrolled-mrf": lambda space, c: simulacra.UnrolledMRF(space),
}
LABELLED = ("multi-prediction-dbm", "discriminative-rbm", "grouped-rbm")
# models that train within half a minute
QUICK = [name for name in MODELS if name not in ("higher-order-bm", "boosted-field", "unrolled-mrf")]
EPOCHS = 30
LABELS, LIKELIHOOD, PIXELS = "labels", "log p(x)", "pixels"
digits_figure = partial(
    Figure,
    published=None,
    source="",
    protocol="8x8 digits, binarized by a threshold or dequantized, 180 test images",
    tolerance=0.0,
    wide=0.0,
)
# the capabilities of a model decide which of them it has
FIGURES = tuple(
    digits_figure(f"{name}, {what}", unit=unit)
    for name in QUICK
    for what, unit in ((LABELS, "% right"), (LIKELIHOOD, "nats"), (PIXELS, "% right below"))
)


def load(name: str) -> Dataset:
    """Loads the digits in the form that the model takes."""
    if name == "gaussian-rbm":
        return simulacra.load_data("digits", dequantize="uniform")
    label = {"condition": "label"} if name in LABELLED else {}
    return simulacra.load_data("digits", binarize="threshold", **label)


def scores(model: simulacra.Model, data: Dataset) -> dict[str, float | simulacra.Estimate]:
    """Returns the measures of the test images that the model's capabilities allow."""
    found: dict[str, float | simulacra.Estimate] = {}
    test = data.test
    if model.supports(can.Classifies):
        found[LABELS] = float((model.classify(test.x).argmax(1) == test.labels).double().mean())
    elif has_likelihood(model):
        found[LIKELIHOOD] = likelihoods(model, data, annealing=Annealing(200, 50, 200)).estimate
    if model.supports(can.Completes):
        known = known_part(data.preprocessing.raw, "upper")
        filled = model.complete(test.x, known, test.c if model.condition is not None else None, seed=0)
        same = (data.preprocessing.raw.features(filled) - data.preprocessing.raw.features(test.x)).abs() < 0.5
        found[PIXELS] = float(same[:, ~known].double().mean())
    return found


def said(found: dict[str, float | simulacra.Estimate]) -> str:
    """Describes the scores."""
    of = {LABELS: "of the labels", PIXELS: "of the pixels below given those above"}
    texts = [f"{value:.1%} {of[name]}" if name in of else str(value) for name, value in found.items()]
    return "; ".join(texts) or "samples only"


def built(name: str, data: Dataset) -> simulacra.Model:
    """Returns the untrained machine."""
    torch.manual_seed(0)
    return MODELS[name](data.space, data.condition)


def reproduce(budget: Budget) -> Iterator[Measured]:
    """Measures the quick models, each with the same time."""
    figures = {figure.name: figure for figure in FIGURES}
    for name in QUICK:
        data = load(name)
        run = budget.fit(name, built(name, data), data, EPOCHS, 0.8 / len(QUICK), validate=False)
        share = run.epochs / EPOCHS
        for what, value in scores(run.model, data).items():
            figure = figures[f"{name}, {what}"]
            if isinstance(value, simulacra.Estimate):
                yield figure.measured(value.mean, value.error, share=share, note=value.kind)
            else:
                yield figure.measured(100 * value, share=share)


def main() -> None:
    """Trains the models, and prints their scores on the test images."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="*", default=[], help=f"of {', '.join(MODELS)}; none: all")
    parser.add_argument("--epochs", type=float, default=EPOCHS)
    asked = parser.parse_args()
    for name in asked.models or MODELS:
        data = load(name)
        model = built(name, data)
        began = time.perf_counter()
        run = simulacra.fit(model, data, out=tempfile.mkdtemp(), epochs=asked.epochs, validate=False)
        minutes = (time.perf_counter() - began) / 60
        print(f"{name}: {said(scores(run.model, data))}; training {minutes:.1f} min", flush=True)


if __name__ == "__main__":
    main()
