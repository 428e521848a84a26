"""Initial parameters at which the distributions of table columns equal the marginals of the data.

With them as its last bias, a network at first draws every column from its marginal in the training rows.
Training then adds the dependences.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from simulacra.core.distributions.heads import likelihood_head
from simulacra.core.model import Model
from simulacra.core.numerics.precision import to_float64
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.abstract import Ranged, Space
from simulacra.core.spaces.composite import Table
from simulacra.core.updates import Source

ROWS = 4096  # training rows from which marginals are estimated
LARGE = 15.0  # largest log size of a negative binomial, which is then a Poisson
NEAREST = 1e-3  # smallest distance of a probability from 0 and 1
LEAST = 1e-3  # smallest standard deviation, for constant columns


def marginals(model: Model, source: Source, rng: Rng) -> list[Tensor]:
    """Returns parameters of the default distribution of each field, float64, shape (P, *shape of the field).

    Args:
        model: model of a `Table`.
        source: training rows, of which the first ones are used.
        rng: generator of random preprocessing.
    """
    assert isinstance(model.space, Table)
    x, known = some_rows(source, rng)
    parts = zip(model.space.fields, model.space.parts(x), model.space.parts(known))
    return [_of_field(field, part, there) for (_, field), part, there in parts]


def some_rows(source: Source, rng: Rng) -> tuple[Tensor, Tensor]:
    """Returns the first rows of a source in the model's space, float64, and the mask of their known entries.

    Args:
        source: training rows.
        rng: generator of random preprocessing.
    """
    rows = rng.on(range(min(len(source), ROWS)))
    batch = source.batch(torch.arange(len(rows.rows)), rows)
    x = to_float64(batch.x)
    known = torch.ones_like(x, dtype=torch.bool) if batch.known is None else batch.known.to(x.device)
    return x, known


def _of_field(field: Space, x: Tensor, known: Tensor) -> Tensor:
    """Returns the parameters of every entry of a field, shape (P, *shape)."""
    name, entry = likelihood_head(field).name, replace(field, shape=())
    x, known = x.reshape(len(x), -1), known.reshape(len(known), -1)
    found = [marginal(entry, name, x[known[:, j], j]) for j in range(field.dims)]
    return torch.stack(found, 1).reshape(-1, *field.shape)


def marginal(space: Space, name: str, x: Tensor, mixtures: int = 1) -> Tensor:
    """Returns the parameters of one column's distribution at its marginal, float64, shape (P,).

    Args:
        space: space of the column.
        name: name of the distribution; unsupported ones get zeros.
        x: known values of the column, float64, shape (N,).
        mixtures: number of mixture components, which start spread over the data.

    Example:
        >>> from simulacra.core.spaces.plain import Binary
        >>> marginal(Binary(), "bernoulli", torch.tensor([0.0, 1.0])).tolist()
        [0.0]
    """
    if name == "interval-gaussian":
        return torch.zeros(2, dtype=torch.float64)
    if name == "interval-mixture":
        return spread(mixtures)
    if name == "gaussian-mixture":
        return _spread_over(x, mixtures)
    if not len(x) or name not in _MARGINALS:
        return torch.zeros(likelihood_head(space, name).output[0], dtype=torch.float64)
    return _MARGINALS[name](space, x)


def spread(k: int) -> Tensor:
    """Returns initial parameters of a mixture of k Gaussians that covers N(0, 1), shape (3 k,).

    These are means at the quantiles, log deviations of a half, and equal weights; one component is N(0, 1).
    """
    means = torch.special.ndtri((torch.arange(k, dtype=torch.float64) + 0.5) / k)
    deviations = torch.full_like(means, 0.5 if k > 1 else 1.0)
    return torch.cat([means, deviations.log(), torch.zeros_like(means)])


def _spread_over(x: Tensor, k: int) -> Tensor:
    """Returns the parameters of `spread` in the units of a real column."""
    means, log_scales, logits = spread(k).chunk(3)
    if not len(x):
        return spread(k)
    scale = x.std(correction=0).clamp_min(LEAST)
    return torch.cat([x.mean() + scale * means, scale.log() + log_scales, logits])


def _bernoulli(field: Space, x: Tensor) -> Tensor:
    return torch.logit(x.mean().clamp(NEAREST, 1 - NEAREST)).reshape(1)


def _gaussian(field: Space, x: Tensor) -> Tensor:
    return torch.stack([x.mean(), x.std(correction=0).clamp_min(LEAST).log()])


def _log_normal(field: Space, x: Tensor) -> Tensor:
    assert isinstance(field, Ranged)
    m, s = field.place
    loc, log_scale = _gaussian(field, x.log())
    return torch.stack([(loc - m) / s, log_scale - torch.tensor(s).log()])


def _negative_binomial(field: Space, x: Tensor) -> Tensor:
    assert isinstance(field, Ranged)
    m, s = field.place
    mean = x.mean().clamp_min(NEAREST)
    more = x.var(correction=0) - mean
    # variance m + m^2 / r
    log_size = (mean.square() / more.clamp_min(1e-6 * mean)).log().clamp_max(LARGE)
    return torch.stack([(mean.log() - m) / s, log_size])


def _categorical(field: Space, x: Tensor) -> Tensor:
    return _frequencies(x, getattr(field, "classes", 2)).log()


def _cumulative(field: Space, x: Tensor) -> Tensor:
    below = _frequencies(x, getattr(field, "classes", 2)).cumsum(0)[:-1]
    thresholds = torch.logit(below)
    # inverse softplus of the distance to the next one
    steps = thresholds.diff()
    return torch.cat([thresholds[:1], steps + torch.log(-torch.expm1(-steps))])


def _frequencies(x: Tensor, classes: int) -> Tensor:
    """Returns the shares of the classes, with a half added to each count so that none is 0."""
    counts = torch.bincount(x.long(), minlength=classes).to(x) + 0.5
    return counts / counts.sum()


_MARGINALS: dict[str, Callable[[Space, Tensor], Tensor]] = {
    "bernoulli": _bernoulli,
    "gaussian": _gaussian,
    "log-normal": _log_normal,
    "negative-binomial": _negative_binomial,
    "categorical": _categorical,
    "cumulative-logit": _cumulative,
}
