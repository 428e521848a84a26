"""Distributions p(x|.) on a space: log-probabilities in nats, samples from keyed noise, means.

In every distribution here, the entries are independent given the parameters; `log_prob` sums over all
dimensions but the batch. Parameters broadcast against x, so that leading sample dimensions (K, B, *) need
no copies.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from simulacra.core.distributions.level_means import mean_level
from simulacra.core.random.keyed import Rng

FARTHEST = 1e17  # deviations; the sum of thousands of their squares is finite in single precision
LOG_2PI = math.log(2 * math.pi)
WIDEST_LOG_SCALE = 60.0
SOFTPLUS_LIMIT = 40.0  # above it softplus(t) is t to the last digit of double precision


class Distribution(ABC):
    """Base class: a distribution of observations.

    Subclasses have the attributes `event_dims`, the number of trailing dimensions of an observation, and
    `discrete`, True if `log_prob` is a log-probability and not a log-density.
    """

    event_dims: int
    discrete: bool

    @abstractmethod
    def entries(self, x: Tensor) -> Tensor:
        """Returns the log-probability of each entry of x, in nats, shape of x."""

    @abstractmethod
    def sample(self, rng: Rng, name: str = "x") -> Tensor:
        """Draws one observation for each row of the parameters, shape (B, *).

        Args:
            rng: generator with the same number of rows.
            name: name of the draw, part of its key.
        """

    @property
    @abstractmethod
    def mean(self) -> Tensor:
        """Expectation of each entry, shape (B, *)."""

    def log_prob(self, x: Tensor, known: Tensor | None = None) -> Tensor:
        """Returns log p(x) in nats, summed over the entries, shape (B,).

        Args:
            x: observations, shape (B, *).
            known: True for entries that are summed, shape of x; None: all.
        """
        entries = self.entries(x)
        if known is not None:
            entries = torch.where(known, entries, torch.zeros_like(entries))
        return sum_events(entries, self.event_dims)


def sum_events(t: Tensor, event_dims: int) -> Tensor:
    """Returns the sum of t over its last dimensions.

    Args:
        t: values of entries, shape (B, *).
        event_dims: number of dimensions that are summed; 0: t itself.
    """
    return t.flatten(t.dim() - event_dims).sum(-1) if event_dims else t


def softplus(t: Tensor) -> Tensor:
    """Returns log (1 + e^t) to double precision; torch returns t above 20, with an error of 2e-9.

    Example:
        >>> float(softplus(torch.tensor(20.5, dtype=torch.float64)) - 20.5) > 1e-9
        True
    """
    return F.softplus(t, threshold=SOFTPLUS_LIMIT)


@dataclass
class Bernoulli(Distribution):
    """p(x = 1) = sigmoid(logits), independent entries.

    Args:
        logits: shape (B, *).
        event_dims: number of trailing dimensions of an observation.

    Example:
        >>> round(Bernoulli(torch.zeros(1, 3), 1).log_prob(torch.ones(1, 3)).item(), 4)
        -2.0794
    """

    logits: Tensor
    event_dims: int
    discrete = True

    def entries(self, x: Tensor) -> Tensor:
        """Returns x l - softplus(l)."""
        return x.to(self.logits.dtype) * self.logits - softplus(self.logits)

    def sample(self, rng: Rng, name: str = "x") -> Tensor:
        """Draws zeros and ones."""
        return rng.bernoulli(name, self.mean)

    @property
    def mean(self) -> Tensor:
        """Probability of a one."""
        return self.logits.sigmoid()


@dataclass
class LocationScale(Distribution):
    """A distribution of x = m + s e with standard noise e, independent entries; s = exp(log_scale).

    p(x) = p_e((x - m) / s) / s. Gradients of a sample flow to m and s (reparameterization).

    Args:
        loc: m, shape (B, *).
        log_scale: log s, broadcast to `loc`.
        event_dims: number of trailing dimensions of an observation.
    """

    loc: Tensor
    log_scale: Tensor
    event_dims: int
    discrete = False

    @abstractmethod
    def noise_log(self, e: Tensor) -> Tensor:
        """Returns log p_e(e) of each entry, in nats, shape of e.

        Args:
            e: standard noise, shape (B, *).
        """

    @abstractmethod
    def noise(self, rng: Rng, name: str) -> Tensor:
        """Draws standard noise e, shape of `loc`.

        Args:
            rng: generator with one row for each row of `loc`.
            name: name of the draw, part of its key.
        """

    def entries(self, x: Tensor) -> Tensor:
        """Returns log p_e((x - m) / s) - log s."""
        return self.noise_log((x.to(self.loc.dtype) - self.loc) * torch.exp(-self.log_scale)) - self.log_scale

    def sample(self, rng: Rng, name: str = "x") -> Tensor:
        """Returns m + s e, reparameterized: gradients flow to m and s."""
        return self.at(self.noise(rng, name))

    def at(self, e: Tensor) -> Tensor:
        """Returns m + s e.

        Args:
            e: standard noise, shape (B, *).
        """
        return self.loc + torch.exp(self.log_scale) * e

    @property
    def mean(self) -> Tensor:
        """Mean m."""
        return self.loc


@dataclass
class Gaussian(LocationScale):
    """N(loc, exp(log_scale)^2), independent entries.

    Args:
        loc: m, shape (B, *).
        log_scale: log s, broadcast to `loc`.
        event_dims: number of trailing dimensions of an observation.

    Example:
        >>> zero = torch.zeros(1, 2)
        >>> round(Gaussian(zero, zero, 1).log_prob(zero).item(), 4)
        -1.8379
    """

    def noise_log(self, e: Tensor) -> Tensor:
        """Returns -1/2 e^2 - 1/2 log 2 pi."""
        # clamp, so that the square does not overflow
        e = e.clamp(-FARTHEST, FARTHEST)
        return -0.5 * (e * e + LOG_2PI)

    def noise(self, rng: Rng, name: str) -> Tensor:
        """Draws standard normal numbers."""
        return rng.normal(name, *self.loc.shape[1:], dtype=self.loc.dtype)


@dataclass
class DiscretizedLogistic(Distribution):
    """A logistic density integrated over each of `levels` bins; the end bins take the tails.

    P(x) = sg((u + h - m) / s) - sg((u - h - m) / s) with u = (x - centre) / spread, 2h one bin
    (Kingma et al. 2016; Salimans et al. 2017).

    Args:
        loc: m in units of u, shape (B, *).
        log_scale: log s in units of u, broadcast to `loc`.
        levels: number of levels of x.
        event_dims: number of trailing dimensions of an observation.
        centre: level at u = 0.
        spread: number of levels in one unit of u; None: levels - 1, so that all levels span [0, 1].

    Example:
        >>> p = DiscretizedLogistic(torch.tensor([0.5]), torch.tensor([-2.0]), 256, 0)
        >>> round(p.mean.item(), 2)
        127.5
    """

    loc: Tensor
    log_scale: Tensor
    levels: int
    event_dims: int
    centre: float = 0
    spread: float | None = None
    discrete = True

    @property
    def width(self) -> float:
        """Number of levels in one unit of u."""
        return self.levels - 1 if self.spread is None else self.spread

    def entries(self, x: Tensor) -> Tensor:
        """Returns the log of the mass of x's bin, exact in both tails."""
        x = x.to(self.loc.dtype)
        centred = (x - self.centre) / self.width - self.loc
        half = 0.5 / self.width
        inverse = torch.exp(-self.log_scale)
        upper, lower = inverse * (centred + half), inverse * (centred - half)
        # sg(a) - sg(b) = sg(a) sg(-b) (1 - exp(b - a)): no cancellation, any sign
        share = log1mexp(math.log(2 * half) - self.log_scale)
        inner = F.logsigmoid(upper) + F.logsigmoid(-lower) + share
        inner = torch.where(x < 0.5, F.logsigmoid(upper), inner)
        return torch.where(x > self.levels - 1.5, F.logsigmoid(-lower), inner)

    def sample(self, rng: Rng, name: str = "x") -> Tensor:
        """Draws the bin of a logistic number."""
        return self._bin(rng.uniform(name, *self.loc.shape[1:], dtype=self.loc.dtype))

    def _bin(self, u: Tensor) -> Tensor:
        tiny = torch.finfo(u.dtype).tiny
        noise = torch.log(u.clamp_min(tiny)) - torch.log1p(-u)
        value = self.loc + torch.exp(self.log_scale) * noise
        return (value * self.width + self.centre).round().clamp(0, self.levels - 1)

    @property
    def mean(self) -> Tensor:
        """Mean of the bins, sum over thresholds t of P(x >= t), within 0.0002 of a level."""
        place = self.loc * self.width + self.centre
        # above this scale the mean is constant, and its gradient would be 0 times infinity
        scale = torch.exp(self.log_scale.clamp_max(WIDEST_LOG_SCALE))
        return mean_level(place, scale * self.width, self.levels - 1)


def log1mexp(log_w: Tensor) -> Tensor:
    """Returns log (1 - exp(-w)) from log w; finite even if w underflows."""
    small = log_w < -7
    w = torch.exp(log_w.clamp_min(-7))
    # log w - w/2 + w^2/24 to w^4 / 2880, below rounding for w < e^-7
    tiny = torch.exp(log_w.clamp_max(-7))
    return torch.where(small, log_w - tiny / 2 + tiny * tiny / 24, torch.log(-torch.expm1(-w)))


@dataclass
class Mixture(Distribution):
    """A mixture distribution of each entry: sum_k w_k p_k(x), w = softmax(logits).

    Args:
        logits: unnormalized log-weights, shape (B, K, *).
        components: distribution whose parameters have shape (B, K, *): the components lie along dimension
            `event_dims + 1` from the right.
        event_dims: number of trailing dimensions of an observation.
    """

    logits: Tensor
    components: Distribution
    event_dims: int

    @property
    def discrete(self) -> bool:  # type: ignore[override]
        """True if the components are discrete."""
        return self.components.discrete

    @property
    def _dim(self) -> int:
        return -self.event_dims - 1

    def entries(self, x: Tensor) -> Tensor:
        """Returns logsumexp_k (log w_k + log p_k(x))."""
        log_w = self.logits.log_softmax(self._dim)
        return torch.logsumexp(log_w + self.components.entries(x.unsqueeze(self._dim)), self._dim)

    def sample(self, rng: Rng, name: str = "x") -> Tensor:
        """Draws a component by its weight, then a value of it."""
        k = _choose(self.logits, self._dim, rng, f"{name}-component")
        draws = self.components.sample(rng, name)
        return draws.gather(self._dim, k.unsqueeze(self._dim)).squeeze(self._dim)

    @property
    def mean(self) -> Tensor:
        """Mean sum_k w_k mean_k."""
        return (self.logits.softmax(self._dim) * self.components.mean).sum(self._dim)


@dataclass
class Categorical(Distribution):
    """P(x = k) = softmax(logits)_k, independent entries.

    Args:
        logits: shape (B, K, *).
        event_dims: number of trailing dimensions of an observation.

    Example:
        >>> Categorical(torch.zeros(1, 4), 0).probs.tolist()
        [[0.25, 0.25, 0.25, 0.25]]
    """

    logits: Tensor
    event_dims: int
    discrete = True

    @property
    def _dim(self) -> int:
        return -self.event_dims - 1

    def entries(self, x: Tensor) -> Tensor:
        """Returns the log-softmax at x."""
        log_p = self.logits.log_softmax(self._dim)
        # torch.broadcast_shapes imports sympy
        index, _ = torch.broadcast_tensors(x.long().unsqueeze(self._dim), log_p.narrow(self._dim, 0, 1))
        shape = list(index.shape)
        shape[self._dim] = -1
        log_p = log_p.expand(shape)
        return log_p.gather(self._dim, index).squeeze(self._dim)

    def sample(self, rng: Rng, name: str = "x") -> Tensor:
        """Draws class numbers."""
        return _choose(self.logits, self._dim, rng, name)

    @property
    def mean(self) -> Tensor:
        """Mean sum_k k P(k), for levels; for unordered classes use `probs`."""
        p = self.probs
        k = torch.arange(p.shape[self._dim], device=p.device, dtype=p.dtype)
        return torch.tensordot(p.movedim(self._dim, -1), k, dims=1)

    @property
    def probs(self) -> Tensor:
        """Probabilities softmax(logits), shape (B, K, *)."""
        return self.logits.softmax(self._dim)


def _choose(logits: Tensor, dim: int, rng: Rng, name: str) -> Tensor:
    """Draws by the inverse CDF along `dim` with one uniform number an entry; the shape lacks `dim`."""
    cdf = logits.softmax(dim).cumsum(dim)
    u = rng.uniform(name, *cdf.select(dim, 0).shape[1:], dtype=cdf.dtype).unsqueeze(dim)
    return (u * cdf.narrow(dim, -1, 1) >= cdf).sum(dim).clamp_max(logits.shape[dim] - 1)
