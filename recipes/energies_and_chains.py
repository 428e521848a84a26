"""Energies by a network on a ring, a chain over eight levels, and a chain over labels.

command     python recipes/energies_and_chains.py
protocol    ring: 4,000 points of radius 3 and deviation 0.3, two layers of 64 units, 20 passes; mean log p(x)
            of the test rows with Z by quadrature. Levels: 500 rows of one entry with a known law, 60 passes;
            total variation of 5,000 draws from that law. Arms: 600 rows in three classes, 40 passes; share of
            300 test rows whose class is right
published   none (the objectives are those of Gutmann and Hyvaerinen 2012 and of Bengio et al. 2014)
ours        below; the expected log p(x) of the true density is about -3.15 nats. Score matching learns the
            density smoothed by its noise
device      2 shared CPU cores, one thread; about a minute

| model | figure |
|---|---|
| neural-ebm, score-matching | -3.19 nats |
| neural-ebm, noise-contrastive | -3.12 nats |
| neural-ebm, langevin | -3.15 nats |
| gsn | not measured on the whole recipe; with tanh units and a memory of 8 it was 0.238 |
| discriminant-gsn | 100.0 % right |
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

import simulacra
from simulacra.core.numerics.precision import to_float64
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Levels, Real
from simulacra.data.sources.tensors import from_tensors
from simulacra.evaluation.compare.reproduction import Figure, Measured
from simulacra.training.hardware.budget import Budget

OBJECTIVES = ("score-matching", "noise-contrastive", "langevin")
LAW = (0.3, 0.02, 0.04, 0.14, 0.02, 0.1, 0.18, 0.2)
WIDTH, CELLS = 16.0, 400  # side of the square of the quadrature, and its cells
QUIET: dict[str, Any] = {"progress": False, "doctor": False}
FIGURES: tuple[Figure, ...] = ()


def reproduce(budget: Budget) -> Iterator[Measured]:
    """Yields nothing: no figure is published.

    Args:
        budget: not used.
    """
    yield from ()


def main() -> None:
    """Prints the table."""
    print("| model | figure |\n|---|---|")
    for objective in OBJECTIVES:
        print(f"| neural-ebm, {objective} | {ring(objective):.2f} nats |")
    print(f"| gsn | total variation {levels():.3f} |")
    print(f"| discriminant-gsn | {arms():.1%} right |")


def ring(objective: str) -> float:
    """Returns the mean log p(x) of test rows of the ring, in nats.

    Args:
        objective: objective of the energy.
    """
    rng = Rng(0, "ring", rows=range(4000))
    angle, noise = 2 * math.pi * rng.uniform("angle", 1), rng.normal("noise", 2)
    x = 3 * torch.cat([angle.cos(), angle.sin()], 1) + 0.3 * noise
    data = from_tensors(x, Real((2,)), "ring")
    model = simulacra.NeuralEBM(data.space, objective=objective, hidden=(64, 64))
    simulacra.fit(model, data, epochs=20, **QUIET)
    with torch.no_grad():
        F = to_float64(model.free_energy(data.test.x.float()))
        return float(-F.mean()) - log_z(model)


def log_z(model: Any) -> float:
    """Returns log Z of an energy over two entries by quadrature, in nats.

    Args:
        model: the energy.
    """
    axis = torch.linspace(-WIDTH / 2, WIDTH / 2, CELLS)
    F = to_float64(model.free_energy(torch.cartesian_prod(axis, axis)))
    return float((-F).logsumexp(0)) + 2 * math.log(WIDTH / (CELLS - 1))


def levels() -> float:
    """Returns the total variation between draws of a GSN with binary units and the law of its data."""
    law: Tensor = torch.tensor(LAW)
    rows = torch.arange(8).repeat_interleave((law * 500).round().long()).unsqueeze(1)
    data = from_tensors(rows, Levels((1,), 8), "levels", valid=0, test=0)
    options: dict[str, Any] = {"likelihood": "categorical", "corruption": "salt:0.5", "units": "binary"}
    model = simulacra.GSN(data.space, latent=4, hidden=(16,), walk=3, walk_back=False, lr=0.01, **options)
    simulacra.fit(model, data, epochs=60, batch_size=100, **QUIET)
    drawn = torch.as_tensor(model.sample(5000, seed=0)).long().flatten()
    return float((torch.bincount(drawn, minlength=8) / 5000 - law).abs().sum() / 2)


def arms() -> float:
    """Returns the share of rows of a spiral of three arms that a discriminant GSN classifies correctly."""
    rng = Rng(0, "arms", rows=range(900))
    y, r = torch.arange(900) % 3, 0.3 + 2 * rng.uniform("radius", 1).squeeze(1)
    angle = 2 * math.pi * y / 3 + 1.6 * r + 0.25 * rng.normal("noise", 1).squeeze(1)
    x, labels = torch.stack([r * angle.cos(), r * angle.sin()], 1), simulacra.Categorical((), 3)
    data = from_tensors(x, Real((2,)), "arms", c=y, condition=labels, valid=0, test=1 / 3)
    model = simulacra.DiscriminantGSN(data.space, labels, latent=16, hidden=(32,), lr=0.01)
    simulacra.fit(model, data, epochs=40, batch_size=50, **QUIET)
    assert data.test.c is not None
    return float((torch.as_tensor(model.predict(data.test.x)) == data.test.c).float().mean())


if __name__ == "__main__":
    main()
