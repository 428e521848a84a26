"""Sentence VAEs on captions and on arithmetic expressions: a code that is used, and one that is not.

command     SIMULACRA_DATA=DATA python recipes/sentence_vae_texts.py [--passes N] (DATA holds multi30k/ and
            expressions/)
protocol    captions: English, published splits, words of the training rows that occur twice; bound of 50
            importance samples and KL on 1,000 test captions, with the end of each. Expressions: own split,
            tokens between spaces; share of 1,000 test rows that decoding their codes reproduces, and of 1,000
            draws that Python parses
published   none for these protocols. Bowman et al. 2015 on Penn Treebank: the KL rises from 0.01 to 20.9 nats
            by word dropout
ours        not measured yet
device      2 shared CPU cores, one thread
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import torch

import simulacra
from simulacra.core.random.keyed import Rng
from simulacra.core.texts.expressions import is_expression
from simulacra.data.dataset import Dataset
from simulacra.evaluation.compare.reproduction import Figure, Measured
from simulacra.exploration import interpolations
from simulacra.training.hardware.budget import Budget

ROWS, SAMPLES = 1000, 50
PASSES = {"multi30k": 4.0, "expressions": 4.0}
SIZES: dict[str, Mapping[str, int]] = {
    "multi30k": {"latent": 16, "hidden": 128, "width": 64},
    "expressions": {"latent": 16, "hidden": 128, "width": 32},
}
USED = {"word_dropout": 0.5, "kl_warmup": 0.5}
UNUSED = {"word_dropout": 0.0, "kl_warmup": 0.0}
SETTINGS: dict[str, Any] = {"batch_size": 64, "lr": 2e-3, "validate": False}
figure = partial(Figure, published=None, source="", tolerance=0.0, wide=0.0)
captions = partial(figure, unit="nats a caption", protocol="published splits; 1,000 test captions")
expressions = partial(figure, protocol="own split; 1,000 rows and draws")
FIGURES = (
    captions("KL of captions, words dropped and KL annealed"),
    captions("KL of captions, neither"),
    captions("bound of captions"),
    expressions("KL of expressions", unit="nats an expression"),
    expressions("reconstructed expressions", unit="%"),
    expressions("valid expressions", unit="%"),
)


def built(data: Dataset, name: str, **options: float) -> simulacra.SentenceVAE:
    """Returns the untrained model for one of the data sets."""
    return simulacra.SentenceVAE(data.space, **SIZES[name], **options)


def reproduce(budget: Budget) -> Iterator[Measured]:
    """Measures the captions with and without the options that keep the code, then the expressions."""
    data, passes = simulacra.load_data("multi30k"), PASSES["multi30k"]
    run = budget.fit("captions", built(data, "multi30k", **USED), data, passes, 0.4, **SETTINGS)
    share = run.epochs / passes
    yield FIGURES[0].measured(kl(run.model, data), share=share)
    score = run.model.log_prob(data.test.x[:ROWS], k=SAMPLES, seed=0)
    other = budget.fit("unused", built(data, "multi30k", **UNUSED), data, passes, 0.6, **SETTINGS)
    yield FIGURES[1].measured(kl(other.model, data), share=other.epochs / passes)
    yield FIGURES[2].measured(score.mean, score.error, share=share)
    data, passes = simulacra.load_data("expressions"), PASSES["expressions"]
    run = budget.fit("expressions", built(data, "expressions", **USED), data, passes, 0.9, **SETTINGS)
    share = run.epochs / passes
    yield FIGURES[3].measured(kl(run.model, data), share=share)
    yield FIGURES[4].measured(100 * rebuilt(run.model, data), share=share)
    yield FIGURES[5].measured(100 * valid_share(run.model), share=share)


def kl(model: simulacra.SentenceVAE, data: Dataset) -> float:
    """Returns the mean KL of the codes of test rows to the prior, in nats."""
    with torch.no_grad():
        return float(model.eval().rates(data.test.x[:ROWS].to(model.dtype), None, Rng(0)).sum(1).mean())


def rebuilt(model: simulacra.Model, data: Dataset) -> float:
    """Returns the share of test rows that their own codes decode to."""
    x = data.test.x[:ROWS]
    return float((model.reconstruct(x) == x).all(1).double().mean())


def valid_share(model: simulacra.Model) -> float:
    """Returns the share of draws that are valid expressions."""
    return sum(map(is_expression, model.text(model.sample(ROWS, seed=0)))) / ROWS


def main() -> None:
    """Trains and scores all three, and prints draws and a homotopy of each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--passes", type=float, help="of each data set")
    parser.add_argument("--only", choices=[*PASSES], help="one of the data sets")
    asked = parser.parse_args()
    trained = {"multi30k": (USED, UNUSED), "expressions": (USED,)}
    for name in [asked.only] if asked.only else PASSES:
        for options in trained[name]:
            torch.manual_seed(0)
            data = simulacra.load_data(name)
            model = built(data, name, **options)
            run = simulacra.fit(model, data, epochs=asked.passes or PASSES[name], **SETTINGS)
            report(run.model, data, f"{name}, {options}")


def report(model: simulacra.SentenceVAE, data: Dataset, title: str) -> None:
    """Prints the figures of a model, with draws and a homotopy between two test rows."""
    score = model.log_prob(data.test.x[:ROWS], k=SAMPLES, seed=0)
    print(f"{title}: {score}, KL {kl(model, data):.3f} nats, {100 * rebuilt(model, data):.1f} % rebuilt")
    print(*model.text(model.sample(5, seed=0, temperature=0.8)), sep="\n", flush=True)
    a, b = data.test.x[:1], data.test.x[1:2]
    print("---", *model.text(interpolations(model, a, b, 7, "lerp")[0]), sep="\n", flush=True)


if __name__ == "__main__":
    main()
