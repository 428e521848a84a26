"""Encoders and decoders by name, built from the shapes of a space, or the user's own, checked."""

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
) -> nn.Module:
    """An encoder from the features of `space` to `out` numbers.

    Args:
        net: `mlp` (hidden: layer sizes) or `conv` (hidden: channels after each halving).
        beside: number of further inputs behind those of the condition.
    """
    size = (math.prod(condition.features_shape) if condition else 0) + beside
    if _convolves(net, space):
        return ConvEncoder(space.features_shape, hidden, out, size, act)
    return MLPEncoder(space.features_shape, hidden, out, size, act, dropout)


def build_decoder(
    space: Space,
    code: int,
    output: tuple[int, ...],
    net: str,
    hidden: Sequence[int],
    condition: Space | None,
    act: str,
    dropout: float = 0.0,
) -> nn.Module:
    """A decoder from codes to (B, *output), mirroring `build_encoder`."""
    size = math.prod(condition.features_shape) if condition else 0
    if _convolves(net, space):
        return ConvDecoder(code, hidden, output, size, act)
    return MLPDecoder(code, list(reversed(hidden)), output, size, act, dropout)


def default_net(space: Space, net: str, hidden: tuple[int, ...] | None) -> tuple[str, tuple[int, ...]]:
    """Convolutions for images with a side of 16 or more, otherwise two layers: of 128 for a table on normal
    scores, of 256 for other data."""
    if net == "auto":
        net = "conv" if space.image and min(space.shape[1:]) >= 16 else "mlp"
    if hidden is not None:
        return net, tuple(hidden)
    small = isinstance(space, Table) and space.scored is not None
    return net, (32, 64, 128) if net == "conv" else (128, 128) if small else (256, 256)


def _convolves(net: str, space: Space) -> bool:
    if net not in ("mlp", "conv"):
        raise ValueError(f"net is {net!r}; possible are 'mlp' and 'conv'.")
    if net == "conv" and len(space.shape) != 3:
        dense = build_with(net="mlp")
        raise Refusal(f"net='conv' needs images (C, H, W), but the space is {space}; use {dense}.", dense)
    return net == "conv"


def check_network(
    what: str, network: nn.Module, inputs: tuple[Sequence[int], ...], wanted: Sequence[int]
) -> None:
    """Raise ValueError unless `network` maps zeros of the shapes `inputs` to `wanted`.

    Args:
        what: `encoder` or `decoder`, named in the error.
        inputs: shapes without the batch dimension.
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
