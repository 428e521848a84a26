"""The smaller machines of the Boltzmann family on 8x8 digits: each trains in a minute and says what it can.

command     python recipes/small_machines.py [MODEL ...] [--epochs N]
protocol    the 1,797 embedded digits, binarised by a threshold (gaussian-rbm: dequantised), 1,437 train and
            180 test images. What is printed follows from the model: log p(x) of the test images where it
            can be had, share of correct labels, or share of correct pixels in the lower half given the
            upper one
published   none for these data: the papers' own sets and sizes are larger
ours        gaussian-rbm at least -179.74 nats (dequantised), 79.0 % of the pixels; multi-prediction-dbm
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

import torch

import simulacra
from simulacra.core import capabilities as can
from simulacra.data.dataset import Dataset
from simulacra.evaluation import Annealing
from simulacra.evaluation.likelihood import has_likelihood, likelihoods
from simulacra.exploration import known_part

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


def load(name: str) -> Dataset:
    """The digits as the model takes them."""
    if name == "gaussian-rbm":
        return simulacra.load_data("digits", dequantise="uniform")
    label = {"condition": "label"} if name in LABELLED else {}
    return simulacra.load_data("digits", binarize="threshold", **label)


def said(model: simulacra.Model, data: Dataset) -> str:
    """What the capabilities allow to measure of the test images."""
    found, test = [], data.test
    if model.supports(can.Classifies):
        right = (model.classify(test.x).argmax(1) == test.labels).double().mean()
        found.append(f"{right:.1%} of the labels")
    elif has_likelihood(model):
        found.append(str(likelihoods(model, data, annealing=Annealing(200, 50, 200)).estimate))
    if model.supports(can.Completes):
        known = known_part(data.preprocessing.raw, "upper")
        filled = model.complete(test.x, known, test.c if model.condition is not None else None)
        same = (data.preprocessing.raw.features(filled) - data.preprocessing.raw.features(test.x)).abs() < 0.5
        found.append(f"{same[:, ~known].double().mean():.1%} of the pixels below given those above")
    return "; ".join(found) or "samples only"


def main() -> None:
    """Train each model asked for, and print what it says of the test images."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="*", default=[], help=f"of {', '.join(MODELS)}; none: all")
    parser.add_argument("--epochs", type=float, default=30)
    asked = parser.parse_args()
    for name in asked.models or MODELS:
        data = load(name)
        torch.manual_seed(0)
        model = MODELS[name](data.space, data.condition)
        began = time.perf_counter()
        run = simulacra.fit(model, data, out=tempfile.mkdtemp(), epochs=asked.epochs, validate=False)
        minutes = (time.perf_counter() - began) / 60
        print(f"{name}: {said(run.model, data)}; training {minutes:.1f} min", flush=True)


if __name__ == "__main__":
    main()
