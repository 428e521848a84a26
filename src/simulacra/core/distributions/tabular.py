"""What p(x|.) can be on the columns of a table: positive numbers, counts, ordered classes, products."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
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
    """log x ~ N(loc, exp(log_scale)^2), for x > 0."""

    loc: Tensor
    log_scale: Tensor
    event_dims: int
    discrete = False

    @property
    def _log(self) -> Gaussian:
        return Gaussian(self.loc, self.log_scale, self.event_dims)

    def entries(self, x: Tensor) -> Tensor:
        """log N(log x; m, s^2) - log x."""
        # before the cast: single precision has no number below e^-103
        log_x = x.log().to(self.loc.dtype)
        return self._log.entries(log_x) - log_x

    def sample(self, rng: Rng, name: str = "x") -> Tensor:
        """exp(m + s eps)."""
        return self._log.sample(rng, name).exp()

    @property
    def mean(self) -> Tensor:
        """exp(m + s^2 / 2)."""
        return torch.exp(self.loc + 0.5 * torch.exp(2 * self.log_scale))


@dataclass
class Poisson(Distribution):
    """P(x) = m^x e^-m / x! with m = exp(log_mean)."""

    log_mean: Tensor
    event_dims: int
    discrete = True

    def entries(self, x: Tensor) -> Tensor:
        """x log m - m - log x!."""
        # three large numbers cancel near the mode
        x, log_m = to_float64(x), to_float64(self.log_mean)
        return (x * log_m - log_m.exp() - torch.lgamma(x + 1)).to(self.log_mean)

    def sample(self, rng: Rng, name: str = "x") -> Tensor:
        """The quantile of a uniform number."""
        from scipy.stats import poisson

        return _quantile(rng, name, self.log_mean, lambda u, m: poisson.ppf(u, m), self.mean)

    @property
    def mean(self) -> Tensor:
        """m."""
        return self.log_mean.exp()


@dataclass
class NegativeBinomial(Distribution):
    """A Poisson whose mean is Gamma distributed: mean m, variance m + m^2 / r.

    P(x) = Gamma(x + r) / (Gamma(r) x!) (r / (r + m))^r (m / (r + m))^x,
    m = exp(log_mean), r = exp(log_size); r -> infinity is the Poisson.
    """

    log_mean: Tensor
    log_size: Tensor
    event_dims: int
    discrete = True

    def entries(self, x: Tensor) -> Tensor:
        """The log of P(x)."""
        x, log_m, log_r = to_float64(x), to_float64(self.log_mean), to_float64(self.log_size)
        # log (1 + m / r)
        spread = softplus(log_m - log_r)
        rising = _log_rising(x, log_r.exp())
        log_p = rising - torch.lgamma(x + 1) + x * log_m - (log_r.exp() + x) * spread
        return log_p.to(self.log_mean)

    def sample(self, rng: Rng, name: str = "x") -> Tensor:
        """The quantile of a uniform number; that of the Poisson where the two are one."""
        m, log_r = to_float64(self.log_mean), to_float64(self.log_size)
        p = torch.sigmoid(log_r - m)
        return _quantile(rng, name, self.log_mean, _quantile_of_counts, m.exp(), log_r.exp(), p)

    @property
    def mean(self) -> Tensor:
        """m."""
        return self.log_mean.exp()


def _log_rising(x: Tensor, r: Tensor) -> Tensor:
    """log Gamma(x + r) - log Gamma(r) - x log r, by Stirling's series where r is large."""
    small, large = r.clamp_max(STIRLING), r.clamp_min(STIRLING)
    direct = torch.lgamma(x + small) - torch.lgamma(small) - x * small.log()
    series = _stirling(large + x) - _stirling(large)
    return torch.where(r < STIRLING, direct, (large + x - 0.5) * torch.log1p(x / large) - x + series)


def _stirling(v: Tensor) -> Tensor:
    """What log Gamma(v) has beyond (v - 1/2) log v - v + log(2 pi) / 2, to v^-5."""
    return 1 / (12 * v) - 1 / (360 * v**3)


def _quantile_of_counts(u: Any, m: Any, r: Any, p: Any) -> Any:
    from scipy.stats import nbinom, poisson

    # beyond, 1 - p is near the rounding of 1, and the laws agree to that
    limit = p > 1 - 1e-10
    # where the limit holds the other law is asked for anything valid
    gamma = nbinom.ppf(u, np.where(limit, 1.0, r), np.where(limit, 0.5, p))
    return np.where(limit, poisson.ppf(u, m), gamma)


def _quantile(rng: Rng, name: str, like: Tensor, ppf: Callable[..., Any], *parameters: Tensor) -> Tensor:
    """Draws by the inverse of the distribution function, one uniform number an entry."""
    u = rng.uniform(name, *like.shape[1:], dtype=torch.float64)
    numbers = [to_float64(t.detach()).expand(like.shape).cpu().numpy() for t in (u, *parameters)]
    return torch.as_tensor(ppf(*numbers), dtype=like.dtype, device=like.device)


def _log_softplus(t: Tensor) -> Tensor:
    """log softplus(t): finite, and with a gradient, also where the softplus underflows."""
    low = t.clamp_max(-15.0)
    return torch.where(t < -15, low - low.exp() / 2, softplus(t.clamp_min(-15.0)).log())


@dataclass
class CumulativeLogit(Distribution):
    """Ordered classes: P(x <= j) = sigmoid(t_j) with t_0 < t_1 < ... < t_{K-2}.

    The first of the `steps` (B, K - 1, *) is t_0, the softplus of each further one the distance
    to the next threshold (McCullagh 1980).
    """

    steps: Tensor
    event_dims: int
    discrete = True

    @property
    def _dim(self) -> int:
        return -self.event_dims - 1

    @property
    def thresholds(self) -> Tensor:
        """t, shape (B, K - 1, *)."""
        first, rest = self.steps.split([1, self.steps.shape[self._dim] - 1], self._dim)
        return torch.cat([first, softplus(rest)], self._dim).cumsum(self._dim)

    @property
    def log_probs(self) -> Tensor:
        """log P(x = k), shape (B, K, *)."""
        if not self.steps.shape[self._dim]:
            # one class, which is certain
            return self.steps.sum(self._dim, keepdim=True)
        t, dim, K = self.thresholds, self._dim, self.steps.shape[self._dim] + 1
        first, last = F.logsigmoid(t.narrow(dim, 0, 1)), F.logsigmoid(-t.narrow(dim, K - 2, 1))
        upper, lower = t.narrow(dim, 1, K - 2), t.narrow(dim, 0, K - 2)
        # sg(a) - sg(b) = sg(a) sg(-b) (1 - exp(b - a)): no cancellation, any sign
        # the gap from its own step: the difference of two thresholds has lost its digits
        log_gap = _log_softplus(self.steps.narrow(dim, 1, K - 2))
        middle = F.logsigmoid(upper) + F.logsigmoid(-lower) + log1mexp(log_gap)
        return torch.cat([first, middle, last], dim)

    def entries(self, x: Tensor) -> Tensor:
        """log P(x)."""
        return Categorical(self.log_probs, self.event_dims).entries(x)

    def sample(self, rng: Rng, name: str = "x") -> Tensor:
        """Class numbers."""
        return Categorical(self.log_probs, self.event_dims).sample(rng, name)

    @property
    def mean(self) -> Tensor:
        """sum_j P(x > j)."""
        return torch.sigmoid(-self.thresholds).sum(self._dim)


@dataclass
class Product(Distribution):
    """Independent fields, each with its own distribution, as one vector of entries.

    Args:
        parts: one for each field.
        shapes: of each field's entries, () for one column.
        together: entries that are scored at once by a distribution of their own, which says the same as
            their fields': a distribution on vectors, and the places of its entries.
    """

    parts: list[Distribution]
    shapes: list[tuple[int, ...]]
    event_dims: int = 1
    together: tuple[Distribution, Tensor] | None = None

    @property
    def discrete(self) -> bool:  # type: ignore[override]
        """Returns True if every field is."""
        return all(part.discrete for part in self.parts)

    def entries(self, x: Tensor) -> Tensor:
        """The fields' own entries, shape of x."""
        pieces = x.split([math.prod(shape) for shape in self.shapes], -1)
        fields = [p.reshape(*p.shape[:-1], *shape) for p, shape in zip(pieces, self.shapes)]
        if self.together is None:
            return self._joined([part.entries(f) for part, f in zip(self.parts, fields)])
        joint, places = self.together
        found = dict(zip(places.tolist(), joint.entries(x[..., places.to(x.device)]).unbind(-1)))
        starts = np.cumsum([0, *(math.prod(shape) for shape in self.shapes)]).tolist()
        alone = zip(starts, self.parts, fields)
        return self._joined([found[j] if j in found else part.entries(f) for j, part, f in alone])

    def sample(self, rng: Rng, name: str = "x") -> Tensor:
        """Each field drawn with its own noise."""
        draws = [part.sample(rng, f"{name}-{i}") for i, part in enumerate(self.parts)]
        dtype = torch.get_default_dtype()
        return self._joined([x if x.is_floating_point() else x.to(dtype) for x in draws])

    @property
    def mean(self) -> Tensor:
        """The fields' means."""
        return self._joined([part.mean for part in self.parts])

    def _joined(self, values: list[Tensor]) -> Tensor:
        flat = [v.flatten(v.dim() - len(s)) if s else v.unsqueeze(-1) for v, s in zip(values, self.shapes)]
        return torch.cat(flat, -1)
