"""Builds the networks of a game from the options of a model.

Reference: Radford et al. 2015; Kwak and Zhang 2016; Salimans et al. 2016. Rows F12, F13, F14, F17, F23, G2,
G4.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, get_args

import torch
from torch import nn

from simulacra.core.errors.suggestion import Refusal, build_with
from simulacra.core.model import defaults_of
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Source, Stage
from simulacra.models.adversarial.game.discriminator import CONDITIONINGS, EMBEDDED, Discriminator, Embedded
from simulacra.nets.adversarial.players import build_players
from simulacra.nets.adversarial.virtual import Virtual

Network = Literal["auto", "mlp", "dcgan", "residual", "recurrent"]
Normalization = Literal["batch", "virtual", "layer", "none"]
REFERENCE = 64  # size of the reference batch of virtual batch normalization


def build(
    space: Space,
    condition: Space | None,
    latent: int,
    network: str = "auto",
    hidden: Sequence[int] = (128, 128),
    channels: int = 64,
    conditioning: str = "concatenation",
    normalization: str = "batch",
    critic_normalization: str = "batch",
    activation: str = "relu",
    critic_activation: str = "leaky-relu-0.2",
    dropout: float = 0.0,
    minibatch_kernels: int = 0,
    bias: bool = True,
    frame_size: int | None = None,
) -> tuple[nn.Module, Discriminator]:
    """Builds generator and discriminator.

    Args:
        space: space of one observation, which gives the shape of the features.
        condition: space of the condition, or None.
        latent: size of the noise z.
        network: `mlp`, `dcgan`, `residual` or `recurrent` (an LSTM for waves and sequences, against
            convolutions and a GRU); `auto` takes `dcgan` for images of side 16 or more, else `mlp`.
        hidden: sizes of the hidden layers of an `mlp`.
        channels: channels of the convolutional layers next to the image.
        conditioning: `concatenation`, `embedding`, `auxiliary` or `projection`; ignored without a condition.
        normalization: normalization of the generator: `batch`, `virtual`, `layer` or `none`.
        critic_normalization: normalization of the discriminator.
        activation: activation of the generator's hidden layers.
        critic_activation: activation of the discriminator's hidden layers.
        dropout: dropout rate of the discriminator; it stays on during the generator's updates.
        minibatch_kernels: number of kernels of minibatch discrimination; 0 disables it.
        bias: if True, the score has a bias.
        frame_size: steps that a `recurrent` generator makes at once; None: see `frame_of`.

    Raises:
        ValueError: if an option is unknown, or does not fit the space or the condition.
    """
    for name, kind in (("normalization", normalization), ("critic_normalization", critic_normalization)):
        if kind not in get_args(Normalization):  # an mlp of one layer would ignore it
            raise ValueError(f"{name} is {kind!r}; choose from {', '.join(get_args(Normalization))}.")
    size, how = _condition(condition, conditioning), conditioning if condition is not None else None
    inside = EMBEDDED if how == "embedding" else size
    of_G = inside if how else 0
    of_D = inside if how in ("concatenation", "embedding") else 0
    players = build_players(
        network,
        latent,
        space.features_shape,
        condition=of_G,
        critic_condition=of_D,
        hidden=hidden,
        channels=channels,
        normalization=normalization,
        critic_normalization=critic_normalization,
        act=activation,
        critic_act=critic_activation,
        dropout=dropout,
        reference=REFERENCE if "virtual" in (normalization, critic_normalization) else 0,
        frame_size=frame_size,
    )
    G: nn.Module = players.generator
    body: nn.Module = players.critic
    if how == "embedding":
        G, body = Embedded(G, size), Embedded(body, size)
    return G, Discriminator(body, how, size, minibatch_kernels, bias)


def _condition(condition: Space | None, conditioning: str) -> int:
    """Returns the number of entries of the flattened condition, after checking `conditioning`."""
    if conditioning not in CONDITIONINGS:
        raise ValueError(f"conditioning is {conditioning!r}; choose from {', '.join(CONDITIONINGS)}.")
    if condition is None:
        return 0
    if conditioning == "auxiliary" and not isinstance(condition, Categorical):
        ways = [build_with(conditioning=how) for how in ("concatenation", "embedding", "projection")]
        raise Refusal(
            f"conditioning='auxiliary' predicts a class, but the condition is {condition}: take {ways[0]}, "
            f"{ways[1]} or {ways[2]}.",
            *ways,
        )
    return math.prod(condition.features_shape)


def with_references(model: Any, stage: Stage | None) -> Stage | None:
    """Returns the stage, with `set_references` as its start if the model has virtual batch normalization.

    Args:
        model: a `Game`.
        stage: the stage to change, or None.
    """
    if stage is None or not any(isinstance(module, Virtual) for module in model.modules()):
        return stage
    stage.start = set_references
    return stage


def set_references(model: Any, source: Source, rng: Rng) -> None:
    """Sets the reference batches of virtual batch normalization: rows of data for D, prior draws for G.

    Args:
        model: a `Game`.
        source: the training split.
        rng: chooses the rows and draws z.

    Raises:
        ValueError: if the split has fewer rows than a reference batch.
    """
    n = next(len(module.reference) for module in model.modules() if isinstance(module, Virtual))
    if len(source) < n:
        virtual = [name for name, value in _arguments(model).items() if value == "virtual"]
        ways = [build_with(**dict.fromkeys(virtual, name)) for name in ("layer", "batch")]
        raise Refusal(
            f"virtual batch normalization needs {n} rows of data as its reference batch, but the training "
            f"split has {len(source)}: take {ways[0]} or {ways[1]}.",
            *ways,
        )
    rows = rng.on(range(n))
    batch = source.batch(rng.permutation("reference", len(source))[:n], rows).to(model.device)
    c = model.given(batch.c)
    inputs = {"D": model.seen(batch.x), "G": model.prior(rows, "reference z")}
    for player, h in inputs.items():
        network = getattr(model, player)
        for module in network.modules():
            if isinstance(module, Virtual):
                module.set_reference(h, _as_given(network, c))


def _arguments(model: Any) -> dict[str, Any]:
    """Returns the constructor's arguments with their defaults, by name."""
    return defaults_of(type(model)) | vars(model).get("arguments", {})


def _as_given(network: nn.Module, c: torch.Tensor | None) -> torch.Tensor | None:
    """Returns the condition in the form that the layers of the network receive: embedded or unchanged."""
    outer = network if isinstance(network, Embedded) else getattr(network, "body", None)
    return outer.embedding(c) if isinstance(outer, Embedded) and c is not None else c
