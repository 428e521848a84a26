"""Diffusions: healthy ones, and ones whose noise, variance or average of weights is wrong."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor

import simulacra
from benchmarks.doctor.case import Subject
from benchmarks.doctor.laws import data_of
from benchmarks.doctor_models import seeded, trained
from simulacra.core.model import Model
from simulacra.data.dataset import Dataset
from simulacra.models.diffusion.gaussian import Guess, back

T, WIDTH = 50, (64,)
AVERAGE = {"ema": 0.999}


class WrongVariance(simulacra.DDPM):
    """Denoising diffusion whose steps have four times the variance of `small`."""

    def predicted(self, h: Tensor, t: Any, r: Any, c: Tensor | None, kept: Tensor | None = None) -> Guess:
        """Returns a prediction with more variance, except at the last step."""
        guess, (k, _, V) = super().predicted(h, t, r, c, kept), back(t, r)
        wider = guess.var + 3 * V / k.square()
        return Guess(guess.mean, torch.where(r.log_kept >= 0, guess.var, wider))


def subject(make: Callable[[], Model], data: Dataset, seed: int, epochs: float, **options: Any) -> Subject:
    """Trains a diffusion, and returns it with its metrics and options.

    Args:
        make: returns the untrained model.
        data: the data set.
        seed: seed of weights and training.
        epochs: passes of training.
        options: options of `fit`.
    """
    model, metrics = trained(seeded(seed, make), data, seed, epochs=epochs, **options)
    return Subject(model, data, metrics, {**AVERAGE, **options})


def ddpm(
    seed: int, epochs: float = 30, kind: type[simulacra.DDPM] = simulacra.DDPM, **options: Any
) -> Subject:
    """Trains a small DDPM of six columns of two factors.

    Args:
        seed: seed of weights and training.
        epochs: passes of training.
        kind: the class.
        options: options of `fit`.
    """
    data = data_of("correlated", seed)
    make = lambda: kind(data.space, T=T, schedule="cosine", predicts="v", hidden=WIDTH)
    return subject(make, data, seed, epochs, **options)


@cache
def well(seed: int) -> Subject:
    """Trains a DDPM for long enough."""
    return ddpm(seed, 150)


@cache
def of_law(name: str, seed: int) -> Subject:
    """Trains a diffusion of bits or reals on its bound."""
    data = data_of(name, seed)
    return subject(lambda: simulacra.Diffusion(data.space, T=T, hidden=WIDTH), data, seed, 150)


def stopped_early(seed: int) -> Subject:
    """Returns a DDPM whose noise stops where more than a third of the variance is that of x."""
    found = ddpm(seed)
    kept: Tensor = found.model.kernel.log_kept  # type: ignore[union-attr, assignment]
    # log A_T = -1
    kept.div_(-kept[-1].clone())
    return found


def wide(seed: int) -> Subject:
    """Returns a DDPM with four times the variance."""
    return ddpm(seed, kind=WrongVariance)


def without_average(seed: int) -> Subject:
    """Returns a DDPM whose weights are those of its last steps."""
    return ddpm(seed, ema=0.5)
