"""The absorbing kernel: a step of noise masks entries, and a step back unmasks some of them.

    q(x_t = mask | x_0) = t / T,   otherwise x_t = x_0, each entry by itself                          (1)
    q(x_r = mask | x_t = mask) = r / t,   otherwise x_r = x_0                                         (2)
    p(x_r | x_t) = (2) with x_0 ~ f in place of x_0,   f predicted by the network                     (3)
    term t of the bound = -(1 / t) sum_(i masked in x_t) log f_i(x_0)                                 (4)

As T grows, entries are masked one at a time, in an order that is uniform among all. This limit is the kernel
`single`: t of the d entries are masked, each choice of t entries with equal probability, and a step back
unmasks one of them. (4) is the same; the sum of its terms over t = 1..d is the mean of -log p(x | order)
over all orders.

Texts have nothing but the end behind their first end, so a state is closed:

    x_t <- closed(x_t):   all entries behind the first unmasked end become the end                    (5)
    f_i(end) = 0   if an unmasked token other than the end stands behind i                            (6)
    term t of the bound = -(1 / t) sum_i (1 - 1 / t)^(i - L) log f_i(x_0)                             (7)

The sum runs over the entries i that are masked in closed(x_t). L is the place of the first end in x_0, and
i - L is 0 up to there. Every draw is a text, so p sums to 1 over texts. If a step (2) unmasks several
entries, those behind the first end among them have no effect, as (5) overwrites them. An end at i is the
first one of its step if none of the i - L masked ends before it is unmasked too, with probability
(1 - 1 / t)^(i - L). For the kernel `single` the power is 1.

Reference: Austin et al., Structured Denoising Diffusion Models in Discrete State-Spaces, 2021 (1 to 3, the
absorbing state); Sahoo et al. 2024 and Shi et al. 2024 (4). Row H20.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from simulacra.core.capabilities.bounds import StepErrors
from simulacra.core.distributions.elementary import Categorical
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.codes import codes_of
from simulacra.core.spaces.plain import Space
from simulacra.core.spaces.tokens import Tokens


@dataclass(frozen=True)
class ClassGuess:
    """A prediction of the values of x_0.

    Args:
        logits: unnormalized log-probabilities, shape (B, K, d).
    """

    logits: Tensor

    def toward(self, other: ClassGuess, share: float) -> ClassGuess:
        """Returns the prediction whose logits are moved toward and beyond those of another.

        Args:
            other: the prediction whose logits share 1 gives.
            share: how far the logits move; 0: not at all.
        """
        return ClassGuess(self.logits + share * (other.logits - self.logits))


class AbsorbingKernel(nn.Module):
    """Noise that replaces entries by masks. States hold the K values as 0 to K - 1, and the mask as K.

    Args:
        space: space of entries of few values.
        T: number of steps of (1); None: the kernel `single`, with one step an entry.
    """

    def __init__(self, space: Space, T: int | None):
        super().__init__()
        self.space, self.mask = space, codes_of(space)
        self.single, self.T = T is None, space.dims if T is None else T
        self.end = space.end if isinstance(space, Tokens) and space.shape else None

    def coordinates(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        """Returns x as a state without masks, shape (B, d).

        Args:
            x: observations, shape (B, *).
            dtype: floating-point type.
        """
        return x.to(dtype).unsqueeze(1).flatten(1)

    def shown(self, h: Tensor) -> Tensor:
        """Returns a state in the shape of x with the space's placeholder for masks, (B, *).

        Args:
            h: state, shape (B, d).
        """
        return self.shaped(torch.where(h == self.mask, self.space.placeholder, h))

    def shaped(self, h: Tensor) -> Tensor:
        """Returns entries (B, d) in the shape of x, (B, *)."""
        return h.unflatten(1, self.space.shape) if self.space.shape else h.squeeze(1)

    def level(self, t: Tensor) -> Tensor:
        """Returns t itself, the number of steps, shape (B, 1)."""
        return t

    def noise(self, rng: Rng, name: str, dtype: torch.dtype) -> Tensor:
        """Draws the noise of a step, uniform in [0, 1), shape (B, d).

        Args:
            rng: source of random numbers.
            name: name of the draw.
            dtype: floating-point type.
        """
        return rng.uniform(name, self.space.dims, dtype=dtype)

    def start(self, e: Tensor) -> Tensor:
        """Returns states in which all entries are masked, shape (B, d)."""
        return torch.full_like(e, self.mask)

    def noised(self, h: Tensor, t: Tensor, e: Tensor) -> Tensor:
        """Returns x_t ~ q(x_t | x_0) of equations (1) and (5), shape (B, d).

        Args:
            h: x_0, shape (B, d).
            t: number of steps, shape (B, 1).
            e: noise, shape (B, d).
        """
        # (1)
        masked = ranks(e) < t if self.single else e < t / self.T
        return self.closed(torch.where(masked, self.mask, h))

    def closed(self, h: Tensor) -> Tensor:
        """Returns states by equation (5), shape (B, d).

        Args:
            h: states, shape (B, d).
        """
        # (5)
        return h if self.end is None else self.space.closed(h)

    def guessed(self, h: Tensor, guess: ClassGuess) -> Categorical:
        """Returns f with equation (6) for each entry.

        Args:
            h: x_t, shape (B, d).
            guess: prediction of x_0.
        """
        if self.end is None:
            return Categorical(guess.logits, 1)
        seen = (h != self.mask) & (h != self.end)
        goes_on = seen.flip(1).cumsum(1).flip(1) > seen
        is_end = torch.arange(guess.logits.shape[1], device=h.device).unsqueeze(1) == self.end
        # (6)
        return Categorical(guess.logits.masked_fill(goes_on.unsqueeze(1) & is_end, -torch.inf), 1)

    def unmasked(self, h: Tensor, left: Tensor, order: Tensor | None, e: Tensor) -> Tensor:
        """Returns True for the entries that a step unmasks, by (2) if no order is given, shape (B, d).

        Args:
            h: x_t, shape (B, d).
            left: number of steps that are left with this one, shape (B, 1).
            order: the entries with the smallest numbers come first, in equal shares of the masks that are
                left; None: each entry independently.
            e: noise, shape (B, d).
        """
        masked = h == self.mask
        if order is None:
            # (2)
            return masked & (e * left < 1)
        share = (masked.sum(1, keepdim=True) / left).ceil()
        return masked & (ranks(torch.where(masked, order, torch.inf)) < share)

    def nats(self, x0: Tensor, h: Tensor, t: Tensor, r: Tensor, guess: ClassGuess) -> Tensor:
        """Returns equation (4), of texts equation (7), in nats, shape (B,).

        Args:
            x0: x_0, shape (B, d).
            h: x_t, shape (B, d).
            t: number of steps, shape (B, 1).
            r: not used.
            guess: prediction of x_0 given x_t.
        """
        nats = -self.guessed(h, guess).entries(x0)
        # (4), (7)
        return torch.where(h == self.mask, self._shares(x0, t) * nats, 0).sum(1)

    def _shares(self, x0: Tensor, t: Tensor) -> Tensor:
        """Returns the probability that the step from t unmasks an entry that then counts, shape (B, d)."""
        if self.end is None or self.single:
            return 1 / t
        behind = ((x0 == self.end).cumsum(1) - 1).clamp_min(0)
        # (7)
        return (1 - 1 / t) ** behind / t

    def errors(self, x0: Tensor, h: Tensor, t: Tensor, r: Tensor, guess: ClassGuess) -> StepErrors:
        """Returns E_q |x_r - E_p x_r|^2 and the variance of p(x_r | x_t) of one-hot codes, sums over entries.

        Args:
            x0: x_0, shape (B, d).
            h: x_t, shape (B, d).
            t: number of steps, shape (B, 1).
            r: not used.
            guess: prediction of x_0 given x_t.
        """
        p, s, masked = self.guessed(h, guess), 1 / t, h == self.mask
        # x_r is x_0 with probability s, otherwise the mask: its mean holds s f, and 1 - s for the mask
        whole = s * s * p.probs.square().sum(1) + (1 - s) ** 2
        found = s * p.entries(x0).exp()
        squared = s * (1 - 2 * found) + (1 - s) * (2 * s - 1) + whole
        zero = torch.zeros_like(whole)
        return StepErrors(
            torch.where(masked, squared, zero).sum(1), torch.where(masked, 1 - whole, zero).sum(1)
        )

    def last(self, x0: Tensor) -> Tensor:
        """Returns KL(q(x_T|x_0) || masks), which is 0, shape (B,).

        Args:
            x0: x_0, shape (B, d).
        """
        return x0.new_zeros(len(x0))


def ranks(e: Tensor) -> Tensor:
    """Returns the place of each number in the order of its row, from 0, shape (B, d).

    Args:
        e: numbers, shape (B, d).

    Example:
        >>> ranks(torch.tensor([[0.5, 0.1, 0.9]])).tolist()
        [[1, 0, 2]]
    """
    # ONNX has no option for a stable sort, but its sort is stable
    order = e.argsort(dim=1) if torch.compiler.is_compiling() else e.argsort(dim=1, stable=True)
    return order.argsort(1)
