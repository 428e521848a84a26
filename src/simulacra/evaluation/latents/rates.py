"""Rates by part of the code: the mean KL to the prior of each unit, layer or step.

    R_i = E_x E_q [log q(z_i|x, z_<i) - log p(z_i|z_>i)],   sum_i R_i = E_x KL(q(z|x) || p(z))       (1)

A code whose rates are 0 says nothing about x. For a single Gaussian each R_i is the KL of one unit; in a
chain of layers only the topmost one is a KL of its own, and a lower term may be negative.

Reference: Alemi et al. 2018; Burda et al. 2015, 5.2 (idle layers). Rows E6, E7, E9.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from simulacra.core.capabilities import general as can
from simulacra.core.interface import evaluating
from simulacra.core.model import Model
from simulacra.core.scores.rates import rates_of
from simulacra.core.storage.records import Record
from simulacra.data.dataset import Split
from simulacra.evaluation.rows import blocks

IDLE = 0.1  # nats: a part with a smaller mean rate is idle
SURE = 3.0  # standard errors
SHOWN = 6  # largest number of parts that a line names


@dataclass(frozen=True)
class Rates(Record):
    """Mean rates of rows, in nats.

    Args:
        names: names of the parts.
        means: R_i of each part, equation (1).
        errors: standard errors of the means over rows; NaN for a single row.
        total: the sum of all, the KL to the prior.
        total_error: its standard error.
        rows: number of rows.
    """

    names: tuple[str, ...]
    means: tuple[float, ...]
    errors: tuple[float, ...]
    total: float
    total_error: float
    rows: int

    @property
    def idle(self) -> tuple[str, ...]:
        """Names of the parts whose rate is within `IDLE` nats of 0 by three standard errors."""
        beyond = lambda error: SURE * error if math.isfinite(error) else 0.0
        each = zip(self.names, self.means, self.errors)
        return tuple(name for name, mean, error in each if abs(mean) + beyond(error) < IDLE)


def rates(model: Model, split: Split, seed: int = 0, limit: int | None = None) -> Rates:
    """Returns the mean rates of random rows.

    Args:
        model: model with rates.
        split: rows.
        seed: seed of the choice of rows, of the preprocessing and of the draws.
        limit: largest number of rows; None: all.

    Raises:
        ValueError: if the model has no rates.

    Example:
        >>> import simulacra
        >>> data = simulacra.load_data("ring")
        >>> found = rates(simulacra.VAE(data.space, latent=2, scale=0.1), data.test)
        >>> found.names, abs(sum(found.means) - found.total) < 1e-6
        (('z_1', 'z_2'), True)
    """
    if not model.supports(can.HasRates):
        raise can.MissingCapability(f"{type(model).__name__} has no rates: its code has no KL to a prior.")
    with evaluating(model):
        each = rates_of(model, blocks(model, split, seed, limit))
    return _summary(can.able(model, can.HasRates).part_names, each)


def _summary(names: tuple[str, ...], each: Tensor) -> Rates:
    n, total = len(each), each.sum(1)
    error = lambda t: t.std(0) / math.sqrt(n) if n > 1 else torch.full_like(t[0], math.nan)
    means, errors = tuple(each.mean(0).tolist()), tuple(error(each).tolist())
    return Rates(tuple(names), means, errors, float(total.mean()), float(error(total)), n)


def rate_rows(found: Rates) -> list[tuple[str, str]]:
    """Returns one line: the rates of all parts, or of the largest and the number of idle ones."""
    order = sorted(range(len(found.names)), key=lambda i: -found.means[i])
    few = len(order) <= SHOWN
    shown = range(len(order)) if few else order[: SHOWN // 2]
    words = ", ".join(f"{found.names[i]} {found.means[i]:.2f}" for i in shown)
    if few:
        return [("rates", f"{words} nats")]
    idle = f"{len(found.idle)} of {len(order)} below {IDLE:g}"
    return [("rates", f"largest {words} nats; {idle}")]
