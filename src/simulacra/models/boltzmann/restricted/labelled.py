"""The shared base of machines over data and their label.

    p(v, y, h) = exp(-E(v, y, h)) / Z,   y one of K classes                    (1)
    p(y | v) = softmax_y sum_h exp(-E(v, y, h))                                (2)

Without a given label, y belongs to the hidden side: given v, y is drawn by (2), then h, so that p(v) is a
machine like any other. The loss combines p(y | v) and p(v, y) = p(y | v) p(v):

    L = L_disc + alpha L_gen = -(1 + alpha) log p(y | v) - alpha log p(v)      (3)

`discriminative` is alpha = 0, `generative` is L_gen alone, `hybrid` is (3). The gradient of log p(y | v) is
exact, that of log p(v) needs chains. Rows without a label contribute to log p(v). With `discriminative` v may
be any numbers, because p(v) is not modelled.

Reference: Larochelle and Bengio 2008. Rows A24, A27.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from simulacra.core.batch import Batch, Terms
from simulacra.core.capabilities.general import (
    Classifies,
    HasAnnealingPath,
    HasDensity,
    HasEnergy,
    HasMarkovChain,
    Samples,
    TakesCondition,
)
from simulacra.core.labels import known_labels, label_of
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Initial, Stage
from simulacra.models.boltzmann.machine.biases import biases_from_data
from simulacra.models.boltzmann.machine.energy_model import Machine
from simulacra.models.boltzmann.machine.learning import LOSSES, Learning, check_at_least
from simulacra.models.boltzmann.machine.needs import need_binary
from simulacra.models.boltzmann.machine.units import Alternatives, Bernoulli, OneHot, Units

Objective = Literal["hybrid", "discriminative", "generative"]
EXCLUDED = -1e4  # log-weight of the other classes if a row has a label: it underflows to 0 in every sum


@dataclass(frozen=True)
class Weights:
    """The weights of both terms in (3).

    Args:
        label: weight of -log p(y | v).
        data: weight of -log p(v).
    """

    label: float
    data: float


@dataclass(frozen=True)
class Pairs:
    """Observations with their labels.

    Args:
        x: observations, shape (B, *).
        y: classes, shape (B,).
    """

    x: Tensor
    y: Tensor


class Labelled(Machine, Classifies, TakesCondition):
    """Abstract base with equations (1) to (3); the layer `h` has one group of `Alternatives` for each y.

    Args:
        name: name of the model, for the message when its space does not fit.
        space: a `Binary` space, or any if the objective is `discriminative`.
        condition: space of the labels, `Categorical`.
        hidden: number of hidden units that interact with the label, the layer `h`.
        free: number of hidden units that do not, the layer `g`; 0 has none.
        objective: `hybrid`, `discriminative` or `generative`.
        generative: weight alpha of `hybrid`.
        learning: options of the estimator of the expectation under the model.
        burn_in: Gibbs sweeps for a sample, starting from independent units.

    Raises:
        ValueError: if the space is not binary, the condition is no label, or an option is out of range.
    """

    sharded = ("persistent",)
    b: Tensor

    def __init__(
        self,
        name: str,
        space: Space,
        condition: Space | None,
        hidden: int,
        free: int,
        objective: str,
        generative: float,
        learning: Learning,
        burn_in: int,
    ):
        check_at_least(1, hidden=hidden, burn_in=burn_in)
        weights, classes = weights_of(objective, generative), label_of(name, condition).classes
        if weights.data:
            need_binary(name, space)
        d = math.prod(space.features_shape)
        units: dict[str, Units] = {"v": Bernoulli(), "h": Alternatives()}
        shapes: dict[str, tuple[int, ...]] = {"v": (d,), "h": (classes, 1 + hidden)}
        if free:
            units["g"], shapes["g"] = Bernoulli(), (free,)
        super().__init__(space, units, shapes, (tuple(units)[1:], ("v",)), condition, burn_in)
        self.classes, self.weights = classes, weights
        self.d = nn.Parameter(torch.zeros(classes))
        if weights.data:
            self.b, self.learning = nn.Parameter(torch.zeros(d)), learning
        else:
            # p(v) is not modelled: v has no trainable bias, and there are no chains
            self.register_buffer("b", torch.zeros(d))
            self.learning = replace(learning, estimator="cd")
            self.remove(Samples, HasDensity, HasEnergy, HasMarkovChain, HasAnnealingPath, TakesCondition)

    # ---- the label

    @abstractmethod
    def label_logits(self, x: Tensor) -> Tensor:
        """Computes log p(y | v) of (2) up to a constant of the row, shape (B, classes)."""

    def on_label(self, c: Tensor | None, n: int) -> Tensor:
        """Returns the biases d of the classes, lowered by `EXCLUDED` for all but a given label, (B, classes).

        Args:
            c: labels, shape (B,), or None.
            n: number of rows B.
        """
        if c is None:
            return self.d.expand(n, -1)
        return self.d + EXCLUDED * (1 - F.one_hot(c.long(), self.classes).to(self.d))

    def log_z(self, c: Tensor | None = None) -> Tensor:
        """Computes log Z in nats, exact; with labels, log Z of v given each label.

        Args:
            c: labels, shape (B,), or None.

        Returns:
            log Z, shape (), or (B,) with labels.

        Raises:
            ValueError: if there are too many states to sum over.
        """
        if c is None:
            return super().log_z()
        return super().log_z(torch.arange(self.classes, device=c.device))[c.long()]

    def draw_pairs(self, rng: Rng) -> Pairs:
        """Samples p(v, y): v by Gibbs sampling, then y given v."""
        x = self.draw(rng)
        y = OneHot().draw(self.label_logits(x), rng, "label")
        return Pairs(x, y.argmax(1))

    # ---- learning

    def stage(self, i: int, past: list[dict[str, Any]]) -> Stage | None:
        """Returns the only stage, which initializes the biases from the data.

        Args:
            i: index of the stage, from 0.
            past: not used.
        """
        if i:
            return None
        own = self.learning.update()
        before, start = (own.before, Initial(biases_from_data)) if self.weights.data else (None, None)
        update = replace(own, loss=weighed, before=before, weights={"label": known_labels})
        return Stage("train", [update], self.length, start=start)


def weighed(model: Labelled, batch: Batch, rng: Rng) -> Terms:
    """Computes both terms of (3) in nats, each of shape (B,)."""
    assert batch.c is not None
    # (3)
    nll = F.cross_entropy(model.label_logits(batch.x), batch.c.long(), reduction="none")
    terms = {"label": model.weights.label * nll}
    if model.weights.data:
        # in p(v) the label is summed out, like a hidden variable
        found = LOSSES[model.learning.estimator](model, replace(batch, c=None), rng)
        terms |= {name: model.weights.data * term for name, term in found.loss.items()}
    return Terms(terms)


def weights_of(objective: str, generative: float) -> Weights:
    """Returns the weights of (3) for an objective.

    Args:
        objective: `hybrid`, `discriminative` or `generative`.
        generative: weight alpha of `hybrid`.

    Raises:
        ValueError: if the objective is unknown, or alpha is negative or infinite.

    Example:
        >>> weights_of("hybrid", 0.5)
        Weights(label=1.5, data=0.5)
    """
    if objective not in get_args(Objective):
        raise ValueError(f"objective is {objective!r}; choose from {', '.join(get_args(Objective))}.")
    if not 0 <= generative < float("inf"):
        raise ValueError(f"generative is {generative}, but the weight of the generative part is at least 0.")
    alpha = {"hybrid": generative, "discriminative": 0.0, "generative": 1.0}[objective]
    return Weights(1.0 if objective == "generative" else 1 + alpha, alpha)
