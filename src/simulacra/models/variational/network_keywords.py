"""Keywords of the latent variable models that their subclasses hand on, with types."""

from __future__ import annotations

from typing import Literal, TypedDict

from torch import nn

LikelihoodName = Literal[
    "auto",
    "bernoulli",
    "gaussian",
    "logistic",
    "logistic-mixture",
    "categorical",
    "log-normal",
    "poisson",
    "negative-binomial",
    "cumulative-logit",
    "interval-gaussian",
    "interval-mixture",
    "fields",
]


class ObservationKeywords(TypedDict, total=False):
    """Options of `LatentVariableModel` that say what p(x|z) is, and networks of one's own."""

    likelihood: LikelihoodName
    scale: float | None
    mixtures: int
    gaps: bool
    encoder: nn.Module | None
    decoder: nn.Module | None


class NetworkKeywords(ObservationKeywords, total=False):
    """The keywords of `LatentVariableModel`; a test compares the two."""

    hidden: tuple[int, ...] | None
    net: Literal["auto", "mlp", "conv"]
    activation: str
    dropout: float | None
