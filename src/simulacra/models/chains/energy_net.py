"""The network f of an energy, without a constant: Z takes up every constant."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from simulacra.core.errors.suggestion import Refusal, build_with
from simulacra.core.spaces.plain import Space
from simulacra.nets.coders import build_encoder, check_network, default_net
from simulacra.nets.layers import activation as activation_of

KINKS = ("relu", "leaky-relu", "leaky-relu-0.2")


class Anchored(nn.Module):
    """A network minus its value at 0, so that the bias of its last layer changes nothing.

    Args:
        body: network from features (B, *) to (B, 1).

    Example:
        >>> Anchored(nn.Linear(2, 1))(torch.zeros(1, 2)).tolist()
        [[0.0]]
    """

    def __init__(self, body: nn.Module):
        super().__init__()
        self.body = body

    def forward(self, u: Tensor) -> Tensor:
        """Returns f(u) - f(0), shape (B, 1)."""
        f = self.body(torch.cat([u, torch.zeros_like(u[:1])]))
        return f[:-1] - f[-1:]


def energy_net(
    space: Space, net: str, hidden: tuple[int, ...] | None, activation: str, network: nn.Module | None
) -> nn.Module:
    """Returns f, from features (B, *) to (B, 1).

    Args:
        space: space of the observations.
        net: `mlp`, `conv` or `auto`.
        hidden: sizes of the hidden layers, or channels; None: the defaults.
        activation: activation of the hidden layers.
        network: custom network; None builds one.

    Raises:
        ValueError: if there is no hidden layer, or a custom network does not fit.
    """
    if network is not None:
        check_network("network", network, (space.features_shape,), (1,))
        return Anchored(network)
    kind, sizes = default_net(space, net, hidden)
    if not sizes:
        usual = build_with(hidden=(256,))
        raise Refusal(f"hidden is (), but an energy without hidden layers is linear: use {usual}.", usual)
    body = build_encoder(space, sizes[-1], kind, sizes if kind == "conv" else sizes[:-1], None, activation)
    return nn.Sequential(body, activation_of(activation), nn.Linear(sizes[-1], 1, bias=False))


def check_smooth(activation: str) -> None:
    """Raises ValueError if the gradient of an activation is constant between kinks.

    Args:
        activation: name of the activation.
    """
    if activation in KINKS:
        smooth = build_with(activation="silu")
        raise Refusal(
            f"score matching learns the curvature of the energy, but {activation!r} has none: use {smooth}.",
            smooth,
        )
