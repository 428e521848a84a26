"""Observation heads: from a network's output of shape (B, P, *shape) to a distribution on a space."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from simulacra.core import distributions as d
from simulacra.core.space import Categorical, Levels, Space

# Tanh-free soft limits: a scale below e^-7 of the unit interval makes levels degenerate.
MIN_LOG_SCALE = -7.0


@dataclass(frozen=True)
class Observation:
    """Which distribution stands on `space` and how many numbers an entry it needs.

    Args:
        name: a name out of `space.observations`.
        parameters: P, numbers that the network gives for each entry.
        build: (B, P, *shape) -> distribution.
    """

    name: str
    parameters: int
    build: Callable[[Tensor], d.Distribution]


def observation_head(
    space: Space, name: str = "auto", scale: float | None = None, mixtures: int = 5
) -> Observation:
    """The observation head `name` on `space`.

    Args:
        name: `auto` takes the first that the space offers.
        scale: fixed standard deviation of a Gaussian; None learns one for each entry.
        mixtures: number of components of a logistic mixture.

    Raises:
        ValueError: if the distribution does not fit the space, such as a density on levels.

    Example:
        >>> observation_head(Levels((1, 4, 4), 256)).name
        'logistic'
    """
    name = space.observations[0] if name == "auto" and space.observations else name
    if name not in space.observations:
        raise ValueError(_misfit(space, name))
    events = len(space.shape)
    if name == "bernoulli":
        return Observation(name, 1, partial(_bernoulli, events=events))
    if name == "gaussian":
        return _gaussian_head(events, scale)
    if name == "categorical":
        assert isinstance(space, (Categorical, Levels))
        classes = space.classes if isinstance(space, Categorical) else space.levels
        return Observation(name, classes, partial(d.Categorical, event_dims=events))
    assert isinstance(space, Levels)
    k = mixtures if name == "logistic-mixture" else 1
    build = partial(_logistic, events=events, levels=space.levels, k=k)
    return Observation(name, k * (3 if k > 1 else 2), build)


def _gaussian_head(events: int, scale: float | None) -> Observation:
    if scale is None:
        return Observation("gaussian", 2, partial(_gaussian, events=events))
    if scale <= 0:
        raise ValueError(f"scale is {scale}, but a Gaussian needs a positive standard deviation.")
    return Observation("gaussian", 1, partial(_fixed_gaussian, events=events, log_scale=math.log(scale)))


# builders are module-level functions, so that a model can be copied and sent to other processes


def _bernoulli(p: Tensor, events: int) -> d.Bernoulli:
    return d.Bernoulli(p.select(p.dim() - events - 1, 0), events)


def _gaussian(p: Tensor, events: int) -> d.Gaussian:
    loc, log_scale = p.unbind(p.dim() - events - 1)
    return d.Gaussian(loc, log_scale.clamp_min(MIN_LOG_SCALE), events)


def _fixed_gaussian(p: Tensor, events: int, log_scale: float) -> d.Gaussian:
    loc = p.select(p.dim() - events - 1, 0)
    return d.Gaussian(loc, loc.new_tensor(log_scale), events)


def _logistic(p: Tensor, events: int, levels: int, k: int) -> d.Distribution:
    dim = p.dim() - events - 1
    loc, log_scale, *weights = p.split([k, k] + ([k] if k > 1 else []), dim)
    # offsets put an untrained head at the middle of the unit interval with a tenth of its width
    loc, log_scale = loc + 0.5, (log_scale - 2.0).clamp_min(MIN_LOG_SCALE)
    if not weights:
        return d.DiscretisedLogistic(loc.squeeze(dim), log_scale.squeeze(dim), levels, events)
    return d.Mixture(weights[0], d.DiscretisedLogistic(loc, log_scale, levels, events), events)


def _misfit(space: Space, name: str) -> str:
    mend = ""
    if name == "gaussian" and space.discrete:
        mend = " A density on discrete data is unbounded: load the data with dequantise='uniform'."
    if name == "bernoulli" and isinstance(space, Levels):
        mend = " Grey levels are not coin flips: load the data with binarize='dynamic'."
    offered = ", ".join(space.observations) or "none"
    return f"observation {name!r} does not fit {space}; it offers: {offered}.{mend}"


def mean_image(distribution: d.Distribution, space: Space) -> Tensor:
    """What to show for p(x|z): the mean in the units of the space (classes: the likeliest)."""
    if isinstance(space, Categorical):
        assert isinstance(distribution, d.Categorical)
        return distribution.logits.argmax(distribution.logits.dim() - len(space.shape) - 1)
    return torch.as_tensor(distribution.mean)
