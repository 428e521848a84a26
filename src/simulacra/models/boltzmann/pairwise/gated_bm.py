"""The point-wise gated Boltzmann machine: a switch at each pixel selects which of K components explains it.

    E(v, s, h) = -b'v - sum_ik a_ik s_ik - sum_k c_k'h_k - sum_k (s_k * v)'W_k h_k     (1)

with one s_ik = 1 at each pixel i. Each set of variables is independent within itself given the others:

    P(s_ik = 1 | v, h) = softmax_k(a_ik + v_i (W_k h_k)_i)                     (2)
    P(h_kj = 1 | v, s) = sigmoid(c_kj + (W_k'(s_k * v))_j)
    P(v_i = 1 | s, h)  = sigmoid(b_i + sum_k s_ik (W_k h_k)_i)

So the units of a component learn only from the pixels that it explains, which separates task-relevant pixels
from a background. Learning draws switches and hidden units given the data by Gibbs sweeps, and contrasts the
energy there with that of persistent chains over all units.

Reference: Sohn, Zhou, Lee and Lee 2013. Row A28.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from simulacra.core.batch import Batch
from simulacra.core.capabilities.general import Completes, Encodes
from simulacra.core.progress.tasks import each
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Initial, Stage
from simulacra.models.boltzmann.machine.biases import biases_from_data
from simulacra.models.boltzmann.machine.energy_model import Layers, Machine
from simulacra.models.boltzmann.machine.learning import Learning, check_at_least, estimator_for
from simulacra.models.boltzmann.machine.needs import need_binary
from simulacra.models.boltzmann.machine.units import Bernoulli, OneHot


class GatedBM(Machine, Encodes, Completes):
    """Point-wise gated Boltzmann machine over binary data.

    Its code is the probability of each component at each pixel.

    Args:
        space: a `Binary` space.
        components: number K of components.
        hidden: number of hidden units of each component.
        switch_steps: Gibbs sweeps over switches and hidden units given the data.
        chains: number of persistent chains.
        gibbs_steps: Gibbs sweeps for each update.
        burn_in: Gibbs sweeps for a sample or a completion, starting from independent units.
        lr: learning rate.
        momentum: momentum of SGD.
        estimator: estimator of the expectation under the model: `pcd`, `cd`, `tempering` or `exact`.
        temperatures: number of parallel chains of `tempering`.

    Raises:
        ValueError: if the space is not binary, or an option is out of range.

    Example:
        >>> from simulacra.core.spaces.plain import Binary
        >>> GatedBM(Binary((4,)), components=3, hidden=2).switches(torch.zeros(1, 4)).shape
        torch.Size([1, 4, 3])
    """

    sharded = ("persistent",)

    def __init__(
        self,
        space: Space,
        components: int = 2,
        hidden: int = 100,
        switch_steps: int = 10,
        chains: int = 100,
        gibbs_steps: int = 1,
        burn_in: int = 1000,
        lr: float = 0.02,
        momentum: float = 0.0,
        estimator: str = "pcd",
        temperatures: int = 10,
        *,
        seed: int = 0,
    ):
        need_binary("a gated Boltzmann machine", space)
        check_at_least(1, components=components, hidden=hidden, switch_steps=switch_steps, burn_in=burn_in)
        d = space.dims
        units = {"v": Bernoulli(), "s": OneHot(), "h": Bernoulli()}
        shapes = {"v": (d,), "s": (d, components), "h": (components, hidden)}
        super().__init__(space, units, shapes, (("h",), ("v",), ("s",)), None, burn_in)
        self.switch_steps = switch_steps
        chosen = estimator_for(estimator, None)
        self.learning = Learning(chosen, gibbs_steps, chains, temperatures, False, lr, momentum)
        self.W = nn.Parameter(0.01 * torch.randn(components, d, hidden))
        self.a, self.b = nn.Parameter(torch.zeros(d, components)), nn.Parameter(torch.zeros(d))
        self.c = nn.Parameter(torch.zeros(components, hidden))
        self.learning.prepare(self)

    def stage(self, i: int, past: list[dict[str, Any]]) -> Stage | None:
        """Returns the only stage, which initializes the biases from the data.

        Args:
            i: index of the stage, from 0.
            past: not used.
        """
        if i:
            return None
        return Stage("train", [self.learning.update()], self.length, start=Initial(biases_from_data))

    # ---- energy and fields

    def energy(self, layers: Layers, c: Tensor | None = None) -> Tensor:
        """Computes the energy E of equation (1) in nats, shape (B,).

        Args:
            layers: values of the layers by name, each (B, *).
            c: not used.
        """
        v, s = layers["v"], layers["s"]
        # (1)
        return -v @ self.b - (s * self.a).sum((1, 2)) - (layers["h"] * self.field("h", layers)).sum((1, 2))

    def field(self, name: str, layers: Layers, c: Tensor | None = None) -> Tensor:
        """Returns the field of the other layers on the layer `name`, in the shape of that layer (B, *).

        Args:
            name: name of the layer.
            layers: values of the layers by name, each (B, *).
            c: not used.
        """
        if name == "h":
            seen = layers["s"] * layers["v"].unsqueeze(2)
            return self.c + torch.einsum("bik,kij->bkj", seen, self.W)
        drawn = torch.einsum("kij,bkj->bik", self.W, layers["h"])
        if name == "v":
            return self.b + (layers["s"] * drawn).sum(2)
        # (2)
        return self.a + layers["v"].unsqueeze(2) * drawn

    def opened(self, layers: Layers, c: Tensor | None = None) -> tuple[Tensor, Layers]:
        """Returns E(v, s, 0), shape (B,), and the field on h.

        Args:
            layers: values of the other layers by name, each (B, *).
            c: not used.
        """
        e = -layers["v"] @ self.b - (layers["s"] * self.a).sum((1, 2))
        return e, {"h": self.field("h", layers)}

    # ---- inference given pixels

    def held(self, v: Tensor, keep: Tensor | None, rng: Rng, steps: int) -> Layers:
        """Samples all layers by Gibbs sweeps with some pixels held fixed, starting from independent units.

        Args:
            v: pixels, shape (B, pixels).
            keep: True for pixels to hold, shape (B, pixels); None holds all.
            rng: source of random numbers.
            steps: number of sweeps.
        """
        layers = self.unpacked(self.start_chain(rng))
        layers["v"] = v if keep is None else torch.where(keep, v, layers["v"])
        for t in each(range(steps), "chains", "sweep"):
            for name in ("h", "s") if keep is None else ("h", "s", "v"):
                layers[name] = self.units[name].draw(self.field(name, layers), rng.at("held", t), name)
                if keep is not None:
                    layers["v"] = torch.where(keep, v, layers["v"])
        return layers

    @torch.no_grad()
    def explained(self, x: Tensor, rng: Rng) -> Layers:
        """Samples switches and hidden units given observations.

        Args:
            x: observations, shape (B, *).
            rng: source of random numbers.
        """
        return self.held(self.visible(x), None, rng, self.switch_steps)

    def positive(self, batch: Batch, rng: Rng) -> Tensor:
        """Computes the energy of the data and sampled switches with h summed out, in nats, shape (B,).

        Args:
            batch: rows of data.
            rng: source of random numbers.
        """
        return self.marginal(self.start_from(batch, rng))

    def start_from(self, batch: Batch, rng: Rng) -> Layers:
        """Returns the data with switches sampled given them.

        Args:
            batch: rows of data.
            rng: source of random numbers.
        """
        layers = self.explained(batch.x, rng)
        return {name: layers[name] for name in self.rest}

    # ---- capabilities

    def switches(self, x: Tensor) -> Tensor:
        """Returns the probability of each component at each pixel, (2) by mean field, (B, pixels, K)."""
        layers = {"v": self.visible(x)}
        layers["s"] = self.a.softmax(1).expand(x.shape[0], -1, -1)
        for _ in range(self.switch_steps):
            for name in ("h", "s"):
                layers[name] = self.units[name].mean(self.field(name, layers))
        return layers["s"]

    def infer(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns the means of the switches as a code, shape (B, pixels K).

        Args:
            x: observations, shape (B, *).
            c: not used.
        """
        return self.switches(x).flatten(1)

    def fill(self, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Returns x with missing entries drawn by `burn_in` Gibbs sweeps given the others, shape (B, *).

        Args:
            x: observations, shape (B, *); missing entries may have any value.
            known: True where known, shape (B, *).
            rng: source of random numbers.
            c: not used.
        """
        v = self.visible(self.space.filled(x, known))
        return self.observed(self.held(v, known.reshape(len(x), -1), rng, self.burn_in)["v"])
