"""Distributions of table columns: positive numbers, counts, ordered classes, and products of columns."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from simulacra.core.distributions.elementary import Categorical, Distribution, Gaussian, log1mexp, softplus
from simulacra.core.numerics.precision import to_float64
from simulacra.core.random.keyed import Rng

STIRLING = 1e4  # from here on its series has all digits of a double


@dataclass
class LogNormal(Distribution):
    """log x ~ N(loc, exp(log_scale)^2), for x > 0.

    Args:
        loc: m, shape (B, *).
        log_scale: log s, broadcast to `loc`.
        event_dims: number of trailing dimensions of an observation.
    """

    loc: Tensor
    log_scale: Tensor
    event_dims: int
    discrete = False

    @property
    def _log(self) -> Gaussian:
        return Gaussian(self.loc, self.log_scale, self.event_dims)

    def entries(self, x: Tensor) -> Tensor:
        """Returns log N(log x; m, s^2) - log x."""
        # before the cast: single precision has no number below e^-103
        log_x = x.log().to(self.loc.dtype)
        return self._log.entries(log_x) - log_x

    def sample(self, rng: Rng, name: str = "x") -> Tensor:
        """Returns exp(m + s eps), reparameterized."""
        return self._log.sample(rng, name).exp()

    @property
    def mean(self) -> Tensor:
        """Mean exp(m + s^2 / 2)."""
        return torch.exp(self.loc + 0.5 * torch.exp(2 * self.log_scale))


@dataclass
class Poisson(Distribution):
    """P(x) = m^x e^-m / x! with m = exp(log_mean).

    Args:
        log_mean: log m, shape (B, *).
        event_dims: number of trailing dimensions of an observation.

    Example:
        >>> Poisson(torch.zeros(1), 0).log_prob(torch.zeros(1)).item()
        -1.0
    """

    log_mean: Tensor
    event_dims: int
    discrete = True

    def entries(self, x: Tensor) -> Tensor:
        """Returns x log m - m - log x!."""
        # in float64, since large terms cancel near the mode
        x, log_m = to_float64(x), to_float64(self.log_mean)
        return (x * log_m - log_m.exp() - torch.lgamma(x + 1)).to(self.log_mean)

    def sample(self, rng: Rng, name: str = "x") -> Tensor:
        """Draws by the inverse CDF."""
        from scipy.stats import poisson

        return _quantile(rng, name, self.log_mean, lambda u, m: poisson.ppf(u, m), self.mean)

    @property
    def mean(self) -> Tensor:
        """Mean m."""
        return self.log_mean.exp()


@dataclass
class NegativeBinomial(Distribution):
    """A Poisson distribution with a Gamma distributed mean: mean m, variance m + m^2 / r.

    P(x) = Gamma(x + r) / (Gamma(r) x!) (r / (r + m))^r (m / (r + m))^x,
    m = exp(log_mean), r = exp(log_size); the limit r -> infinity is the Poisson.

    Args:
        log_mean: log m, shape (B, *).
        log_size: log r, broadcast to `log_mean`.
        event_dims: number of trailing dimensions of an observation.
    """

    log_mean: Tensor
    log_size: Tensor
    event_dims: int
    discrete = True

    def entries(self, x: Tensor) -> Tensor:
        """Returns log P(x)."""
        x, log_m, log_r = to_float64(x), to_float64(self.log_mean), to_float64(self.log_size)
        # log (1 + m / r)
        spread = softplus(log_m - log_r)
        rising = _log_rising(x, log_r.exp())
        log_p = rising - torch.lgamma(x + 1) + x * log_m - (log_r.exp() + x) * spread
        return log_p.to(self.log_mean)

    def sample(self, rng: Rng, name: str = "x") -> Tensor:
        """Draws by the inverse CDF; by that of the Poisson if r is so large that the two agree."""
        m, log_r = to_float64(self.log_mean), to_float64(self.log_size)
        p = torch.sigmoid(log_r - m)
        return _quantile(rng, name, self.log_mean, _quantile_of_counts, m.exp(), log_r.exp(), p)

    @property
    def mean(self) -> Tensor:
        """Mean m."""
        return self.log_mean.exp()


def _log_rising(x: Tensor, r: Tensor) -> Tensor:
    """Returns log Gamma(x + r) - log Gamma(r) - x log r, by Stirling's series for large r."""
    small, large = r.clamp_max(STIRLING), r.clamp_min(STIRLING)
    direct = torch.lgamma(x + small) - torch.lgamma(small) - x * small.log()
    series = _stirling(large + x) - _stirling(large)
    return torch.where(r < STIRLING, direct, (large + x - 0.5) * torch.log1p(x / large) - x + series)


def _stirling(v: Tensor) -> Tensor:
    """Returns log Gamma(v) - ((v - 1/2) log v - v + log(2 pi) / 2), up to an error of order v^-5."""
    return 1 / (12 * v) - 1 / (360 * v**3)


def _quantile_of_counts(u: Any, m: Any, r: Any, p: Any) -> Any:
    from scipy.stats import nbinom, poisson

    # beyond, 1 - p is rounding error, and both distributions agree to that precision
    limit = p > 1 - 1e-10
    # entries in the limit get valid dummy parameters here
    gamma = nbinom.ppf(u, np.where(limit, 1.0, r), np.where(limit, 0.5, p))
    return np.where(limit, poisson.ppf(u, m), gamma)


def _quantile(rng: Rng, name: str, like: Tensor, ppf: Callable[..., Any], *parameters: Tensor) -> Tensor:
    """Draws by the inverse CDF `ppf`, with one uniform number an entry."""
    u = rng.uniform(name, *like.shape[1:], dtype=torch.float64)
    numbers = [to_float64(t.detach()).expand(like.shape).cpu().numpy() for t in (u, *parameters)]
    return torch.as_tensor(ppf(*numbers), dtype=like.dtype, device=like.device)


def _log_softplus(t: Tensor) -> Tensor:
    """Returns log softplus(t), with finite value and gradient where softplus underflows."""
    low = t.clamp_max(-15.0)
    return torch.where(t < -15, low - low.exp() / 2, softplus(t.clamp_min(-15.0)).log())


@dataclass
class CumulativeLogit(Distribution):
    """Ordered classes: P(x <= j) = sigmoid(t_j) with t_0 < t_1 < ... < t_{K-2} (McCullagh 1980).

    Args:
        steps: shape (B, K - 1, *): t_0, then t_j - t_{j-1} before a softplus.
        event_dims: number of trailing dimensions of an observation.

    Example:
        >>> CumulativeLogit(torch.zeros(1, 1), 0).log_probs.exp().tolist()
        [[0.5, 0.5]]
    """

    steps: Tensor
    event_dims: int
    discrete = True

    @property
    def _dim(self) -> int:
        return -self.event_dims - 1

    @property
    def thresholds(self) -> Tensor:
        """Thresholds t, shape (B, K - 1, *)."""
        first, rest = self.steps.split([1, self.steps.shape[self._dim] - 1], self._dim)
        return torch.cat([first, softplus(rest)], self._dim).cumsum(self._dim)

    @property
    def log_probs(self) -> Tensor:
        """Log-probabilities log P(x = k), shape (B, K, *)."""
        if not self.steps.shape[self._dim]:
            # a single class has probability 1
            return self.steps.sum(self._dim, keepdim=True)
        t, dim, K = self.thresholds, self._dim, self.steps.shape[self._dim] + 1
        first, last = F.logsigmoid(t.narrow(dim, 0, 1)), F.logsigmoid(-t.narrow(dim, K - 2, 1))
        upper, lower = t.narrow(dim, 1, K - 2), t.narrow(dim, 0, K - 2)
        # sg(a) - sg(b) = sg(a) sg(-b) (1 - exp(b - a)): no cancellation, any sign
        # the gap comes from its own step, since the difference of two thresholds loses digits
        log_gap = _log_softplus(self.steps.narrow(dim, 1, K - 2))
        middle = F.logsigmoid(upper) + F.logsigmoid(-lower) + log1mexp(log_gap)
        return torch.cat([first, middle, last], dim)

    def entries(self, x: Tensor) -> Tensor:
        """Returns log P(x)."""
        return Categorical(self.log_probs, self.event_dims).entries(x)

    def sample(self, rng: Rng, name: str = "x") -> Tensor:
        """Draws class numbers."""
        return Categorical(self.log_probs, self.event_dims).sample(rng, name)

    @property
    def mean(self) -> Tensor:
        """Mean class number, sum_j P(x > j)."""
        return torch.sigmoid(-self.thresholds).sum(self._dim)


class BuiltWhenUsed(Sequence[Distribution]):
    """Distributions that are built when they are first used, since a joint one may be sufficient.

    Args:
        n: number of distributions.
        builders: returns a function for each that builds it; called once.
    """

    def __init__(self, n: int, builders: Callable[[], list[Callable[[], Distribution]]]):
        self.n, self.builders = n, cache(builders)
        self.built: dict[int, Distribution] = {}

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, i: Any) -> Any:
        if i not in self.built:
            self.built[i] = self.builders()[i]()
        return self.built[i]


@dataclass
class Product(Distribution):
    """Independent fields, each with its own distribution, as one vector of entries.

    Args:
        parts: distribution of each field.
        shapes: shape of each field, () for one column.
        event_dims: number of trailing dimensions of an observation.
        together: a joint distribution of some entries and their positions in the vector, ascending. It gives
            the same log-probabilities as their fields, in one operation. None: score each field alone.
    """

    parts: Sequence[Distribution]
    shapes: list[tuple[int, ...]]
    event_dims: int = 1
    together: tuple[Distribution, Tensor] | None = None

    @property
    def discrete(self) -> bool:  # type: ignore[override]
        """True if every field is discrete."""
        return all(part.discrete for part in self.parts)

    def entries(self, x: Tensor) -> Tensor:
        """Returns the log-probabilities of the fields' entries, shape of x."""
        found = {}
        if self.together is not None:
            joint, places = self.together
            if len(places) == x.shape[-1]:
                return joint.entries(x)
            found = dict(zip(places.tolist(), joint.entries(x[..., places.to(x.device)]).unbind(-1)))
        values, start = [], 0
        for i, shape in enumerate(self.shapes):
            end = start + math.prod(shape)
            if start in found:
                values.append(found[start])
            else:
                values.append(self.parts[i].entries(x[..., start:end].reshape(*x.shape[:-1], *shape)))
            start = end
        return self._joined(values)

    def sample(self, rng: Rng, name: str = "x") -> Tensor:
        """Draws each field with its own noise."""
        draws = [part.sample(rng, f"{name}-{i}") for i, part in enumerate(self.parts)]
        dtype = torch.get_default_dtype()
        return self._joined([x if x.is_floating_point() else x.to(dtype) for x in draws])

    @property
    def mean(self) -> Tensor:
        """Means of the fields."""
        return self._joined([part.mean for part in self.parts])

    def _joined(self, values: list[Tensor]) -> Tensor:
        flat = [v.flatten(v.dim() - len(s)) if s else v.unsqueeze(-1) for v, s in zip(values, self.shapes)]
        return torch.cat(flat, -1)
