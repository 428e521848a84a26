"""Chooses encoder and decoder of codes by the space, as a VAE chooses its networks."""

from __future__ import annotations

import math

from simulacra.core.errors.suggestion import Refusal, build_with
from simulacra.core.spaces.plain import Space
from simulacra.nets.code_maps import ListDecoder, ListEncoder, MapDecoder, MapEncoder
from simulacra.nets.coders import convolves, default_net

CODES = 16  # codes of a row that is no map
CHANNELS = (32, 64)

Coders = tuple[MapEncoder | ListEncoder, MapDecoder | ListDecoder]


def code_coders(
    space: Space,
    condition: Space | None,
    latent: int,
    codes: int | None,
    output: tuple[int, ...],
    net: str,
    hidden: tuple[int, ...] | None,
    act: str,
) -> Coders:
    """Returns an encoder from features to codes (B, T, latent), and a decoder from there to (B, *output).

    Args:
        space: space of the observations.
        condition: space of the decoder's condition, or None.
        latent: size of a code.
        codes: number of codes with `mlp`; None: `CODES`.
        output: shape of one output of the decoder.
        net: `auto`, `mlp` or `conv`.
        hidden: layer sizes or channels; None: the defaults.
        act: activation of the hidden layers.

    Raises:
        ValueError: if the network is unknown or does not fit the space, or `codes` is given beside a map.
    """
    kind, sizes = default_net(space, net, hidden)
    size = math.prod(condition.features_shape) if condition else 0
    if not convolves(kind, space):
        T = CODES if codes is None else codes
        encoder = ListEncoder(space.features_shape, sizes, T, latent, act)
        return encoder, ListDecoder(T, latent, sizes, output, size, act)
    if codes is not None:
        dense = build_with(net="mlp")
        raise Refusal(
            f"codes is {codes}, but net='conv' has a code for each place of its map: leave codes= out, or "
            f"take {dense}.",
            dense,
        )
    channels = CHANNELS if hidden is None else sizes
    maps = MapEncoder(space.features_shape, channels, latent, act=act)
    return maps, MapDecoder(latent, channels, output, size, act=act)
