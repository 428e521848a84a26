"""Output biases of a decoder at the start of training: those of independent entries with the data's means."""

from __future__ import annotations

from typing import Any

import torch

from simulacra.core.distributions.marginals import marginals
from simulacra.core.numerics import moments
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.composite import Table
from simulacra.core.updates import Source
from simulacra.nets.mlp import MLPDecoder


def bias_from_data(model: Any, source: Source, rng: Rng) -> None:
    """Initializes the output biases at the log-odds of each pixel's mean, as in Burda et al. 2015.

    Columns of a table start at their marginals. Other likelihoods, and decoders other than `MLPDecoder`, are
    not changed.

    Args:
        model: latent variable model with a `decoder` and a likelihood `head`.
        source: the training split.
        rng: random numbers of the preprocessing.
    """
    if not isinstance(model.decoder, MLPDecoder):
        return
    if isinstance(model.space, Table):
        found = [p.flatten() for p in marginals(model, source, rng)]
        model.decoder.output_bias.copy_(torch.cat(found))
    elif model.head.name == "bernoulli":
        p = moments.mean(model, source, rng, limit=2000).clamp(1e-3, 1 - 1e-3)
        model.decoder.output_bias.copy_(torch.logit(p))
