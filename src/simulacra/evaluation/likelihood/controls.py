"""Control models that are wrong in a known way, to test scores.

    windows    p(x) = 1/N sum_i N(x; s_i, sigma^2 I)                                                 (1)
    mixture    p(x) = sum_k w_k p_k(x) >= w_k p_k(x), so log p >= log p_k + log w_k                  (2)

Windows around training rows memorize: samples look perfect, and the likelihood of held-out rows falls without
limit as sigma goes to 0. One wide window is noise. A mixture of 1 % of a good model and 99 % of noise loses
at most log 100 = 4.61 nats, by (2), in any dimension, while nearly all of its samples are noise.

Reference: Theis, van den Oord and Bethge, A note on the evaluation of generative models, 2016, section 3.
Rows I8, I10.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from simulacra.core.capabilities import general as can
from simulacra.core.capabilities.general import HasDensity, Samples
from simulacra.core.model import Model
from simulacra.core.preprocessing.chain import Preprocessing
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.evaluation.likelihood.parzen import log_windows


class Windows(Model, Samples, HasDensity):
    """Equation (1): memorizes the given rows or, with one row and a large sigma, is noise.

    Args:
        space: a real space.
        rows: s_i in that space, shape (N, *).
        sigma: standard deviation of each window.
        preprocessing: preprocessing of the data that the model is scored on; None: none.

    Example:
        >>> import simulacra
        >>> from simulacra.evaluation.samples.memorization import memorization
        >>> data = simulacra.load_data("ring")
        >>> memorizer = Windows(data.space, data.train.all().x, sigma=1e-9)
        >>> memorization(memorizer, data, n=100).copies
        True
    """

    rows: Tensor

    def __init__(self, space: Space, rows: Tensor, sigma: float, preprocessing: Preprocessing | None = None):
        super().__init__(space)
        self.preprocessing = preprocessing or Preprocessing(space)
        self.register_buffer("rows", rows)
        self.sigma = sigma

    def log_density(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns log p(x) in nats, float64, shape (B,).

        Args:
            x: rows, shape (B, *).
            c: None; the model takes no condition.
        """
        return log_windows(self.rows.flatten(1), x.flatten(1), [self.sigma])[0]

    def draw(self, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Draws a row and adds noise, shape (B, *).

        Args:
            rng: random numbers of B rows.
            c: None; the model takes no condition.
        """
        u = rng.uniform("row", 1, dtype=torch.float64)[:, 0]
        chosen = self.rows[(u * len(self.rows)).long()]
        return chosen + self.sigma * rng.normal("noise", *self.space.shape, dtype=chosen.dtype)


class Mixture(Model, Samples, HasDensity):
    """Equation (2): each sample comes from one of several models.

    Args:
        parts: models of one space and preprocessing that have a density and draw samples.
        shares: weights w, with sum 1.

    Example:
        >>> from simulacra.core.spaces.plain import Real
        >>> narrow, wide = (Windows(Real((2,)), torch.zeros(1, 2), sigma) for sigma in (0.1, 9.0))
        >>> both = Mixture((narrow, wide), (0.01, 0.99))
        >>> lost = narrow.log_density(torch.zeros(1, 2)) - both.log_density(torch.zeros(1, 2))
        >>> round(lost.item(), 2)  # at most log 100 = 4.61
        4.59
    """

    def __init__(self, parts: Sequence[Model], shares: Sequence[float]):
        super().__init__(parts[0].space)
        self.preprocessing = parts[0].preprocessing
        self.parts, self.shares = torch.nn.ModuleList(parts), tuple(shares)

    def log_density(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns log p(x) in nats, float64, shape (B,).

        Args:
            x: rows, shape (B, *).
            c: None; the model takes no condition.
        """
        terms = [
            can.able(part, can.HasDensity).log_density(x).double() + math.log(w)
            for part, w in zip(self.parts, self.shares)
        ]
        return torch.stack(terms).logsumexp(0)

    def part_of(self, rng: Rng) -> Tensor:
        """Returns the index of the part from which each row of `draw` comes, shape (B,)."""
        u = rng.uniform("part", 1, dtype=torch.float64)
        ends = torch.tensor(self.shares, dtype=torch.float64, device=u.device).cumsum(0)
        return (u >= ends).sum(1).clamp_max(len(self.shares) - 1)

    def draw(self, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Draws each row from a part chosen at random, shape (B, *).

        Args:
            rng: random numbers of B rows.
            c: None; the model takes no condition.
        """
        parts = [can.able(part, can.Samples) for part in self.parts]
        draws = torch.stack([part.draw(rng.at("part", k)) for k, part in enumerate(parts)])
        return draws[self.part_of(rng), torch.arange(draws.shape[1], device=draws.device)]
