"""M2, the semi-supervised variational autoencoder: p(x, y, z) = p(y) p(z) p(x|y, z).

    L(x, y) = E_q(z|x,y) log p(x|y, z) + log p(y) - KL(q(z|x, y) || N(0, I))   (1)
    U(x)    = sum_y q(y|x) (L(x, y) - log q(y|x))                              (2)
    J       = -mean_labelled L - mean_unlabelled U - alpha mean_labelled log q(y|x)   (3)

What strains the contract: labels are missing at random, so each mean runs over another number of
rows in every batch; further labelled rows come in a stream with a batch size of its own.

Reference: Kingma, Rezende, Mohamed and Welling 2014, equations 6 to 9.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from simulacra.core.batch import Batch, Terms
from simulacra.core.capabilities.general import Classifies, HasBound, Samples, TakesCondition
from simulacra.core.distributions.divergences import kl_to_standard_normal
from simulacra.core.distributions.elementary import Gaussian
from simulacra.core.model import Model
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Source, Stage, Steps, Stream, Update, weight_rows
from simulacra.nets.mlp import mlp


class M2(Model, Samples, HasBound, Classifies, TakesCondition):
    """M2 on real vectors with a fixed unit variance of x.

    Args:
        space: what one observation is.
        condition: the classes.
        latent: size of z.
        alpha: weight of the classifier in equation (3).
        labelled: rows a step of the labelled stream.
    """

    def __init__(
        self, space: Space, condition: Categorical, latent: int = 3, alpha: float = 0.5, labelled: int = 7
    ):
        super().__init__(space, condition)
        self.latent, self.alpha, self.labelled = latent, alpha, labelled
        d, self.classes = space.dims, condition.classes
        self.encoder = mlp([d + self.classes, 12, 2 * latent], "tanh")
        self.decoder = mlp([latent + self.classes, 12, d], "tanh")
        self.classifier = mlp([d, 12, self.classes], "tanh")

    def stage(self, i: int, past: list) -> Stage | None:
        """One player; labelled rows flow beside the main stream."""
        update = Update(
            "m2",
            ("",),
            objective,
            weights={
                "labelled": known_label,
                "classification": known_label,
                "unlabelled": lambda batch: 1 - known_label(batch),
                "stream": weight_rows("labelled"),
            },
        )
        streams = lambda source: {"labelled": Stream(labelled_rows(source), self.labelled)}
        return Stage("train", [update], Steps(24), streams=streams) if i == 0 else None

    def bound(self, x: Tensor, y: Tensor, eps: Tensor) -> Tensor:
        """L(x, y) of equation (1) in nats at the noise `eps`, shape (B,)."""
        h, one_hot = self.features(x).flatten(1), F.one_hot(y.long(), self.classes).to(self.dtype)
        q = Gaussian(*self.encoder(torch.cat([h, one_hot], 1)).chunk(2, 1), 1)
        mean = self.decoder(torch.cat([q.at(eps), one_hot], 1))
        log_p = Gaussian(mean, mean.new_zeros(()), 1).log_prob(h)
        return log_p - math.log(self.classes) - kl_to_standard_normal(q)

    def elbo(self, x: Tensor, c: Tensor | None, rng: Rng) -> Tensor:
        """A bound on log p(x|y): equation (1) without log p(y)."""
        return self.bound(x, c, self._noise(rng)) + math.log(self.classes)

    def label_logits(self, x: Tensor) -> Tensor:
        """log q(y|x), shape (B, classes)."""
        return self.classifier(self.features(x).flatten(1)).log_softmax(1)

    def draw(self, rng: Rng, c: Tensor | None = None) -> Tensor:
        """x given y = c, shape (B, *)."""
        one_hot = F.one_hot(c.long(), self.classes).to(self.dtype)
        mean = self.decoder(torch.cat([self._noise(rng), one_hot], 1))
        return (mean + rng.normal("x", self.space.dims, dtype=self.dtype)).unflatten(1, self.space.shape)

    def _noise(self, rng: Rng) -> Tensor:
        return rng.normal("z", self.latent, dtype=self.dtype)


def objective(model: M2, batch: Batch, rng: Rng) -> Terms:
    """The terms of equation (3), per example; their weights say which rows count."""
    log_q, eps = model.label_logits(batch.x), model._noise(rng)
    every = [torch.full_like(batch.c, y) for y in range(model.classes)]
    # (2)
    bounds = torch.stack([model.bound(batch.x, y, eps) for y in every], 1)
    unlabelled = (log_q.exp() * (bounds - log_q)).sum(1)
    more = batch.extra["labelled"]
    stream = model.bound(more.x, more.c, model._noise(rng.at("stream").on(more)))
    stream = stream + model.alpha * _chosen(model.label_logits(more.x), more.c)
    return Terms(
        {
            "labelled": -_chosen(bounds, batch.c),
            "unlabelled": -unlabelled,
            "classification": -model.alpha * _chosen(log_q, batch.c),
            "stream": -stream,
        }
    )


def _chosen(values: Tensor, y: Tensor) -> Tensor:
    return values.gather(1, y.long().unsqueeze(1)).squeeze(1)


def known_label(batch: Batch) -> Tensor:
    """One where the label is known, shape (B,)."""
    return batch.c_known.to(torch.get_default_dtype())


def labelled_rows(source: Source) -> Source:
    """The rows of the split whose label is known."""
    return source.select(source.c_known.nonzero().squeeze(1))
