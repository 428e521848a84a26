"""The KL of a bound as training weighs it: annealed, and with free bits.

    loss = -E_q log p(x|z) + beta sum_i max(lambda, KL_i)                        (1)

KL_i is that of unit i of the code, in nats. beta rises from 0 to 1 over the first part of training. A
unit gains nothing by a KL below lambda, so it does not collapse to the prior before the decoder uses it. At
beta = 1 and lambda = 0 the loss is the negative bound.

Reference: Bowman et al. 2015, section 3.1 (annealing); Kingma et al., Improving Variational Inference with
Inverse Autoregressive Flow, 2016, section 2.3 and appendix C.8 (free bits, here of each row and unit).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from simulacra.core.batch import Terms
from simulacra.core.errors.suggestion import Refusal, build_with


class WeighsKL(Protocol):
    """A model that `weigh_kl` prepared.

    Args:
        kl_weight: beta of equation (1).
        kl_warmup: share of training over which it rises.
        free_bits: lambda, in nats.
    """

    kl_weight: Tensor
    kl_warmup: float
    free_bits: float


def weigh_kl(model: nn.Module, kl_warmup: float, free_bits: float) -> None:
    """Gives a model the weight of its KL, as a buffer, with the options that it depends on.

    Args:
        model: a model in its constructor.
        kl_warmup: share of training over which the weight rises linearly from 0 to 1; 0: it is 1.
        free_bits: KL of each unit that costs nothing, in nats.

    Raises:
        ValueError: if the share lies outside [0, 1], or the free bits are negative.
    """
    warm_up_kl(model, kl_warmup)
    if not 0 <= free_bits < float("inf"):
        none = build_with(free_bits=0)
        raise Refusal(f"free_bits is {free_bits}, but a KL is never negative: take {none}, or 0.1.", none)
    settings: Any = model
    settings.free_bits = free_bits


def warm_up_kl(model: nn.Module, kl_warmup: float) -> None:
    """Gives a model the weight of its KL, as a buffer, and the share of training over which it rises.

    Args:
        model: a model in its constructor.
        kl_warmup: share of training over which the weight rises linearly from 0 to 1; 0: it is 1.

    Raises:
        ValueError: if the share lies outside [0, 1].
    """
    if not 0 <= kl_warmup <= 1:
        raise ValueError(f"kl_warmup is {kl_warmup}, but a share of training lies in [0, 1].")
    settings: Any = model
    settings.kl_warmup = kl_warmup
    # a buffer, because `anneal` changes it between steps
    model.register_buffer("kl_weight", torch.tensor(0.0 if kl_warmup else 1.0))


def bound_terms(model: WeighsKL, reconstruction: Tensor, kl: Tensor, closed: Tensor | None = None) -> Terms:
    """Returns the terms of equation (1), and logs the bound itself.

    Args:
        model: supplies the weight of the KL and the free bits.
        reconstruction: -log p(x|z), in nats, shape (B,).
        kl: KL of each unit, or an estimate of it, in nats, shape (B, latent).
        closed: exact KL of each unit, which is compared with the free bits where `kl` is an estimate, shape
            of `kl`; None: `kl` is exact.
    """
    total = paid = kl.sum(1)
    if model.free_bits:
        # (1)
        charged = (kl if closed is None else closed) > model.free_bits
        paid = torch.where(charged, kl, torch.full_like(kl, model.free_bits)).sum(1)
    loss = {"reconstruction": reconstruction, "kl": model.kl_weight * paid}
    return Terms(loss, {"elbo": -(reconstruction + total).detach()})


def anneal(model: WeighsKL, terms: Mapping[str, Tensor], progress: float) -> None:
    """Increases the weight of the KL linearly over the first `kl_warmup` of training.

    Args:
        model: the model whose `kl_weight` is set.
        terms: logged means of the update; not used.
        progress: share of training that is done, from 0 to 1.
    """
    if model.kl_warmup:
        model.kl_weight.fill_(min(1.0, progress / model.kl_warmup))
