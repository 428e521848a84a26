"""Self-supervised boosting: a random field that grows by features that separate data from its own samples.

    p_t(x) = exp(b'x + sum_(u<=t) a_u f_u(x)) / Z_t,   f_u(x) = sigmoid(w_u'x + k_u)     (1)

Each round has three parts. Chains draw negative examples from p_t. A logistic classifier f learns to separate
the data from them, with the expected error rate as its loss,

    (1 - E_data f(x)) / 2 + E_p_t f(x) / 2                                     (2)

because the cross entropy, which is convex, would have no gradient once the means agree. The classifier is the
new feature. Its weight maximizes its contribution to the mean log-likelihood,

    L(a) = a E_data f(x) - log E_p_t exp(a f(x)),                              (3)
    dL/da = E_data f - E_p_t [f exp(a f)] / E_p_t exp(a f)                     (4)

with the expectation under the model over the negative examples. At a = 0 the slope (4) is E_data f - E_p_t f:
a feature that is right more often than wrong lowers KL(data || model).

Reference: Welling, Zemel and Hinton 2002. Row A29.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn

from simulacra.core.batch import Batch, Terms
from simulacra.core.numerics.moments import known_rows
from simulacra.core.numerics.precision import to_float64
from simulacra.core.optimizers import Adam
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Epochs, Initial, Source, Stage, Steps, Update
from simulacra.models.boltzmann.machine.biases import biases_from_data
from simulacra.models.boltzmann.machine.learning import Learning, advance, check_at_least, replicas
from simulacra.models.boltzmann.pairwise.sitewise import Sitewise, Walk

HALVINGS = 40  # bisections that solve (4)
STEEP = 4.0  # initial norm of a classifier's weights, so that its outputs differ from 1/2
MOST = 4.0  # largest weight of a feature in nats: beyond, the examples do not represent p_t+1


class BoostedField(Sitewise):
    """Random field over binary data that grows by boosting, feature by feature.

    Its density is exact with at most 20 entries.

    Args:
        space: a `Binary` space.
        features: number of features, one for each round.
        chains: number of negative examples, which persist from round to round.
        gibbs_steps: sweeps over all entries for each update.
        burn_in: Gibbs sweeps for a sample, starting from independent units.
        shrink: factor of the optimal weight of a feature, in (0, 1].
        lr: learning rate of the classifiers.

    Raises:
        ValueError: if the space is not binary, or an option is out of range.

    Example:
        >>> from simulacra.core.spaces.plain import Binary
        >>> model = BoostedField(Binary((4,)), features=2)
        >>> [model.stage(i, []).name for i in range(4)], model.log_prob(torch.zeros(1, 4)).kind
        (['feature-1', 'weight-1', 'feature-2', 'weight-2'], 'exact')
    """

    length = Epochs(5)
    a: Tensor
    b: Tensor

    def __init__(
        self,
        space: Space,
        features: int = 50,
        chains: int = 500,
        gibbs_steps: int = 1,
        burn_in: int = 200,
        shrink: float = 1.0,
        lr: float = 0.05,
        *,
        seed: int = 0,
    ):
        check_at_least(1, features=features)
        if not 0 < shrink <= 1:
            raise ValueError(f"shrink is {shrink}, but a share of the best weight lies above 0 and up to 1.")
        super().__init__("a boosted random field", space, 0, burn_in)
        self.shrink, self.lr = shrink, lr
        self.rounds = nn.ModuleList(nn.Linear(space.dims, 1) for _ in range(features))
        self.register_buffer("a", torch.zeros(features))
        self.register_buffer("b", torch.zeros(space.dims))
        # every process holds all chains, so that all of them compute the same weights
        self.learning = Learning("pcd", gibbs_steps, chains)
        self.learning.prepare(self)

    def stage(self, i: int, past: list[dict[str, Any]]) -> Stage | None:
        """Returns stage i: each round has one for the classifier and one for its weight.

        Args:
            i: index of the stage, from 0.
            past: not used.
        """
        t, solves = divmod(i, 2)
        if t == len(self.rounds):
            return None
        if solves:
            return Stage(f"weight-{t + 1}", [], Steps(0), start=partial(weigh, t=t))
        loss, optimizer = partial(tell_apart, t=t), Adam(lr=self.lr)
        update = Update("tell", (f"rounds.{t}.",), loss, before=examples, optimizer=optimizer)
        return Stage(f"feature-{t + 1}", [update], self.length, start=Initial(partial(begin, t=t)))

    # ---- the field

    def feature(self, x: Tensor, t: int) -> Tensor:
        """Returns the feature f_t(x), shape (B,).

        Args:
            x: all units, shape (B, sites).
            t: index of the feature.
        """
        return torch.sigmoid(self.rounds[t](x)).squeeze(1)

    def logits(self, x: Tensor) -> Tensor:
        """Returns the logits of all features, shape (B, features)."""
        return x @ self._weights().T + torch.cat([cast(nn.Linear, r).bias for r in self.rounds])

    def _weights(self) -> Tensor:
        return torch.cat([cast(nn.Linear, r).weight for r in self.rounds])

    def score(self, x: Tensor) -> Tensor:
        """Computes log p of (1) without log Z in nats, shape (B,)."""
        # (1)
        return x @ self.b + torch.sigmoid(self.logits(x)) @ self.a

    def differences(self, x: Tensor, sites: list[int]) -> Tensor:
        """Returns the difference of `score` between one entry on and off, shape (B, 1).

        Args:
            x: all units, shape (B, sites).
            sites: indices of the sites.
        """
        (i,) = sites
        own = self._weights()[:, i]
        off = self.logits(x) - x[:, sites] * own
        return self.b[i] + ((torch.sigmoid(off + own) - torch.sigmoid(off)) @ self.a).unsqueeze(1)

    def walk(self, x: Tensor) -> Walk:
        """Returns chains that cache the logits of the features."""
        return FeatureWalk(self, x)


class FeatureWalk(Walk):
    """Chains that cache the logits of the features with a weight; a change of one entry updates them.

    Args:
        model: the field.
        x: all entries, shape (B, sites).
    """

    def __init__(self, model: BoostedField, x: Tensor):
        super().__init__(model, x)
        weighted = model.a.nonzero().squeeze(1)
        planes = [cast(nn.Linear, model.rounds[t]) for t in weighted.tolist()]
        self.a, self.b = model.a[weighted], model.b
        self.own = torch.cat(
            [x.new_zeros(0, model.sites), *[plane.weight for plane in planes]]
        ).T.contiguous()
        self.logits = x @ self.own + torch.cat([x.new_zeros(0), *[plane.bias for plane in planes]])
        self._off = self.logits

    def differences(self, sites: list[int]) -> Tensor:
        """Returns the difference of `score` between one entry on and off, shape (B, 1)."""
        (i,) = sites
        self._off = torch.addcmul(self.logits, self.x[:, i : i + 1], self.own[i], value=-1)
        gain = torch.sigmoid(self._off + self.own[i]) - torch.sigmoid(self._off)
        return (self.b[i] + gain @ self.a).unsqueeze(1)

    def put(self, sites: list[int], values: Tensor) -> None:
        """Sets one entry and updates the logits."""
        super().put(sites, values)
        self.logits = torch.addcmul(self._off, values, self.own[sites[0]])


def begin(model: BoostedField, source: Source, rng: Rng, t: int) -> None:
    """Initializes a round: independent entries before the first one, and a random plane as the classifier.

    Args:
        model: the field.
        source: the training split.
        rng: source of random numbers.
        t: index of the round.
    """
    if t == 0:
        biases_from_data(model, source, rng)
    (negative,) = replicas(model)
    plane = cast(nn.Linear, model.rounds[t])
    plane.weight.copy_(STEEP / math.sqrt(model.sites) * rng.normal("plane", model.sites, rows=range(1)))
    plane.bias.copy_(-(negative @ plane.weight.T).mean(0))


def examples(model: BoostedField, batch: Batch, rng: Rng) -> None:
    """Advances the chains, which are the negative examples."""
    advance(model, rng)


def tell_apart(model: BoostedField, batch: Batch, rng: Rng, t: int) -> Terms:
    """Computes twice (2): error rates of the classifier on data and on negative examples.

    Args:
        model: the field.
        batch: rows of data.
        rng: not used.
        t: index of the round.
    """
    (negative,) = replicas(model)
    # (2)
    return Terms(
        {"data": 1 - model.feature(model.visible(batch.x), t), "examples": model.feature(negative, t)}
    )


def weigh(model: BoostedField, source: Source, rng: Rng, t: int) -> None:
    """Sets the weight of a feature to the zero of (4), times `shrink`.

    Args:
        model: the field.
        source: the training split.
        rng: random numbers of the preprocessing.
        t: index of the round.
    """
    of_data = torch.cat([_answers(model, rows, t) for rows in _rows(model, source, rng)]).mean()
    drawn = _answers(model, replicas(model)[0], t)
    low, high = torch.zeros_like(of_data), torch.full_like(of_data, MOST)
    for _ in range(HALVINGS):
        a = (low + high) / 2
        # (4), which decreases in a
        rises = of_data > (drawn * (a * drawn).softmax(0)).sum()
        low, high = torch.where(rises, a, low), torch.where(rises, high, a)
    model.a[t] = model.shrink * (low + high) / 2


def _answers(model: BoostedField, x: Tensor, t: int) -> Tensor:
    return to_float64(model.feature(x, t))


def _rows(model: BoostedField, source: Source, rng: Rng) -> Iterator[Tensor]:
    """Yields all rows of the data as units, in chunks."""
    for rows, _ in known_rows(model, source, rng)():
        yield rows.to(model.b)
