"""The stacked denoising autoencoder: each layer rebuilds clean codes from corrupted ones.

    layer l:  min |h - g_l(f_l(drop(h + s e)))|^2,  h = f_(l-1)(...f_1(x))     (1)
    whole:    min |x - g_1(...g_L(f_L(...f_1(x + s e))))|^2                    (2)

What strains the contract: dropout inside the layers, noise in the loss, a start that sets biases
from the data, and greedy stages over the codes of the layer below.

Reference: Vincent et al. 2010.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn

from simulacra.core.batch import Batch, Terms
from simulacra.core.capabilities.general import Decodes, Encodes
from simulacra.core.model import Model
from simulacra.core.optimizers import SGD
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Epochs, Source, Stage, Update
from simulacra.nets.layers import Dropout


class StackedDenoising(Model, Encodes, Decodes):
    """Stacked denoising autoencoder.

    Args:
        space: what one observation is.
        layers: sizes of the codes.
        scale: s, standard deviation of the corruption.
        dropout: share of a layer's inputs that is dropped.
    """

    length = Epochs(3)

    def __init__(
        self, space: Space, layers: tuple[int, ...] = (11, 3), scale: float = 0.3, dropout: float = 0.2
    ):
        super().__init__(space)
        sizes = [space.dims, *layers]
        self.code_size, self.scale = layers[-1], scale
        pairs = list(zip(sizes, layers))
        self.up = nn.ModuleList(nn.Sequential(Dropout(dropout), nn.Linear(a, b), nn.Tanh()) for a, b in pairs)
        self.down = nn.ModuleList(nn.Linear(b, a) for a, b in pairs)

    def stage(self, i: int, past: list) -> Stage | None:
        """A stage for each layer, then one for all."""
        momentum = SGD(lr=0.005, momentum=0.9)
        if i < len(self.up):
            loss, view = partial(layer_error, level=i), partial(codes_below, level=i)
            update = Update("layer", (f"up.{i}.", f"down.{i}."), loss, optimizer=momentum)
            start = begin_at_mean if i == 0 else None
            return Stage(f"layer-{i + 1}", [update], self.length, start=start, view=view)
        whole = Update("all", ("",), whole_error, optimizer=momentum)
        return Stage("whole", [whole], self.length) if i == len(self.up) else None

    def infer(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """The top code, shape (B, latent)."""
        return self._up(self.features(x).flatten(1), len(self.up))

    def emit(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """The reconstruction, shape (B, *)."""
        return self._down(z).unflatten(1, self.space.shape)

    def _up(self, h: Tensor, levels: int) -> Tensor:
        for layer in self.up[:levels]:
            h = layer(h)
        return h

    def _down(self, h: Tensor) -> Tensor:
        for layer in reversed(self.down):
            h = layer(h)
        return h


def begin_at_mean(model: StackedDenoising, source: Source, rng: Rng) -> None:
    """The output's bias is the mean of the data."""
    rows = rng.on(range(len(source)))
    batch = source.batch(torch.arange(len(source)), rows)
    model.down[0].bias.copy_(model.features(batch.x).flatten(1).mean(0))


def codes_below(model: StackedDenoising, batch: Batch, rng: Rng, level: int) -> Batch:
    """The batch with the codes of the layer below in place of x."""
    return replace(batch, x=model._up(model.features(batch.x).flatten(1), level))


def layer_error(model: StackedDenoising, batch: Batch, rng: Rng, level: int) -> Terms:
    """Equation (1), per example."""
    h = batch.x
    noisy = h + model.scale * rng.normal("corrupt", *h.shape[1:], dtype=h.dtype)
    return Terms({"error": (h - model.down[level](model.up[level](noisy))).square().sum(1)})


def whole_error(model: StackedDenoising, batch: Batch, rng: Rng) -> Terms:
    """Equation (2), per example."""
    x = model.features(batch.x).flatten(1)
    noisy = x + model.scale * rng.normal("corrupt", *x.shape[1:], dtype=x.dtype)
    return Terms({"error": (x - model._down(model._up(noisy, len(model.up)))).square().sum(1)})
