"""Builds encoders and decoders by name from the shapes of a space, and checks custom ones."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn

from simulacra.core.errors.suggestion import Refusal, build_with
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Space
from simulacra.nets.conv import ConvDecoder, ConvEncoder
from simulacra.nets.mlp import MLPDecoder, MLPEncoder


def build_encoder(
    space: Space,
    out: int,
    net: str,
    hidden: Sequence[int],
    condition: Space | None,
    act: str,
    dropout: float = 0.0,
    beside: int = 0,
    linear: bool = False,
) -> nn.Module:
    """Builds an encoder from the features of a space, and a condition, to vectors (B, out).

    Args:
        space: space of the observations.
        out: size of the output.
        net: `mlp` or `conv`.
        hidden: sizes of the hidden layers (`mlp`), or channels after each halving of the side (`conv`).
        condition: space of the condition, or None.
        act: activation of the hidden layers.
        dropout: dropout rate of the hidden layers (`mlp` only).
        beside: number of further inputs after those of the condition.
        linear: add a linear map of the inputs, which starts at zero (`mlp` only).

    Raises:
        ValueError: if the network is unknown, or `conv` is asked for data that are no images.
    """
    size = (math.prod(condition.features_shape) if condition else 0) + beside
    if convolves(net, space):
        return ConvEncoder(space.features_shape, hidden, out, size, act)
    return MLPEncoder(space.features_shape, hidden, out, size, act, dropout, linear)


def build_decoder(
    space: Space,
    code: int,
    output: tuple[int, ...],
    net: str,
    hidden: Sequence[int],
    condition: Space | None,
    act: str,
    dropout: float = 0.0,
    linear: bool = False,
) -> nn.Module:
    """Builds a decoder from codes (B, code), and a condition, to (B, *output), the mirror of `build_encoder`.

    Args:
        space: space of the observations.
        code: size of the code.
        output: shape of one output.
        net: `mlp` or `conv`.
        hidden: sizes or channels of the encoder, which are used in reverse.
        condition: space of the condition, or None.
        act: activation of the hidden layers.
        dropout: dropout rate of the hidden layers (`mlp` only).
        linear: add a linear map of the code, which starts at zero (`mlp` only).

    Raises:
        ValueError: if the network is unknown, or `conv` is asked for data that are no images.
    """
    size = math.prod(condition.features_shape) if condition else 0
    if convolves(net, space):
        return ConvDecoder(code, hidden, output, size, act)
    return MLPDecoder(code, list(reversed(hidden)), output, size, act, dropout, linear)


def default_net(space: Space, net: str, hidden: tuple[int, ...] | None) -> tuple[str, tuple[int, ...]]:
    """Returns the network and its hidden sizes, with defaults resolved.

    `auto` takes `conv` for images with a side of 16 or more, else `mlp`. The default sizes are channels of
    32, 64
    and 128 for `conv`, and two layers for `mlp`: of 128 for a table on normal scores, of 256 for other data.

    Args:
        space: space of the observations.
        net: `mlp`, `conv` or `auto`.
        hidden: sizes of the hidden layers; None takes the defaults.
    """
    if net == "auto":
        net = "conv" if space.image and min(space.shape[1:]) >= 16 else "mlp"
    if hidden is not None:
        return net, tuple(hidden)
    small = isinstance(space, Table) and space.scored is not None
    return net, (32, 64, 128) if net == "conv" else (128, 128) if small else (256, 256)


def convolves(net: str, space: Space) -> bool:
    """Returns True for `conv`, False for `mlp`.

    Args:
        net: name of the network.
        space: space of the observations.

    Raises:
        ValueError: if the network is unknown, or `conv` is asked for data that are no images.
    """
    if net not in ("mlp", "conv"):
        raise ValueError(f"net is {net!r}; possible are 'mlp' and 'conv'.")
    if net == "conv" and len(space.shape) != 3:
        dense = build_with(net="mlp")
        raise Refusal(f"net='conv' needs images (C, H, W), but the space is {space}; use {dense}.", dense)
    return net == "conv"


def check_network(
    what: str, network: nn.Module, inputs: tuple[Sequence[int], ...], wanted: Sequence[int]
) -> None:
    """Raises ValueError unless a network maps inputs of the given shapes to outputs of the wanted shape.

    Args:
        what: `encoder` or `decoder`, for the message.
        network: the network, which is called with zeros in eval mode.
        inputs: shapes of its arguments without the batch dimension.
        wanted: shape of its output without the batch dimension.
    """
    was = network.training
    network.eval()
    parameter = next(network.parameters(), torch.empty(0))
    zeros = [torch.zeros(2, *shape, dtype=parameter.dtype, device=parameter.device) for shape in inputs]
    try:
        with torch.no_grad():
            shape = tuple(network(*zeros).shape)
    except (RuntimeError, TypeError) as error:
        shapes = " and ".join(f"(B, {', '.join(map(str, s))})" for s in inputs)
        raise ValueError(f"the {what} does not take {shapes}: {str(error).splitlines()[0]}") from error
    finally:
        network.train(was)
    if shape != (2, *wanted):
        raise ValueError(
            f"the {what} gives shape (B, {', '.join(map(str, shape[1:]))}), but this model needs "
            f"(B, {', '.join(map(str, wanted))})."
        )
