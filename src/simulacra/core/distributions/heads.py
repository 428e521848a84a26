"""Likelihood heads: map a network's output to a distribution on a space."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import cast

import torch
from torch import Tensor

from simulacra.core.distributions import elementary as d
from simulacra.core.distributions import tabular as fd
from simulacra.core.distributions.intervals import IntervalGaussian
from simulacra.core.distributions.texts import Stepwise, Texts
from simulacra.core.errors.suggestion import Phrase, Refusal, load_with
from simulacra.core.spaces.abstract import Ranged
from simulacra.core.spaces.classes import Categorical, Ordinal
from simulacra.core.spaces.composite import Sequence, Table
from simulacra.core.spaces.numeric import Grid, Scores
from simulacra.core.spaces.plain import Binary, Levels, Space
from simulacra.core.spaces.tokens import Tokens

# Limits of log scales: a scale below e^-7 of the range makes the distribution of levels degenerate.
MIN_LOG_SCALE = -7.0
MAX_LOG_SCALE = 40.0  # of a Gaussian; beyond it a squared deviation overflows single precision
MIN_LOG_SCORE, MAX_LOG_SCORE = -5.0, 3.0  # of a Gaussian over normal scores, which spread over 1
MAX_LOG_MEAN = 20.0  # of a count; beyond it the loss of an untrained network may overflow


@dataclass(frozen=True)
class Start:
    """Initial parameters of an untrained logistic head, in units of features.

    Args:
        loc: initial location.
        step: change of the location for each unit of the network's output.
        log_scale: initial log scale.
    """

    loc: float
    step: float
    log_scale: float


START = Start(0.5, 1.0, -2.0)  # middle of the unit interval, scale a tenth of its width
OWN_START = Start(0.0, 3.0, -1.6)  # centre of the data, scale a fifth of their deviation


@dataclass(frozen=True)
class LikelihoodHead:
    """A distribution on a space and the number of parameters that it needs for each entry.

    Args:
        name: name of the distribution, one of `space.likelihoods`.
        output: shape of the network's output for each row: (P, *shape) with P parameters an entry, or a
            vector for tables, whose fields need different numbers of parameters.
        build: function (B, *output) -> distribution.
        members: number of distributions `name` that are mixed for each entry.
    """

    name: str
    output: tuple[int, ...]
    build: Callable[[Tensor], d.Distribution]
    members: int = 1


def likelihood_head(
    space: Space,
    name: str = "auto",
    scale: float | None = None,
    mixtures: int = 5,
    stepwise: bool = False,
) -> LikelihoodHead:
    """Returns the likelihood head `name` for a space.

    Args:
        space: space of the observations.
        name: name of a distribution; `auto`: the first of `space.likelihoods`.
        scale: fixed standard deviation of a Gaussian; None: learned for each entry.
        mixtures: number of components of a mixture.
        stepwise: the model knows the lengths of sequences: the head of a `Sequence` is that of its steps,
            with output (T, P, *) and a `Stepwise` distribution.

    Raises:
        ValueError: if the distribution does not fit the space, such as a density on levels, or the space is
            a `Sequence` and the head not stepwise.

    Example:
        >>> likelihood_head(Levels((1, 4, 4), 256)).name
        'logistic'
    """
    if isinstance(space, Sequence) and stepwise:
        step = likelihood_head(space.of, name, scale, mixtures)
        steps = partial(_stepwise, step=step, events=len(space.shape))
        return LikelihoodHead(step.name, (space.steps, *step.output), steps)
    name = space.likelihoods[0] if name == "auto" and space.likelihoods else name
    if name not in space.likelihoods or isinstance(space, Sequence):
        said = _misfit(space, name)
        raise Refusal(said, said)
    if isinstance(space, Table):
        return _fields_head([likelihood_head(field, scale=scale) for _, field in space.fields], space)
    parameters, build = _entry_head(space, name, scale, mixtures)
    return LikelihoodHead(name, (parameters, *space.shape), partial(build, events=len(space.shape)))


def _entry_head(
    space: Space, name: str, scale: float | None, mixtures: int
) -> tuple[int, Callable[..., d.Distribution]]:
    """Returns the number of parameters of each entry, and the builder of the distribution."""
    if name in _HEADS:
        parameters, build = _HEADS[name]
        return parameters, partial(build, place=space.place) if isinstance(space, Ranged) else build
    if name == "gaussian":
        if scale is None:
            return 2, _gaussian
        if scale <= 0:
            raise ValueError(f"scale is {scale}, but a Gaussian needs a positive standard deviation.")
        return 1, partial(_fixed_gaussian, log_scale=math.log(scale))
    if name == "categorical":
        classes = space.levels if isinstance(space, Levels) else cast(Categorical, space).classes
        texts = isinstance(space, Tokens) and space.shape
        return classes, partial(_texts, end=cast(Tokens, space).end) if texts else _categorical
    if name == "cumulative-logit":
        return cast(Ordinal, space).classes - 1, _cumulative
    if isinstance(space, Scores):
        k = mixtures if name == "interval-mixture" else 1
        cells = replace(space, shape=()) if space.shape else space
        return k * (3 if k > 1 else 2), partial(_interval, cells=cells, k=k)
    assert isinstance(space, Levels)
    k = mixtures if name == "logistic-mixture" else 1
    start = OWN_START if space.ranged else START
    return k * (3 if k > 1 else 2), partial(
        _logistic, levels=space.levels, k=k, place=space.place, start=start
    )


def _fields_head(heads: list[LikelihoodHead], space: Table) -> LikelihoodHead:
    sizes = [math.prod(head.output) for head in heads]
    shapes = [field.shape for _, field in space.fields]
    starts = torch.tensor([0, *sizes], device="cpu").cumsum(0)[:-1]
    scores = torch.tensor([isinstance(s, Scores) and not s.shape for _, s in space.fields], device="cpu")
    at = None if space.scored is None else (*space.scored, starts[scores])
    return LikelihoodHead("fields", (sum(sizes),), partial(_fields, heads=heads, shapes=shapes, scored=at))


# builders are module-level functions, so that a model can be copied and sent to other processes


def _bernoulli(p: Tensor, events: int) -> d.Bernoulli:
    return d.Bernoulli(p.select(p.dim() - events - 1, 0), events)


def _gaussian(p: Tensor, events: int) -> d.Gaussian:
    loc, log_scale = p.unbind(p.dim() - events - 1)
    return d.Gaussian(loc, log_scale.clamp(MIN_LOG_SCALE, MAX_LOG_SCALE), events)


def _fixed_gaussian(p: Tensor, events: int, log_scale: float) -> d.Gaussian:
    loc = p.select(p.dim() - events - 1, 0)
    return d.Gaussian(loc, loc.new_tensor(log_scale), events)


def _categorical(p: Tensor, events: int) -> d.Categorical:
    return d.Categorical(p, events)


def _texts(p: Tensor, events: int, end: int) -> Texts:
    return Texts(p, events, end)


def _stepwise(p: Tensor, step: LikelihoodHead, events: int) -> Stepwise:
    return Stepwise(step.build(p), events)


def _cumulative(p: Tensor, events: int) -> fd.CumulativeLogit:
    return fd.CumulativeLogit(p, events)


def _log_normal(p: Tensor, events: int, place: tuple[float, float]) -> fd.LogNormal:
    loc, log_scale = p.unbind(p.dim() - events - 1)
    log_scale = log_scale.clamp(MIN_LOG_SCALE, -MIN_LOG_SCALE) + math.log(place[1])
    return fd.LogNormal(place[0] + place[1] * loc, log_scale, events)


def _log_mean(p: Tensor, place: tuple[float, float]) -> Tensor:
    return place[0] + (place[1] * p).clamp(-MAX_LOG_MEAN, MAX_LOG_MEAN)


def _poisson(p: Tensor, events: int, place: tuple[float, float]) -> fd.Poisson:
    return fd.Poisson(_log_mean(p.select(p.dim() - events - 1, 0), place), events)


def _negative_binomial(p: Tensor, events: int, place: tuple[float, float]) -> fd.NegativeBinomial:
    log_mean, log_size = p.unbind(p.dim() - events - 1)
    # above e^15 it equals the Poisson to the last digit
    return fd.NegativeBinomial(_log_mean(log_mean, place), log_size.clamp(MIN_LOG_SCALE, 15.0), events)


_HEADS: dict[str, tuple[int, Callable[..., d.Distribution]]] = {
    "bernoulli": (1, _bernoulli),
    "log-normal": (2, _log_normal),
    "poisson": (1, _poisson),
    "negative-binomial": (2, _negative_binomial),
}


def _fields(
    p: Tensor,
    heads: list[LikelihoodHead],
    shapes: list[tuple[int, ...]],
    scored: tuple[Grid, Tensor, Tensor] | None = None,
) -> fd.Product:
    parts = fd.BuiltWhenUsed(len(heads), partial(_parts, p, heads))
    if scored is None:
        return fd.Product(parts, shapes)
    # the Gaussians of all columns of normal scores at once
    grid, places, starts = scored
    loc, log_scale = p[..., starts.to(p.device)], p[..., (starts + 1).to(p.device)]
    joint = IntervalGaussian(loc, log_scale.clamp(MIN_LOG_SCORE, MAX_LOG_SCORE), 1, grid)
    return fd.Product(parts, shapes, together=(joint, places))


def _parts(p: Tensor, heads: list[LikelihoodHead]) -> list[Callable[[], d.Distribution]]:
    """Returns what builds the distribution of each field from the parameters (*, P) of all of them."""
    pieces = p.split([math.prod(head.output) for head in heads], -1)
    return [partial(_part, head, piece) for head, piece in zip(heads, pieces)]


def _part(head: LikelihoodHead, piece: Tensor) -> d.Distribution:
    return head.build(piece.reshape(*piece.shape[:-1], *head.output))


def _logistic(
    p: Tensor, events: int, levels: int, k: int, place: tuple[float, float], start: Start
) -> d.Distribution:
    dim = p.dim() - events - 1
    loc, log_scale, *weights = p.split([k, k] + ([k] if k > 1 else []), dim)
    loc = loc + start.loc if start.step == 1 else start.step * loc + start.loc
    log_scale = (log_scale + start.log_scale).clamp_min(MIN_LOG_SCALE)
    if not weights:
        return d.DiscretizedLogistic(loc.squeeze(dim), log_scale.squeeze(dim), levels, events, *place)
    return d.Mixture(weights[0], d.DiscretizedLogistic(loc, log_scale, levels, events, *place), events)


def _interval(p: Tensor, events: int, cells: Scores, k: int) -> d.Distribution:
    dim = p.dim() - events - 1
    loc, log_scale, *weights = p.split([k, k] + ([k] if k > 1 else []), dim)
    log_scale = log_scale.clamp(MIN_LOG_SCORE, MAX_LOG_SCORE)
    if not weights:
        return IntervalGaussian(loc.squeeze(dim), log_scale.squeeze(dim), events, cells)
    return d.Mixture(weights[0], IntervalGaussian(loc, log_scale, events, cells), events)


def _misfit(space: Space, name: str) -> str:
    mend: str = ""
    if isinstance(space, Sequence):
        frames = isinstance(space.of, Binary)
        return f"no distribution fits {space}: " + (
            "an RNN-RBM, an RTRBM or an RNN-NADE takes sequences of binary frames."
            if frames
            else "a VRNN takes sequences of such steps."
        )
    if name == "gaussian" and space.discrete:
        mend = " A density on discrete data is unbounded."
        if isinstance(space, Levels):
            noisy = load_with(dequantize="uniform")
            mend = Phrase(f"{mend.rstrip('.')}: load the data with {noisy}.", noisy)
    if name == "bernoulli" and isinstance(space, Levels):
        drawn = load_with(binarize="dynamic")
        mend = Phrase(f" Grey levels are not coin flips: load the data with {drawn}.", drawn)
    offered = ", ".join(space.likelihoods) or "none"
    return Phrase(f"observation {name!r} does not fit {space}; it offers: {offered}.{mend}", mend)


def mean_image(distribution: d.Distribution, space: Space) -> Tensor:
    """Returns the mean of p(x|z) for display, in the units of the space; for classes, the most likely one.

    Args:
        distribution: p(x|z).
        space: its space.
    """
    if isinstance(space, Table):
        parts = cast(fd.Product, distribution).parts
        means = [mean_image(part, field) for part, (_, field) in zip(parts, space.fields)]
        return space.joined(
            [m.to(torch.get_default_dtype()) if not m.is_floating_point() else m for m in means]
        )
    if isinstance(space, Categorical):
        assert isinstance(distribution, d.Categorical)
        return space.closed(distribution.logits.argmax(distribution.logits.dim() - len(space.shape) - 1))
    return torch.as_tensor(distribution.mean)
