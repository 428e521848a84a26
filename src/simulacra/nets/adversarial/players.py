"""Builds the generator and the critic of an adversarial game by the name of the architecture.

A generator maps noise, of `noise_size` entries, and a condition, to (B, *shape) without output activation. A
critic maps (B, *shape), and a condition, to features (B, width); the model puts its output layer on top.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import nn

from simulacra.core.errors.suggestion import Refusal, build_with
from simulacra.nets.adversarial.dcgan import DCGANCritic, DCGANGenerator
from simulacra.nets.adversarial.mlp_players import MLPCritic, MLPGenerator
from simulacra.nets.adversarial.recurrent_players import RecurrentCritic, RecurrentGenerator, noise_size
from simulacra.nets.adversarial.residual_players import ResidualCritic, ResidualGenerator
from simulacra.nets.adversarial.sides import halvings, preferred_halvings
from simulacra.nets.adversarial.virtual import Virtual

Critic = MLPCritic | DCGANCritic | ResidualCritic | RecurrentCritic | Virtual
NETWORKS = ("auto", "mlp", "dcgan", "residual", "recurrent")
SMALLEST_IMAGE = 16  # smallest side for which "auto" takes convolutions


class Players(NamedTuple):
    """The generator and the critic that `build_players` returns."""

    generator: nn.Module
    critic: Critic


def build_players(
    network: str,
    latent: int,
    shape: Sequence[int],
    condition: int = 0,
    critic_condition: int = 0,
    hidden: Sequence[int] = (128, 128),
    channels: int = 64,
    normalization: str = "batch",
    critic_normalization: str = "batch",
    act: str = "relu",
    critic_act: str = "leaky-relu-0.2",
    dropout: float = 0.0,
    reference: int = 0,
    frame_size: int | None = None,
) -> Players:
    """Builds a generator and a critic for observations of one shape.

    Args:
        network: "mlp", "dcgan", "residual", "recurrent", or "auto": dcgan for images with sides of 16 or
            more that halve down to 3 to 7, mlp for all others.
        latent: size of the noise; of each frame of a recurrent network.
        shape: shape of the features of one observation.
        condition: entries of the generator's flattened condition; 0 without one.
        critic_condition: entries of the critic's flattened condition; 0 without one.
        hidden: sizes of the hidden layers of an mlp generator, which its critic mirrors; size of the state
            of both recurrent players, then of the generator's layers after it.
        channels: for dcgan the channels at the highest resolution, doubled at each halving; for residual the
            channels of every block; for recurrent those of the critic's first convolution, doubled in each.
        normalization: normalization of the generator: "batch", "virtual", "layer" or "none".
        critic_normalization: normalization of the critic.
        act: activation of the generator.
        critic_act: activation of the critic.
        dropout: dropout rate of the critic.
        reference: size of the reference batch of a network with "virtual" normalization, which is then
            returned as a `Virtual`.
        frame_size: steps that a recurrent generator makes at once; None: see `frame_of`.

    Raises:
        ValueError: if the network is unknown or does not fit the shape.

    Example:
        >>> G, D = build_players("auto", 5, (1, 28, 28), channels=4)
        >>> type(G).__name__, type(D).__name__, D.width
        ('DCGANGenerator', 'DCGANCritic', 392)
    """
    network = _chosen(network, shape)
    g = {"condition": condition, "normalization": normalization, "act": act, "reference": reference}
    d = {"condition": critic_condition, "normalization": critic_normalization, "act": critic_act}
    d |= {"dropout": dropout, "reference": reference}
    generator, critic = _built(network, latent, shape, hidden, channels, frame_size, g, d)
    if normalization == "virtual":
        generator = Virtual(generator, reference, (noise_size(generator, latent),), condition)
    if critic_normalization == "virtual":
        critic = Virtual(critic, reference, shape, critic_condition)
    return Players(generator, critic)


def _built(network, latent, shape, hidden, channels, frame_size, g: dict, d: dict) -> Players:
    """Builds both networks of an architecture with their options."""
    if network == "mlp":
        upwards = tuple(reversed(hidden))
        return Players(MLPGenerator(latent, hidden, shape, **g), MLPCritic(shape, upwards, **d))
    if network == "recurrent":
        G = RecurrentGenerator(latent, hidden, shape, frame_size, **g)
        return Players(G, RecurrentCritic(shape, hidden[0], channels, frame_size, **d))
    if network == "residual":
        return Players(ResidualGenerator(latent, shape, channels, **g), ResidualCritic(shape, channels, **d))
    down = [channels * 2**i for i in range(halvings(shape))]
    return Players(DCGANGenerator(latent, shape, down[::-1], **g), DCGANCritic(shape, down, **d))


def _chosen(network: str, shape: Sequence[int]) -> str:
    """Returns the architecture, with "auto" resolved, after checking that it fits the shape."""
    if network not in NETWORKS:
        raise ValueError(f"network is {network!r}; possible are {', '.join(map(repr, NETWORKS))}.")
    if network == "auto":
        image = len(shape) == 3 and min(shape[1:]) >= SMALLEST_IMAGE
        return "dcgan" if image and preferred_halvings(shape) is not None else "mlp"
    if network == "recurrent":
        _check_steps(shape)
    elif network != "mlp" and len(shape) != 3:
        dense = build_with(network="mlp")
        raise Refusal(
            f"network={network!r} needs images (C, H, W), but the space has the shape {tuple(shape)}: use "
            f"{dense}.",
            dense,
        )
    return network


def _check_steps(shape: Sequence[int]) -> None:
    """Raises ValueError unless an observation is a wave (T,) or a sequence of frames (T, d)."""
    if len(shape) in (1, 2):
        return
    images = [] if len(shape) != 3 or preferred_halvings(shape) is None else [build_with(network="dcgan")]
    ways = [*images, build_with(network="mlp")]
    raise Refusal(
        f"network='recurrent' needs waves (T,) or sequences (T, d), but the space has the shape "
        f"{tuple(shape)}: use {' or '.join(map(str, ways))}.",
        *ways,
    )
