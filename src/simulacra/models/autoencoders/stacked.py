"""The stacked autoencoder: layers are trained greedily, each on the codes of the one below, then fine-tuned.

    layer l:    min |h_(l-1) - g_l(f_l(h_(l-1)))|^2,   h_0 = features of x      (1)
    fine-tune:  min |h_0 - g_1(...g_L(f_L(...f_1(h_0))))|^2                     (2)

Reference: Bengio, Lamblin, Popovici and Larochelle 2007.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

from torch import Tensor, nn

from simulacra.core.batch import Batch, Terms
from simulacra.core.capabilities.general import Decodes, Encodes
from simulacra.core.model import Model
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Epochs, Stage, Update
from simulacra.nets.layers import activation as activation_layer


class StackedAutoencoder(Model, Encodes, Decodes):
    """Autoencoder that is trained layer by layer and then fine-tuned.

    Args:
        space: space of one observation.
        layers: sizes of the codes, from bottom to top.
        activation: activation of every layer but the top code and the output.

    Raises:
        ValueError: if `layers` is empty.

    Example:
        >>> from simulacra.core.spaces.plain import Binary
        >>> model = StackedAutoencoder(Binary((8,)), layers=(6, 3))
        >>> [model.stage(i, []).name for i in range(3)]
        ['layer-1', 'layer-2', 'fine-tune']
    """

    length = Epochs(20)

    def __init__(
        self, space: Space, layers: tuple[int, ...] = (128, 32), activation: str = "tanh", *, seed: int = 0
    ):
        super().__init__(space)
        if not layers:
            raise ValueError("layers is empty, but a stacked autoencoder needs at least one code size.")
        sizes = [math.prod(space.features_shape), *layers]
        self.code_size, top = layers[-1], len(layers) - 1
        act = lambda wanted: activation_layer(activation) if wanted else nn.Identity()
        self.up = nn.ModuleList(
            nn.Sequential(nn.Linear(a, b), act(i < top)) for i, (a, b) in enumerate(zip(sizes, layers))
        )
        self.down = nn.ModuleList(
            nn.Sequential(nn.Linear(b, a), act(i > 0)) for i, (a, b) in enumerate(zip(sizes, layers))
        )

    def stage(self, i: int, past: list) -> Stage | None:
        """Returns stage i: one for each layer, then one that fine-tunes all.

        Args:
            i: index of the stage, from 0.
            past: not used.
        """
        if i < len(self.up):
            params = (f"up.{i}.", f"down.{i}.")
            loss = partial(layer_error, level=i)
            view = partial(codes_below, level=i)
            return Stage(f"layer-{i + 1}", [Update("layer", params, loss)], self.length, view=view)
        if i == len(self.up):
            return Stage("fine-tune", [Update("all", ("",), whole_error)], self.length)
        return None

    def infer(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns the top code, shape (B, latent).

        Args:
            x: observations, shape (B, *).
            c: not used.
        """
        h = self.features(x).flatten(1)
        for layer in self.up:
            h = layer(h)
        return h

    def emit(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns the reconstruction in the units of x, shape (B, *).

        Args:
            z: codes, shape (B, latent).
            c: not used.
        """
        h = self._decode(z)
        return self.space.from_features(h.unflatten(1, self.space.features_shape))

    def _decode(self, h: Tensor) -> Tensor:
        for layer in reversed(self.down):
            h = layer(h)
        return h


def codes_below(model: StackedAutoencoder, batch: Batch, rng: Rng, level: int) -> Batch:
    """Returns the batch with the codes h_(l-1) instead of x.

    Args:
        model: the autoencoder.
        batch: rows of data.
        rng: not used.
        level: number of layers to encode with, from 0.
    """
    h = model.features(batch.x).flatten(1)
    for layer in list(model.up)[:level]:
        h = layer(h)
    return replace(batch, x=h)


def layer_error(model: StackedAutoencoder, batch: Batch, rng: Rng, level: int) -> Terms:
    """Computes equation (1) of one layer, per example.

    Args:
        model: the autoencoder.
        batch: codes of the layers below, shape (B, size).
        rng: not used.
        level: number of the layer, from 0.
    """
    h = batch.x
    return Terms({"reconstruction": (h - model.down[level](model.up[level](h))).square().sum(1)})


def whole_error(model: StackedAutoencoder, batch: Batch, rng: Rng) -> Terms:
    """Computes equation (2), per example."""
    target = model.features(batch.x).flatten(1)
    out = model._decode(model.infer(batch.x))
    return Terms({"reconstruction": (target - out).square().sum(1)})
