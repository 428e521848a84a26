"""The evidence for each check of the doctor, by model and seed.

Only what the check reads is computed, since a table of many seeds takes minutes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import torch
from torch import Tensor, nn

import simulacra
from benchmarks.doctor_models import (
    Drawn,
    bits,
    cut,
    factor_vae,
    ferromagnet,
    grey,
    moved,
    patients,
    seeded,
    toy,
    trained,
)
from simulacra.core.model import Model
from simulacra.core.spaces.plain import Binary, Real
from simulacra.data.dataset import Dataset, Split
from simulacra.data.sources.tensors import from_tensors
from simulacra.evaluation.diagnostics.dead_units import dead_units
from simulacra.evaluation.diagnostics.mixing import mixing
from simulacra.evaluation.diagnostics.state import diagnostics
from simulacra.evaluation.latents.codes import Codes, active_in, decompose, posteriors
from simulacra.evaluation.latents.spread import spread
from simulacra.evaluation.likelihood.annealing import Annealing
from simulacra.evaluation.likelihood.constant_columns import constant_columns
from simulacra.evaluation.likelihood.held_out import likelihoods
from simulacra.evaluation.likelihood.repeated_values import repeated_values
from simulacra.evaluation.measures.history import History
from simulacra.evaluation.measures.measure import Evidence
from simulacra.evaluation.measures.registry import (
    CODES,
    CONSTANT,
    DIAGNOSTICS,
    GENERALIZATION,
    HISTORY,
    LAYERS,
    LIKELIHOOD,
    MEMORIZATION,
    MIXING,
    MODES,
    NEIGHBOUR,
    REPEATED,
    SAMPLE_SCORE,
    SPREAD,
    TABLE,
)
from simulacra.evaluation.measures.row_scores import Generalization
from simulacra.evaluation.measures.tables import TableFound
from simulacra.evaluation.samples.implicit import modes_found
from simulacra.evaluation.samples.memorization import memorization
from simulacra.evaluation.samples.mmd import mmd
from simulacra.evaluation.samples.neighbours import neighbour_accuracy
from simulacra.evaluation.tables.kept_columns import kept
from simulacra.tables.columns import Columns


def codes(model: Model, data: Dataset, seed: int) -> Evidence:
    """Measures the information in the codes of held-out rows."""
    q = posteriors(model, data.test, seed)
    return Evidence.of({CODES: Codes(decompose(q, seed=seed), active_in(q))})


def silent(seed: int) -> Evidence:
    """Returns the codes of a VAE of independent bits, which carry no information."""
    x = (torch.rand(1500, 64, generator=torch.Generator().manual_seed(seed)) < 0.5).float()
    data = from_tensors(x, Binary((64,)))
    make = lambda: simulacra.VAE(data.space, latent=4, hidden=(64,))
    return codes(trained(seeded(seed, make), data, seed, epochs=15, lr=5e-3)[0], data, seed)


def factors(latent: int, seed: int) -> Evidence:
    """Returns the codes of data with two factors."""
    return codes(factor_vae(latent, seed), toy("linear-gaussian"), seed)


def moved_factors(by: float, seed: int) -> Evidence:
    """Returns the codes of a VAE whose encoder was shifted by `by`."""
    return codes(moved(factor_vae(2, seed), by), toy("linear-gaussian"), seed)


@cache
def fitted(rows: int, epochs: int, seed: int) -> Evidence:
    """Returns scores and metrics of a MADE of few or many digits.

    Args:
        rows: number of training rows.
        epochs: passes of training.
        seed: seed of weights and training.
    """
    whole = cut()
    train = whole.train.select(torch.arange(rows))
    data = Dataset("some digits", {**whole.splits, "train": train}, whole.preprocessing)
    make = lambda: simulacra.MADE(data.space, hidden=(100,))
    model, metrics = trained(seeded(seed, make), data, seed, epochs=epochs, batch_size=50, lr=3e-3)
    n = min(rows, len(data.test))
    scores = [likelihoods(model, data, split, limit=n).estimate for split in ("test", "train")]
    return Evidence.of({GENERALIZATION: Generalization(scores[0], scores[1]), HISTORY: History(metrics)})


def metrics_of(lr: float, seed: int) -> Evidence:
    """Returns the loss terms of a VAE of the ring trained at a learning rate, also if training failed."""
    make = lambda: simulacra.VAE(toy("ring").space, latent=2, hidden=(32,))
    return Evidence.of(
        {HISTORY: History(trained(seeded(seed, make), toy("ring"), seed, epochs=10, lr=lr)[1])}
    )


def weighed(model: Model, seed: int) -> Evidence:
    """Computes importance samples of held-out rows."""
    return Evidence.of({LIKELIHOOD: likelihoods(model, bits(), "test", 100, seed, 100)})


def annealed(size: float, steps: int, seed: int) -> Evidence:
    """Brackets log Z of an RBM with random couplings.

    Args:
        size: standard deviation of the couplings.
        steps: number of temperatures.
        seed: seed of the weights and the chains.
    """
    model = seeded(seed, lambda: simulacra.RBM(bits().space, hidden=50))
    with torch.no_grad():
        model.W.normal_(0, size, generator=torch.Generator().manual_seed(seed))
    found = Annealing(steps, 50, steps).bracket(model.eval(), seed)
    model.preprocessing = bits().preprocessing
    whole = likelihoods(model, bits(), "test", limit=50, annealing=found)
    return Evidence.of({LIKELIHOOD: whole})


def levels(data: Dataset, seed: int) -> Evidence:
    """Returns the density of digits under a closed-form model."""
    model, _ = trained(seeded(seed, lambda: simulacra.PPCA(data.space, latent=8)), data, seed)
    found = likelihoods(model, data, "test", 1, seed)
    return Evidence.of({LIKELIHOOD: found, REPEATED: repeated_values(data, data.test)})


def spiked(constants: int, seed: int) -> Evidence:
    """Trains a VAE with a learned scale, on columns of which some are constant.

    Args:
        constants: number of constant columns.
        seed: seed of weights and training.
    """
    x = toy("linear-gaussian").train.x[:2000]
    data = from_tensors(torch.cat([x, torch.ones(len(x), constants)], 1), Real((8 + constants,)))
    make = lambda: simulacra.VAE(data.space, latent=2, hidden=(32,))
    model, _ = trained(seeded(seed, make), data, seed, epochs=80, lr=1e-2)
    return Evidence.of({CONSTANT: constant_columns(model, data, seed)})


def game(model: Model, seed: int) -> Evidence:
    """Returns the diagnostics of a GAN on the ring."""
    data = toy("ring")
    return Evidence.of(
        {
            DIAGNOSTICS: diagnostics(model, data, seed=seed),
            NEIGHBOUR: neighbour_accuracy(model, data, seed=seed),
        }
    )


def half_ring(seed: int, sick: bool) -> Evidence:
    """Returns the modes that an RNADE draws after training on all of the ring, or on its right half."""
    whole = toy("ring")
    kept = whole.train.x[:, 0] > -0.5 if sick else torch.ones(len(whole.train), dtype=torch.bool)
    train = Split(whole.train.x[kept], whole.preprocessing)
    data = Dataset("ring", {"train": train, "test": whole.test}, whole.preprocessing)
    make = lambda: simulacra.RNADE(whole.space, hidden=32)
    model, _ = trained(seeded(seed, make), data, seed, epochs=8, lr=1e-2)
    return Evidence.of({MODES: modes_found(whole.truth, model.sample(1000, seed=seed), whole.test.x)})


def watched(seed: int, sick: bool) -> Evidence:
    """Returns the dead units of a VAE, two in three of which are switched off if `sick`."""
    model = seeded(seed, lambda: simulacra.VAE(bits().space, latent=4, hidden=(64,)))
    model, _ = trained(model, bits(), seed, epochs=8)
    first = next(m for m in model.encoder.modules() if isinstance(m, nn.Linear))
    with torch.no_grad():
        first.bias[: 43 if sick else 0] = -100.0
    return Evidence.of({LAYERS: dead_units(model, bits())})


def widths(scale: float | None, seed: int) -> Evidence:
    """Returns the spread of a Gaussian decoder of grey digits with a fixed scale, or a learned one (None).

    Args:
        scale: the fixed scale of the decoder; None: learned.
        seed: seed of weights and training.
    """
    make = lambda: simulacra.VAE(grey().space, latent=8, hidden=(128,), scale=scale)
    model, _ = trained(seeded(seed, make), grey(), seed, epochs=30, lr=3e-3)
    return Evidence.of({SPREAD: spread(model, grey(), seed=seed)})


def of_table(seed: int, change: Callable[[Columns, np.random.Generator], Columns] | None = None) -> Evidence:
    """Compares fresh rows of a table's true distribution, used as samples, with its rows.

    Args:
        seed: seed of the rows.
        change: applied to the fresh rows; None: unchanged.
    """
    train, held_out, fresh = (patients(n, 3 * seed + i) for i, n in enumerate((800, 200, 1000)))
    drawn = fresh if change is None else change(fresh, np.random.default_rng(seed))
    return Evidence.of({TABLE: TableFound(kept(train, held_out, drawn, seed), None)})


def with_constant(table: Columns, rng: np.random.Generator) -> Columns:
    """Sets one column to its mean."""
    weight = table.numbers["weight"]
    return replace(table, numbers={**table.numbers, "weight": np.full(len(weight), weight.mean())})


def each_by_itself(table: Columns, rng: np.random.Generator) -> Columns:
    """Permutes each column independently."""
    numbers = {name: rng.permutation(values) for name, values in table.numbers.items()}
    return replace(table, numbers=numbers, classes={n: rng.permutation(v) for n, v in table.classes.items()})


def without_class(table: Columns, rng: np.random.Generator) -> Columns:
    """Replaces a class of 5 % of the rows by the one before it."""
    return replace(table, classes={**table.classes, "region": table.classes["region"].clip(max=2)})


def stepped(w: float, seed: int) -> Evidence:
    """Runs the chains of an RBM with two modes, far apart or near.

    Args:
        w: all couplings; with larger ones the chains mix more slowly.
        seed: seed of the chains.
    """
    data = toy("bars-and-stripes")
    return Evidence.of({MIXING: mixing(ferromagnet(data, w), data, seed=seed)})


def drawn(rows: Tensor, seed: int) -> Evidence:
    """Compares given rows, used as samples, with the data.

    Args:
        rows: the samples, shape (N, 8).
        seed: seed of the measures.
    """
    data = toy("linear-gaussian")
    return Evidence.of(
        {
            MEMORIZATION: memorization(Drawn(rows), data, n=500, seed=seed),
            SAMPLE_SCORE: mmd(Drawn(rows), data, n=500, seed=seed),
        }
    )
