"""The shared base of convolutional machines, whose layers share their filters over all positions of an image.

Over images v, layers of units h_1 .. h_L in blocks, and their pooling units p_l (`maps`):

    E(v, h) = -s b'v - c_1'h_1 - h_1'(W_1 * s v) - sum_(l > 1) c_l'h_l + h_l'(W_l * p_(l-1))      (1)

with one bias b for each channel, one c for each filter, and s the precision of the visible units: 1 for
binary ones, 1 / sd^2 for Gaussian ones. A layer receives input I from below and T from above; at most one
unit of a block is on:

    P(h_i = 1 | rest) = exp(I_i + T) / (1 + sum_j exp(I_j + T)),   T from above, on the whole block   (2)

With more than one layer the posterior does not factorize. It is approximated by the mean field
q(h) = prod q_l, a fixed point of (2) in means, which gives an upper bound on the free energy:

    F(v) <= E_q E(v, h) - H(q)                                                                     (3)

A sparsity target t adds a term for the biases c alone: the cross entropy between the rate t and q.

Reference: Lee, Grosse, Ranganath and Ng 2009; Salakhutdinov and Hinton 2009 (mean field); Lee, Ekanadham and
Ng 2008, Hinton 2010 section 11 (sparsity). Rows A13 to A15.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn

from simulacra.core.batch import Batch, Terms
from simulacra.core.capabilities.chains import ChainSampler
from simulacra.core.capabilities.general import Encodes, HasFilters
from simulacra.core.numerics import moments
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Real, Space
from simulacra.core.updates import Loss, Source, Update
from simulacra.models.boltzmann.convolutional.maps import Maps
from simulacra.models.boltzmann.machine.energy_model import Layers, Machine
from simulacra.models.boltzmann.machine.learning import Learning, check_at_least, check_scale
from simulacra.models.boltzmann.machine.units import Bernoulli, Gaussian, Units


class Convolutional(Machine, ChainSampler, Encodes, HasFilters):
    """Abstract base with equations (1) to (3); subclasses choose the layers and the stages.

    Args:
        space: space of binary or real images.
        names: names of the hidden layers, from bottom to top.
        maps: the hidden layers.
        scale: standard deviation of a pixel given the hidden units, for real images.
        learning: options of the estimator of the expectation under the model.
        burn_in: Gibbs sweeps for a sample, starting from independent units.
        mean_field_steps: mean field updates (2) of each layer.
        sparsity_target: wanted share t of positions at which a hidden unit is on; None has no target.
        sparsity_cost: weight of the sparsity term, for each position.
    """

    sharded = ("persistent",)

    def __init__(
        self,
        space: Space,
        names: tuple[str, ...],
        maps: Sequence[Maps],
        scale: float,
        learning: Learning,
        burn_in: int,
        mean_field_steps: int,
        sparsity_target: float | None,
        sparsity_cost: float,
    ):
        check_at_least(1, burn_in=burn_in, mean_field_steps=mean_field_steps)
        check_scale(scale)
        real = isinstance(space, Real)
        kinds: dict[str, Units] = {"v": Gaussian(scale) if real else Bernoulli()}
        kinds |= {name: layer.units for name, layer in zip(names, maps)}
        shapes = {"v": space.shape, **{name: layer.shape for name, layer in zip(names, maps)}}
        super().__init__(space, kinds, shapes, (names[::2], ("v", *names[1::2])), burn_in=burn_in)
        self.names, self.precision = names, scale**-2 if real else 1.0
        self.learning, self.mean_field_steps = learning, mean_field_steps
        self.sparsity_target, self.sparsity_cost = sparsity_target, sparsity_cost
        self.maps = cast(Any, nn.ModuleList(maps))
        self.b = nn.Parameter(torch.zeros(space.shape[0], 1, 1))
        learning.prepare(self)

    def player(self) -> Update:
        """Returns the only update: that of the learning, with the sparsity term if there is a target."""
        update = self.learning.update()
        if self.sparsity_target is None:
            return update
        return replace(update, loss=partial(with_sparsity, loss=update.loss))

    # ---- energy and fields

    def energy(self, layers: Layers, c: Tensor | None = None) -> Tensor:
        """Computes the energy E of equation (1) in nats, shape (B,).

        Args:
            layers: values of the layers by name, each (B, *).
            c: not used.
        """
        # (1)
        e = -self.precision * (layers["v"] * self.b).flatten(1).sum(1)
        for i, name in enumerate(self.names):
            e = e - (self._from_below(i, layers) * layers[name]).flatten(1).sum(1)
        return e

    def field(self, name: str, layers: Layers, c: Tensor | None = None) -> Tensor:
        """Returns s (b + the input of h_1) on v, or I + T of (2) on a hidden layer, shape (B, *).

        Args:
            name: name of the layer.
            layers: values of the layers by name, each (B, *).
            c: not used.
        """
        if name == "v":
            return self.precision * (self.b + self.maps[0].down(layers[self.names[0]]))
        i = self.names.index(name)
        field = self._from_below(i, layers)
        if i + 1 == len(self.names):
            return field
        above = self.maps[i + 1].down(layers[self.names[i + 1]])
        # (2)
        return field + self.maps[i].spread(above)

    def opened(self, layers: Layers, c: Tensor | None = None) -> tuple[Tensor, Layers]:
        """Returns E(r, 0), shape (B,), and the fields on the summed layers.

        Args:
            layers: values of the other layers by name, each (B, *).
            c: not used.
        """
        e = -self.precision * (layers["v"] * self.b).flatten(1).sum(1)
        for name, maps in zip(self.names[1::2], self.maps[1::2]):
            e = e - maps.biased(layers[name])
        return e, {name: self.field(name, layers) for name in self.summed}

    def _from_below(self, i: int, layers: Layers) -> Tensor:
        """Computes I of hidden layer i: its bias and its input from below."""
        if i == 0:
            return self.maps[0].up(self.precision * layers["v"])
        return self.maps[i].up(self.maps[i - 1].pooled(layers[self.names[i - 1]]))

    # ---- inference

    def posterior_fields(self, v: Tensor) -> Layers:
        """Computes the fields I + T of q in (3) on each hidden layer by mean field."""
        means = {name: v.new_zeros(v.shape[0], *self.shapes[name]) for name in self.names}
        fields = {}
        for _ in range(self.mean_field_steps):
            for name in self.names:
                # (2)
                fields[name] = self.field(name, {"v": v, **means})
                means[name] = self.units[name].mean(fields[name])
        return fields

    def positive(self, batch: Batch, rng: Rng) -> Tensor:
        """Computes the bound (3) of the data in nats, shape (B,).

        Args:
            batch: rows of data.
            rng: source of random numbers.
        """
        return self.bound_energy(batch.x, batch.c, rng)

    def bound_energy(self, x: Tensor, c: Tensor | None, rng: Rng) -> Tensor:
        """Computes the bound (3) in nats, shape (B,), at the optimal q of the summed layers.

        It is exact for one layer.

        Args:
            x: observations, shape (B, *).
            c: not used.
            rng: not used.
        """
        v, rest = self.visible(x), self.rest[1:]
        with torch.no_grad():
            fields = self.posterior_fields(v)
        means = {name: self.units[name].mean(fields[name]) for name in rest}
        # (3)
        bound = self.marginal({"v": v, **means})
        for name in rest:
            expected = (fields[name] * means[name]).flatten(1).sum(1)
            bound = bound - (self.units[name].log_partition(fields[name]) - expected)
        return bound

    def start_from(self, batch: Batch, rng: Rng) -> Layers:
        """Returns the data with the upper layers of the state sampled from q.

        Args:
            batch: rows of data.
            rng: source of random numbers.
        """
        v = self.visible(batch.x)
        fields = self.posterior_fields(v)
        draws = {name: self.units[name].draw(fields[name], rng, f"start {name}") for name in self.rest[1:]}
        return {"v": v, **draws}

    def pooled(self, x: Tensor) -> Tensor:
        """Returns P(p = 1 | x) of the top layer, shape (B, filters, *pooled size), by mean field."""
        top = self.names[-1]
        return self.maps[-1].pooled(self.units[top].mean(self.posterior_fields(self.visible(x))[top]))

    def infer(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns `pooled` as a code, shape (B, latent).

        Args:
            x: observations, shape (B, *).
            c: not used.
        """
        return self.pooled(x).flatten(1)

    def filters(self, layer: int = 1) -> Tensor:
        """Returns the filters of a layer as images; above the lowest, as combinations of those below.

        Args:
            layer: number of the layer, from 1.

        Returns:
            Filters, shape (filters, C, k, k).
        """
        w = self.maps[layer - 1].W
        for below in reversed(self.maps[: layer - 1]):
            w = below.seen_through(w)
        return w.detach()


def with_sparsity(model: Convolutional, batch: Batch, rng: Rng, loss: Loss) -> Terms:
    """Computes a loss with the sparsity term: the cross entropy between the rate t and q, in nats.

    The gradient of the term is the mean of q - t over the positions, the rule of Lee et al.

    Args:
        model: the machine.
        batch: rows of data.
        rng: source of random numbers.
        loss: the loss without the term.
    """
    terms = loss(model, batch, rng)
    with torch.no_grad():
        fields = model.posterior_fields(model.visible(batch.x))
    total = batch.x.new_zeros(len(batch.x), dtype=model.dtype)
    for (name, field), maps in zip(fields.items(), model.maps):
        field = field + (maps.c - maps.c.detach()).view(-1, 1, 1)
        cross = model.units[name].log_partition(field) - model.sparsity_target * field.flatten(1).sum(1)
        total = total + cross / (field.shape[2] * field.shape[3])
    return Terms({**terms.loss, "sparsity": model.sparsity_cost * total}, terms.log)


def biases_from_data(model: Convolutional, source: Source, rng: Rng) -> None:
    """Initializes the visible bias from the mean of each channel, `base` and chains from that of each pixel.

    Args:
        model: the machine.
        source: the training split.
        rng: random numbers of the preprocessing and of the chains.
    """
    mean = moments.mean(model, source, rng).view(model.space.shape).to(model.b)
    each = mean.mean((1, 2), keepdim=True)
    if isinstance(model.units["v"], Bernoulli):
        mean, each = (torch.logit(m.clamp(0.01, 0.99)) for m in (mean, each))
    model.b.copy_(each)
    model.base.copy_(model.precision * mean)
    model.learning.start(model, rng)
