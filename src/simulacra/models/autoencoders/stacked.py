"""The stacked autoencoder: layers are trained greedily, each on the codes of the one below, then fine-tuned.

    layer l:    min |h_(l-1) - g_l(f_l(h~_(l-1)))|^2,   h_0 = features of x     (1)
    fine-tune:  min |h_0 - g_1(...g_L(f_L(...f_1(h~_0))))|^2                    (2)

h~ is h after a corruption, or h itself. The codes h_(l-1) = f_(l-1)(...f_1(h_0)) that layer l sees are those
of the clean x; h~_0 are the features of a corrupted x.

Reference: Bengio, Lamblin, Popovici and Larochelle 2007; Vincent et al. 2010 (corruption). Rows D3, D7.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

from torch import Tensor, nn

from simulacra.core.batch import Batch, Terms
from simulacra.core.capabilities.general import Decodes, Denoises, Encodes
from simulacra.core.corruption.corruption import Corruption
from simulacra.core.corruption.parse import parse
from simulacra.core.model import Model
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Real, Space
from simulacra.core.updates import Epochs, Stage, Update
from simulacra.nets.layers import activation as activation_layer


class StackedAutoencoder(Model, Encodes, Decodes, Denoises):
    """Autoencoder that is trained layer by layer and then fine-tuned; with corruptions it denoises.

    Args:
        space: space of one observation.
        layers: sizes of the codes, from bottom to top.
        activation: activation of every layer but the top code and the output.
        corruption: noise in the input of each layer, such as `mask:0.3`: one for all layers, or one for each.
            That of the first layer is also that of fine-tuning, and the one which the model removes.

    Raises:
        ValueError: if `layers` is empty, there is not one corruption for each layer, or one does not fit.

    Example:
        >>> from simulacra.core.spaces.plain import Binary
        >>> model = StackedAutoencoder(Binary((8,)), layers=(6, 3))
        >>> [model.stage(i, []).name for i in range(3)]
        ['layer-1', 'layer-2', 'fine-tune']
    """

    length = Epochs(20)

    def __init__(
        self,
        space: Space,
        layers: tuple[int, ...] = (128, 32),
        activation: str = "tanh",
        corruption: str | tuple[str, ...] = "none",
        *,
        seed: int = 0,
    ):
        super().__init__(space)
        if not layers:
            raise ValueError("layers is empty, but a stacked autoencoder needs at least one code size.")
        self.seen = [space, *(Real((size,)) for size in layers[:-1])]
        self.noises = _corruptions(corruption, self.seen)
        self.corruption = self.noises[0]
        if self.corruption is None:
            self.remove(Denoises)
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
            view = partial(codes_below, level=i) if i else None
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

    def clean(self, x: Tensor, rng: Rng, c: Tensor | None = None, level: float | None = None) -> Tensor:
        """Returns the reconstruction of x~, or less of it for noise of a smaller level, shape (B, *).

        Args:
            x: corrupted observations x~, shape (B, *).
            rng: not used.
            c: not used.
            level: amount of the corruption; None: that of training.
        """
        assert self.corruption is not None
        return self.corruption.cleaned(x, self.emit(self.infer(x)), level)

    def _decode(self, h: Tensor) -> Tensor:
        for layer in reversed(self.down):
            h = layer(h)
        return h

    def _corrupted(self, x: Tensor, rng: Rng, level: int) -> Tensor:
        """Returns x, or the codes below a layer, with the noise of that layer."""
        noise = self.noises[level]
        return x if noise is None else noise.apply(x, rng, self.seen[level])


def _corruptions(given: str | tuple[str, ...], spaces: list[Space]) -> list[Corruption | None]:
    """Returns the corruption of each layer's input."""
    texts = [given] * len(spaces) if isinstance(given, str) else list(given)
    if len(texts) != len(spaces):
        raise ValueError(
            f"corruption has {len(texts)} entries, but there are {len(spaces)} layers: give one for each, or "
            "one text for all."
        )
    found = [parse(text) for text in texts]
    for noise, space in zip(found, spaces):
        if noise is not None:
            noise.space(space)
    return found


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
        batch: codes of the layers below, shape (B, size); for level 0 observations.
        rng: generator of the corruption.
        level: number of the layer, from 0.
    """
    noisy = model._corrupted(batch.x, rng, level)
    h, noisy = (t if level else model.features(t).flatten(1) for t in (batch.x, noisy))
    return Terms({"reconstruction": (h - model.down[level](model.up[level](noisy))).square().sum(1)})


def whole_error(model: StackedAutoencoder, batch: Batch, rng: Rng) -> Terms:
    """Computes equation (2), per example."""
    target = model.features(batch.x).flatten(1)
    out = model._decode(model.infer(model._corrupted(batch.x, rng, 0)))
    return Terms({"reconstruction": (target - out).square().sum(1)})
