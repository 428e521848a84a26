"""Machines whose layers are maps over an image, each sharing its filters over all places.

Over images v, layers of units h_1 .. h_L in blocks, and their pooling units p_l (`maps`):

    E(v, h) = -s b'v - c_1'h_1 - h_1'(W_1 * s v) - sum_(l > 1) c_l'h_l + h_l'(W_l * p_(l-1))      (1)

with one bias b for each channel, one c for each filter, and s the precision of the visible units: 1 for
binary ones, 1 / sd^2 for Gaussian ones. A layer hears from below and from above; with several units to a
block these compete, one of them or none:

    P(h_i = 1 | rest) = exp(I_i + T) / (1 + sum_j exp(I_j + T)),   T from above, on the whole block   (2)

Above one layer the posterior is not factorial. The mean field q(h) = prod q_l takes its place, a fixed
point of (2) in means, and with it an upper bound on the free energy:

    F(v) <= E_q E(v, h) - H(q)                                                                     (3)

Units that are on at a share t of the places come from a further term for the biases c alone, the cross
entropy of q from units of that rate.

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
from simulacra.core.capabilities.general import Completes, Encodes, HasFilters
from simulacra.core.numerics import moments
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Real, Space
from simulacra.core.updates import Loss, Source, Update
from simulacra.models.boltzmann.convolutional.maps import Maps
from simulacra.models.boltzmann.machine.completion import clamped
from simulacra.models.boltzmann.machine.energy_model import Layers, Machine
from simulacra.models.boltzmann.machine.learning import Learning, check_at_least, check_scale
from simulacra.models.boltzmann.machine.units import Bernoulli, Gaussian, Units


class Convolutional(Machine, Encodes, Completes, HasFilters):
    """Abstract: equations (1) to (3).

    Args:
        space: images, binary or real.
        names: of the hidden layers, the lowest first.
        maps: the hidden layers.
        scale: standard deviation of a visible unit given the hidden ones, where the space is real.
        learning: options of the estimator of the expectation under the model.
        burn_in: Gibbs sweeps for a sample, starting from independent units.
        mean_field_steps: updates of each layer towards (2) in means.
        sparsity_target: share t of the places at which a unit is on; None leaves it free.
        sparsity_cost: weight of the further term, for each place.
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
        """The one player: the learning's, with the term for sparse units where it is wanted."""
        update = self.learning.update()
        if self.sparsity_target is None:
            return update
        return replace(update, loss=partial(with_sparsity, loss=update.loss))

    # ---- energy and fields

    def energy(self, layers: Layers, c: Tensor | None = None) -> Tensor:
        """Computes the energy E of equation (1) in nats, shape (B,)."""
        # (1)
        e = -self.precision * (layers["v"] * self.b).flatten(1).sum(1)
        for i, name in enumerate(self.names):
            e = e - (self._from_below(i, layers) * layers[name]).flatten(1).sum(1)
        return e

    def field(self, name: str, layers: Layers, c: Tensor | None = None) -> Tensor:
        """s (b + what h_1 sends down) on v, and I + T of (2) on the units of a hidden layer, shape (B, *)."""
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
        """E(r, 0), shape (B,), and the fields on the summed layers: where these are 0, biases are left."""
        e = -self.precision * (layers["v"] * self.b).flatten(1).sum(1)
        for name, maps in zip(self.names[1::2], self.maps[1::2]):
            e = e - maps.biased(layers[name])
        return e, {name: self.field(name, layers) for name in self.summed}

    def _from_below(self, i: int, layers: Layers) -> Tensor:
        """I of the hidden layer i: its bias and what it hears from below."""
        if i == 0:
            return self.maps[0].up(self.precision * layers["v"])
        return self.maps[i].up(self.maps[i - 1].pooled(layers[self.names[i - 1]]))

    # ---- inference

    def posterior_fields(self, v: Tensor) -> Layers:
        """The fields of q in (3) on each hidden layer: I + T in means, from units that are off."""
        means = {name: v.new_zeros(v.shape[0], *self.shapes[name]) for name in self.names}
        fields = {}
        for _ in range(self.mean_field_steps):
            for name in self.names:
                # (2)
                fields[name] = self.field(name, {"v": v, **means})
                means[name] = self.units[name].mean(fields[name])
        return fields

    def positive(self, batch: Batch, rng: Rng) -> Tensor:
        """The bound (3) of the data, shape (B,)."""
        return self.bound_energy(batch.x, batch.c, rng)

    def bound_energy(self, x: Tensor, c: Tensor | None, rng: Rng) -> Tensor:
        """Equation (3) in nats, shape (B,), the summed layers at their best q; exact with one layer."""
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
        """The data, and the upper layers drawn from q."""
        v = self.visible(batch.x)
        fields = self.posterior_fields(v)
        draws = {name: self.units[name].draw(fields[name], rng, f"start {name}") for name in self.rest[1:]}
        return {"v": v, **draws}

    def pooled(self, x: Tensor) -> Tensor:
        """P(p = 1 | x) of the top layer, by q above one layer, shape (B, filters, *pooled size)."""
        top = self.names[-1]
        return self.maps[-1].pooled(self.units[top].mean(self.posterior_fields(self.visible(x))[top]))

    def infer(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """`pooled` as a code, shape (B, latent)."""
        return self.pooled(x).flatten(1)

    def fill(self, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None = None) -> Tensor:
        """x with the unknown entries drawn by clamped Gibbs sweeps, shape (B, *)."""
        return clamped(self, x, known, rng)

    def filters(self, layer: int = 1) -> Tensor:
        """The weights of a layer as pictures, above the lowest as combinations of those below.

        Args:
            layer: 1 is the lowest.

        Returns:
            shape (filters, C, k, k).
        """
        w = self.maps[layer - 1].W
        for below in reversed(self.maps[: layer - 1]):
            w = below.seen_through(w)
        return w.detach()


def with_sparsity(model: Convolutional, batch: Batch, rng: Rng, loss: Loss) -> Terms:
    """The loss and, for the biases c alone, the cross entropy of q from units of rate t, in nats.

    Its gradient is the mean of q - t over the places, so that the biases follow Lee et al.'s rule.
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
    """The visible bias begins at the mean of each channel, the chains and `base` at that of each pixel."""
    mean = moments.mean(model, source, rng).view(model.space.shape).to(model.b)
    each = mean.mean((1, 2), keepdim=True)
    if isinstance(model.units["v"], Bernoulli):
        mean, each = (torch.logit(m.clamp(0.01, 0.99)) for m in (mean, each))
    model.b.copy_(each)
    model.base.copy_(model.precision * mean)
    model.learning.start(model, rng)
