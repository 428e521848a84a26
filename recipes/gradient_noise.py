"""Gradient noise kicks descent out of a narrow basin: shares of runs in a double well.

command     python recipes/gradient_noise.py
protocol    the energy U(w) = -h log(exp(-(w+1)^2 / 2 a^2) + exp(-(w-1)^2 / 2 b^2)), h = 0.005, with a narrow
            basin at -1 (a = 0.2) and a wide one at 1 (b = 0.6), equally deep; 4,000 independent runs from
            each minimum, 300 steps of gradient descent with rate 0.2 and the option gradient_noise = eta
published   none (Neelakantan et al. 2015 add the noise, Kirkpatrick et al. 1983 anneal)
ours        below: no run escapes without noise; with noise more leave the narrow basin than the wide one
device      2 shared CPU cores, one thread; 4 s

| eta | leave the narrow basin | leave the wide basin |
|---|---|---|
| 0 | 0.0% | 0.0% |
| 0.01 | 0.0% | 0.0% |
| 0.1 | 0.1% | 0.0% |
| 0.3 | 2.6% | 0.1% |
| 1 | 23.5% | 5.7% |
| 3 | 48.6% | 17.9% |
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

import simulacra
from simulacra.core.batch import Batch, Terms
from simulacra.core.model import Model
from simulacra.core.optimizers import SGD
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Real
from simulacra.core.updates import Stage, Steps, Update
from simulacra.data.sources.tensors import from_tensors
from simulacra.evaluation.compare.reproduction import Figure, Measured
from simulacra.training.hardware.budget import Budget

NARROW, WIDE, DEPTH = 0.2, 0.6, 0.005  # a, b, h
RUNS, STEPS, RATE = 4000, 300, 0.2
ETAS = (0.0, 0.01, 0.1, 0.3, 1.0, 3.0)
ESCAPED = Figure(
    "runs that leave the narrow basin at eta = 1",
    None,
    "",
    "",
    "double well, 300 steps of rate 0.2",
    tolerance=0.03,
    wide=0.05,
)
FIGURES: tuple[Figure, ...] = (ESCAPED,)


def reproduce(budget: Budget) -> Iterator[Measured]:
    """Measures the share of runs that leave the narrow basin; it takes a second, whatever the budget."""
    yield ESCAPED.measured(escaped(1.0, -1.0))


def main() -> None:
    """Prints the table."""
    print("| eta | leave the narrow basin | leave the wide basin |\n|---|---|---|")
    for eta in ETAS:
        print(f"| {eta:g} | {escaped(eta, -1.0):.1%} | {escaped(eta, 1.0):.1%} |")


def energy(w: Tensor) -> Tensor:
    """Returns U(w), elementwise."""
    narrow, wide = ((w + 1) / NARROW).square() / 2, ((w - 1) / WIDE).square() / 2
    return -DEPTH * torch.logaddexp(-narrow, -wide)


def barrier() -> float:
    """Returns the point between the minima where U is largest, to 1e-4."""
    w = torch.linspace(-1, 1, 20001, dtype=torch.float64)
    return float(w[energy(w).argmax()])


class Runs(Model):
    """Independent runs of one number each, which descend U together.

    Args:
        space: of the data, which are not looked at.
        start: first value of all runs.
        runs: number of runs.
        steps: number of steps.
    """

    def __init__(self, space: Real, start: float, runs: int = RUNS, steps: int = STEPS, *, seed: int = 0):
        super().__init__(space)
        self.w = nn.Parameter(torch.full((runs,), start))
        self.steps = steps

    def stage(self, i: int, past: list) -> Stage | None:
        """Returns the only stage: descent of U by plain steps.

        Args:
            i: index of the stage, from 0.
            past: not used.
        """
        update = Update("descent", ("w",), energies, optimizer=SGD(lr=RATE))
        return Stage("descent", [update], Steps(self.steps)) if i == 0 else None


def energies(model: Runs, batch: Batch, rng: Rng) -> Terms:
    """Returns sum_r U(w_r) for each row: a run's gradient is its own U'(w_r)."""
    return Terms({"energy": energy(model.w).sum().expand(len(batch))})


def descended(eta: float, start: float, runs: int = RUNS, steps: int = STEPS, seed: int = 0) -> Tensor:
    """Returns the last values of all runs, shape (runs,).

    Args:
        eta: variance of the gradient noise in the first step.
        start: first value of all runs.
        runs: number of runs.
        steps: number of steps.
        seed: seed of the noise.
    """
    data = from_tensors(torch.zeros(8, 1), Real((1,)))
    model = Runs(data.space, start, runs, steps)
    quiet: dict[str, Any] = {"batch_size": 2, "progress": False, "device": "cpu"}
    with tempfile.TemporaryDirectory() as folder:
        simulacra.fit(model, data, out=folder, doctor=False, gradient_noise=eta, seed=seed, **quiet)
    return model.w.detach()


def escaped(eta: float, start: float) -> float:
    """Returns the share of runs that end in the other basin.

    Args:
        eta: variance of the gradient noise in the first step.
        start: first value of all runs, -1 or 1.
    """
    w = descended(eta, start)
    return float(((w > barrier()) if start < 0 else (w < barrier())).double().mean())


if __name__ == "__main__":
    main()
