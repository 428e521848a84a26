"""The discriminant generative stochastic network: a Markov chain over the label of a given row.

    y~_t = y_t with probability 1 - p, else a class at random                                       (1)
    h_(t+1) ~ P(h | x, y~_t),   y_(t+1) ~ P(y | x, h_(t+1))                                         (2)

Training starts the chain at the label y of the row and lets it walk k steps; every state must lead back to y:

    J = -(1/k) sum_(t=1..k) log P(y | x, h_t)                                                       (3)

The chain of a row is a matrix over K classes, with C(y~ | y) of (1):

    T_x(y, y') = sum_y~ C(y~ | y) E_h [P(y' | x, h)],   h ~ P(h | x, y~)                            (4)

Its stationary law is the model's p(y | x). If P(y | x, h) is the exact conditional of the label, the
stationary law is that of the labels (Bengio et al. 2014, theorem 1). Since C gives each class at least p / K,
T_x^n is nearer to it than (1 - p)^n: the law is computed by squaring T_x, without a simulated chain. E_h is a
mean over fixed draws of the noise in h, the same for all rows.

Reference: Zhou and Troyanskaya 2014; Zoehrer and Pernkopf 2014. Row D15.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from simulacra.core.batch import Batch, Terms
from simulacra.core.capabilities.general import Classifies
from simulacra.core.distributions.elementary import Distribution
from simulacra.core.errors.suggestion import Refusal, build_with
from simulacra.core.labels import known_labels, label_of
from simulacra.core.model import Model
from simulacra.core.optimizers import Adam
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Epochs, Update
from simulacra.models.chains.energy_objectives import check_above
from simulacra.models.chains.gsn import GSN
from simulacra.models.chains.hidden_units import units_of

ROUNDING = 1e-17  # error of the stationary law


class DiscriminantGSN(Model, Classifies):
    """Generative stochastic network over the label of a row, equations (1) to (4).

    Its networks are those of a `GSN` over labels with the row as its condition. Rows without a label are left
    out of the loss.

    Args:
        space: space of x.
        condition: space of the labels, `Categorical`.
        latent: number of units of h.
        hidden: sizes of the hidden layers of both networks.
        activation: activation of the hidden layers.
        replaced: probability p of (1).
        walk: steps k of the chain in training.
        noise: standard deviation s of the units h = tanh(a + s e).
        draws: number of draws of e in the mean of (4).
        lr: learning rate.

    Raises:
        ValueError: if the condition is no label, or an option is out of range.

    Example:
        >>> from simulacra import Categorical, Real
        >>> model = DiscriminantGSN(Real((2,)), Categorical((), 3), latent=4, hidden=(5,))
        >>> model.classify(torch.zeros(2, 2)).shape
        torch.Size([2, 3])
    """

    length = Epochs(50)
    e: Tensor

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        latent: int = 64,
        hidden: tuple[int, ...] = (128,),
        activation: str = "relu",
        replaced: float = 0.5,
        walk: int = 3,
        noise: float = 0.5,
        draws: int = 16,
        lr: float = 1e-3,
        *,
        seed: int = 0,
    ):
        super().__init__(space, condition)
        labels = label_of("a discriminant GSN", condition)
        if not 0 < replaced <= 1:
            usual = build_with(replaced=0.5)
            raise Refusal(
                f"replaced is {replaced:g}, but a label is replaced with a probability above 0 and up to 1: "
                f"use {usual}.",
                usual,
            )
        check_above(draws=draws)
        self.replaced, self.walk, self.lr, self.classes = replaced, walk, lr, labels.classes
        self.chain = GSN(
            labels, space, latent, hidden, "mlp", activation, corruption="none", walk=walk, memory=False,
            noise=noise, lr=lr,
        )  # fmt: skip
        self.register_buffer("e", Rng(0, "discriminant", rows=range(draws)).normal("e", latent))

    def updates(self) -> list[Update]:
        """Returns the only update, which minimizes equation (3) over rows with a label."""
        weights = {"walk": known_labels}
        return [Update("walk", ("",), walked_back, weights=weights, optimizer=Adam(lr=self.lr))]

    # ---- the chain over labels

    def step(self, y: Tensor, x: Tensor, rng: Rng) -> Tensor:
        """Draws the next labels by (1) and (2), shape (B,).

        Args:
            y: labels of the rows, from 0, shape (B,).
            x: observations, shape (B, *).
            rng: generator of the step.
        """
        return self.emission(y, x, rng).sample(rng, "y")

    def emission(self, y: Tensor, x: Tensor, rng: Rng) -> Distribution:
        """Draws h by (1) and (2) and returns P(y | x, h), over labels of shape (B,).

        Args:
            y: labels of the rows, from 0, shape (B,).
            x: observations, shape (B, *).
            rng: generator of the step.
        """
        # (1)
        changed = rng.uniform("replaced", 1).squeeze(1) < self.replaced
        other = (self.classes * rng.uniform("class", 1).squeeze(1)).long().clamp_max(self.classes - 1)
        seen = torch.where(changed, other, y.long())
        # (2)
        h = units_of("tanh", self.preactivation(seen, x), self.chain.noise, rng)
        return self.chain.emission(h, x)

    def preactivation(self, y: Tensor, x: Tensor) -> Tensor:
        """Returns a of the units tanh(a + s e), shape (B, latent).

        Args:
            y: replaced labels y~, from 0, shape (B,).
            x: observations, shape (B, *).
        """
        codes = F.one_hot(y.long(), self.classes).to(self.dtype)
        return self.chain.encoder(codes, *self.chain._given(x))

    def transition(self, x: Tensor) -> Tensor:
        """Returns T_x of equation (4), a row for each label before the step, shape (B, K, K).

        Args:
            x: observations, shape (B, *).
        """
        K, given = self.classes, self.chain._given(x)[0]
        rows = given.repeat_interleave(K, 0)  # the classes of a row are neighbours
        seen = torch.eye(K, dtype=self.dtype, device=x.device).repeat(x.shape[0], 1)
        a = self.chain.encoder(seen, rows)
        draws = [self.chain.decoder((a + self.chain.noise * e).tanh(), rows).softmax(1) for e in self.e]
        emitted = torch.stack(draws).mean(0).view(-1, K, K)
        # (4), C = (1 - p) I + p / K
        return (1 - self.replaced) * emitted + self.replaced * emitted.mean(1, keepdim=True)

    def label_logits(self, x: Tensor) -> Tensor:
        """Returns the logarithm of the stationary law of the row's chain, shape (B, classes).

        Args:
            x: observations, shape (B, *).
        """
        T = self.transition(x)
        for _ in range(squarings(self.replaced)):
            T = T @ T
            T = T / T.sum(2, keepdim=True)
        return T.mean(1).clamp_min(torch.finfo(T.dtype).tiny).log()


def squarings(p: float) -> int:
    """Returns how often T is squared for T^n with (1 - p)^n below `ROUNDING`.

    Args:
        p: probability that a label is replaced.

    Example:
        >>> squarings(0.5), squarings(1.0)
        (6, 0)
    """
    return 0 if p == 1 else math.ceil(math.log2(max(1.0, math.log(ROUNDING) / math.log1p(-p))))


def walked_back(model: DiscriminantGSN, batch: Batch, rng: Rng) -> Terms:
    """Computes equation (3) in nats, shape (B,), and logs the first and the last term.

    Args:
        model: the network.
        batch: rows of data with their labels, at which the chains begin.
        rng: generator of the chains; the key of each step holds its number.
    """
    assert batch.c is not None
    y, found = batch.c, []
    for t in range(model.walk):
        p = model.emission(y, batch.x, rng.at(t))
        # (3)
        found.append(-p.log_prob(batch.c))
        y = p.sample(rng.at(t), "y")
    loss = {"walk": torch.stack(found).mean(0)}
    return Terms(loss, {"first": found[0].detach(), "last": found[-1].detach()})
