"""Energies by a network on a ring, a chain over eight levels, and a chain over labels, beside the truth.

command     python recipes/energies_and_chains.py
protocol    ring: 4,000 points of radius 3 and deviation 0.3, two layers of 64 units, 20 passes; nats that the
            test rows lose to the true density, with Z by quadrature. Levels: 500 rows of one entry with a
            known law, 60 passes; total variation of 5,000 draws from that law. Arms: 600 rows in three
            classes, 40 passes; share of 300 test rows whose class is right
published   none: the objectives are those of Gutmann and Hyvaerinen 2012 and of Bengio et al. 2014, and the
            truth is known. Score matching learns the density smoothed by its noise, which loses some
ours        not measured yet
device      2 shared CPU cores, one thread; about a minute
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
from simulacra.data.dataset import Dataset
from simulacra.data.sources.tensors import from_tensors
from simulacra.evaluation.compare.reproduction import Figure, Measured
from simulacra.training.hardware.budget import Budget

OBJECTIVES = ("score-matching", "noise-contrastive", "langevin")
RADIUS, DEVIATION = 3.0, 0.3
LAW = (0.3, 0.02, 0.04, 0.14, 0.02, 0.1, 0.18, 0.2)
WIDTH, CELLS = 16.0, 400  # side of the square of the quadrature, and its cells
QUIET: dict[str, Any] = {"progress": False}
RING, CHAIN = "ring of 4,000 points, two layers of 64 units, 20 passes", "500 rows of eight levels, 60 passes"
SPIRAL = "600 rows of a spiral of three arms, 40 passes"
FIGURES = (
    *(
        Figure(f"nats lost, {name}", 0.0, "the true density", "nats", RING, 0.03, 0.1, "lower")
        for name in OBJECTIVES
    ),
    Figure("total variation of the GSN", 0.0, "the law of the data", "", CHAIN, 0.05, 0.15, "lower"),
    Figure("classes found by the discriminant GSN", 1.0, "the classes", "", SPIRAL, 0.02, 0.05, "higher"),
)


def reproduce(budget: Budget) -> Iterator[Measured]:
    """Measures the energies and the chains, each with a fifth of the time.

    Args:
        budget: time and folder of the trainings.
    """
    for figure, objective in zip(FIGURES, OBJECTIVES):
        yield figure.measured(*ring(budget, objective))
    yield FIGURES[-2].measured(levels(budget))
    yield FIGURES[-1].measured(arms(budget))


def main() -> None:
    """Prints the figures."""
    for found in reproduce(Budget()):
        print(f"{found.figure.name}: {found.value:.3f} {found.figure.unit}", flush=True)


def ring_data() -> Dataset:
    """Returns 4,000 points around a circle."""
    rng = Rng(0, "ring", rows=range(4000))
    angle, noise = 2 * math.pi * rng.uniform("angle", 1), rng.normal("noise", 2)
    x = RADIUS * torch.cat([angle.cos(), angle.sin()], 1) + DEVIATION * noise
    return from_tensors(x, Real((2,)), "ring")


def true_density(x: Tensor) -> Tensor:
    """Returns log p(x) of the ring in nats, shape (B,): a mixture of Gaussians over all angles.

        p(x) = exp(-(|x|^2 + R^2) / (2 s^2)) I_0(R |x| / s^2) / (2 pi s^2)

    Args:
        x: points, shape (B, 2).
    """
    s2, r = DEVIATION**2, to_float64(x).norm(dim=1)
    scaled = torch.special.i0e(RADIUS * r / s2).log()
    return scaled - (r - RADIUS).square() / (2 * s2) - math.log(2 * math.pi * s2)


def ring(budget: Budget, objective: str) -> tuple[float, float]:
    """Returns the nats that test rows of the ring lose to the true density, and their standard error.

    Args:
        budget: time and folder of the training.
        objective: objective of the energy.
    """
    data = ring_data()
    model = simulacra.NeuralEBM(data.space, objective=objective, hidden=(64, 64))
    model = budget.fit(objective, model, data, 20, 0.2, **QUIET).model
    x = data.test.x.float()
    with torch.no_grad():
        log_p = -to_float64(model.free_energy(x)) - log_z(model)
    lost = true_density(x) - log_p
    return float(lost.mean()), float(lost.std() / len(lost) ** 0.5)


def log_z(model: Any) -> float:
    """Returns log Z of an energy over two entries by quadrature, in nats.

    Args:
        model: the energy.
    """
    axis = torch.linspace(-WIDTH / 2, WIDTH / 2, CELLS)
    F = to_float64(model.free_energy(torch.cartesian_prod(axis, axis)))
    return float((-F).logsumexp(0)) + 2 * math.log(WIDTH / (CELLS - 1))


def levels(budget: Budget) -> float:
    """Returns the total variation between draws of a GSN with binary units and the law of its data.

    Args:
        budget: time and folder of the training.
    """
    law: Tensor = torch.tensor(LAW)
    rows = torch.arange(8).repeat_interleave((law * 500).round().long()).unsqueeze(1)
    data = from_tensors(rows, Levels((1,), 8), "levels", valid=0, test=0)
    options: dict[str, Any] = {"likelihood": "categorical", "corruption": "salt:0.5", "units": "binary"}
    model = simulacra.GSN(data.space, latent=4, hidden=(16,), walk=3, walk_back=False, lr=0.01, **options)
    model = budget.fit("gsn", model, data, 60, 0.2, batch_size=100, **QUIET).model
    drawn = torch.as_tensor(model.sample(5000, seed=0)).long().flatten()
    return float((torch.bincount(drawn, minlength=8) / 5000 - law).abs().sum() / 2)


def arms(budget: Budget) -> float:
    """Returns the share of rows of a spiral of three arms that a discriminant GSN classifies correctly.

    Args:
        budget: time and folder of the training.
    """
    rng = Rng(0, "arms", rows=range(900))
    y, r = torch.arange(900) % 3, 0.3 + 2 * rng.uniform("radius", 1).squeeze(1)
    angle = 2 * math.pi * y / 3 + 1.6 * r + 0.25 * rng.normal("noise", 1).squeeze(1)
    x, labels = torch.stack([r * angle.cos(), r * angle.sin()], 1), simulacra.Categorical((), 3)
    data = from_tensors(x, Real((2,)), "arms", c=y, condition=labels, valid=0, test=1 / 3)
    model = simulacra.DiscriminantGSN(data.space, labels, latent=16, hidden=(32,), lr=0.01)
    model = budget.fit("discriminant-gsn", model, data, 40, 0.2, batch_size=50, **QUIET).model
    assert data.test.c is not None
    return float((torch.as_tensor(model.predict(data.test.x)) == data.test.c).float().mean())


if __name__ == "__main__":
    main()
