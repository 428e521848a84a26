"""Finds dead hidden units, which have the same value for every x, such as a ReLU that is always 0.

Hooks on all activations (modules of `torch.nn.modules.activation`) record values while held-out rows pass
through the model, and while its decoder decodes codes drawn from the prior. A unit u of a layer is dead if

    max_x h_u(x) - min_x h_u(x) <= 1e-6 max |h|                                  (1)

over all rows and positions: it passes no gradient and carries no information. The axis of the units depends
on the layer before: the last axis after a fully connected layer, axis 1 (channels) after a convolution. If a
model has no such modules and its code is a layer of hidden units, the entries of the code are tested.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from simulacra.core.capabilities import general as can
from simulacra.core.inputs.chunks import Rows
from simulacra.core.interface import evaluating
from simulacra.core.model import Model
from simulacra.core.scores.likelihood import observed
from simulacra.data.dataset import Dataset
from simulacra.evaluation.rows import blocks, count

ROWS = 500
FEWEST = 50  # with fewer rows, a selective unit may be inactive by chance
STILL = 1e-6  # largest range of a dead unit, relative to the largest activation of the layer
# largest deviation of a dead entry of a code, relative to the largest one: codes are not cut off at 0 exactly
STILL_CODE = 1e-3
CONVOLUTIONS = (
    *(nn.Conv1d, nn.Conv2d, nn.Conv3d),
    *(nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d),
)
NOT_WATCHED = (nn.MultiheadAttention, nn.Softmax, nn.LogSoftmax, nn.Softmin, nn.Softmax2d)


@dataclass(frozen=True)
class Layer:
    """Dead units of one layer.

    Args:
        name: name of the module, or `code`.
        dead: number of dead units.
        size: number of units.
    """

    name: str
    dead: int
    size: int


def dead_units(
    model: Model, data: Dataset, split: str = "test", seed: int = 0, limit: int | None = ROWS
) -> list[Layer]:
    """Applies equation (1) to at most 500 rows of `split`.

    Args:
        model: trained model.
        data: data set.
        split: `train`, `valid` or `test`.
        seed: seed of the choice of rows and of all draws.
        limit: largest number of rows; None: 500.

    Returns:
        the layers with activations; empty for fewer than `FEWEST` rows.

    Example:
        >>> import simulacra
        >>> data = simulacra.load_data("ring")
        >>> model = simulacra.GAN(data.space, latent=2, hidden=(30,))
        >>> [(layer.dead < 15, layer.size) for layer in dead_units(model, data)]
        [(True, 30), (True, 30)]
    """
    n = min(count(data[split], limit), ROWS)
    if n < FEWEST:
        return []
    with evaluating(model), _recorded(model) as watch:
        for block in blocks(model, data[split], seed, n):
            codes = _run_networks(model, block)
    layers = [Layer(name, r.dead, r.size) for (name, _, _), r in watch.seen.items() if r.size > 1]
    if not layers and codes is not None and codes.shape[1] > 1:
        spread = codes.flatten(1).double().std(0)
        still = spread <= STILL_CODE * spread.max()
        layers.append(Layer("code", int(still.sum()), len(still)))
    return layers


def _run_networks(model: Model, block: Rows) -> Tensor | None:
    """Runs all networks of the model on rows; returns codes if it encodes without a posterior."""
    gaps, codes = observed(block.known), None
    if model.supports(can.HasBound) and not model.supports(can.HasEnergy):
        can.able(model, can.HasBound).elbo(block.y, block.c, block.rng, **gaps)
    elif (
        model.supports(can.HasDensity)
        and not model.supports(can.HasEnergy)
        and not model.supports(can.HasPartitionFunctions)
    ):
        can.able(model, can.HasDensity).log_density(block.y, block.c, **gaps)
    elif model.supports(can.HasEnergy):
        can.able(model, can.HasEnergy).free_energy(block.y, block.c)
    if model.supports(can.HasCritic):
        can.able(model, can.HasCritic).critic_score(block.y, block.c)
    if model.supports(can.Encodes) and not model.supports(can.HasPosterior):
        codes = can.able(model, can.Encodes).infer(block.y, block.c, **gaps)
    if model.supports(can.HasPrior):
        # key the noise by position, so that equal rows get different codes
        prior = can.able(model, can.HasPrior)
        prior.emit(prior.prior(block.rng.on(range(len(block.y)))), block.c)
    elif model.supports(can.Decodes) and codes is not None:
        can.able(model, can.Decodes).emit(codes, block.c)
    return codes


@dataclass
class _Ranges:
    """Smallest and largest activation of each unit so far."""

    least: Tensor
    most: Tensor

    @property
    def size(self) -> int:
        return len(self.least)

    @property
    def dead(self) -> int:
        largest = float(torch.maximum(self.least.abs(), self.most.abs()).max())
        return int((self.most - self.least <= STILL * largest).sum())


@dataclass
class _Recorder:
    """Records of the forward hooks.

    Args:
        seen: ranges by activation, layer before it, and number of units, as one module may serve several
            layers.
        before: name, axis of the units and number of units of the layer that ran last.
    """

    seen: dict[tuple[str, str, int], _Ranges] = field(default_factory=dict)
    before: tuple[str, int, int] = ("", 1, 0)

    def ran(self, name: str, axis: int) -> Any:
        """Returns the forward hook of a layer with its units on `axis`."""

        def note(module: nn.Module, inputs: Any, h: Tensor) -> None:
            self.before = (name, axis, h.shape[axis])

        return note

    def activated(self, name: str) -> Any:
        """Returns the forward hook of an activation."""

        def note(module: nn.Module, inputs: Any, h: Tensor) -> None:
            if not h.numel():
                return
            before, axis, size = self.before
            rows = h.detach() if h.dim() > 1 else h.detach().unsqueeze(1)
            # if the tensor was reshaped after the layer, assume channels on axis 1
            rows = rows.movedim(axis if rows.shape[axis] == size else 1, -1).flatten(0, -2)
            least, most, place = rows.amin(0), rows.amax(0), (name, before, rows.shape[1])
            if place in self.seen:
                known = self.seen[place]
                least, most = torch.minimum(known.least, least), torch.maximum(known.most, most)
            self.seen[place] = _Ranges(least, most)

        return note


@contextlib.contextmanager
def _recorded(model: nn.Module) -> Iterator[_Recorder]:
    """Context with hooks on every activation and on the layers before them."""
    watch, hooks = _Recorder(), []
    for name, module in model.named_modules():
        if _is_activation(module):
            hooks.append(module.register_forward_hook(watch.activated(name)))
        elif isinstance(module, (nn.Linear, *CONVOLUTIONS)):
            axis = -1 if isinstance(module, nn.Linear) else 1
            hooks.append(module.register_forward_hook(watch.ran(name, axis)))
    try:
        yield watch
    finally:
        for hook in hooks:
            hook.remove()


def _is_activation(module: nn.Module) -> bool:
    kind = type(module)
    return kind.__module__ == "torch.nn.modules.activation" and not isinstance(module, NOT_WATCHED)
