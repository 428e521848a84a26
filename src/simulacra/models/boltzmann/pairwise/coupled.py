"""Learning of machines with coupled units, some of them hidden.

    -d log p(v) = -E_p(h|v) ds(v, h) + E_model ds(x)                           (1)

For few states, `exact` sums both terms. Otherwise each is an average over chains: of the hidden units with
the data held fixed, restarted from independent units at each update, and of all units.

Reference: Ackley, Hinton and Sejnowski 1985. Rows A1, A25.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from simulacra.core.batch import Batch
from simulacra.core.capabilities.general import Completes
from simulacra.core.progress.tasks import each
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Initial, Stage
from simulacra.models.boltzmann.machine.biases import biases_from_data
from simulacra.models.boltzmann.machine.energy_model import Layers
from simulacra.models.boltzmann.machine.learning import Learning, check_at_least
from simulacra.models.boltzmann.pairwise.sitewise import Sitewise


class Coupled(Sitewise, Completes):
    """Abstract base with equation (1); subclasses provide biases b (sites,) and couplings.

    Args:
        name: name of the model, for the message when its space does not fit.
        space: a `Binary` space.
        hidden: number of hidden units; 0 has none.
        hidden_steps: Gibbs sweeps over the hidden units given the data.
        learning: options of the estimator of the expectation under the model.
        burn_in: Gibbs sweeps for a sample or a completion, starting from independent units.

    Raises:
        ValueError: if the space is not binary, or a number is out of range.
    """

    sharded = ("persistent",)
    b: Tensor

    def __init__(
        self, name: str, space: Space, hidden: int, hidden_steps: int, learning: Learning, burn_in: int
    ):
        check_at_least(1, hidden_steps=hidden_steps)
        super().__init__(name, space, hidden, burn_in)
        self.hidden_steps, self.learning = hidden_steps, learning

    def stage(self, i: int, past: list[dict[str, Any]]) -> Stage | None:
        """Returns the only stage, which initializes the biases from the data.

        Args:
            i: index of the stage, from 0.
            past: not used.
        """
        if i:
            return None
        return Stage("train", [self.learning.update()], self.length, start=Initial(biases_from_data))

    def positive(self, batch: Batch, rng: Rng) -> Tensor:
        """Computes -s of the data in nats, shape (B,), with hidden units sampled or summed out.

        Args:
            batch: rows of data.
            rng: source of random numbers.
        """
        if self.rest == ("v",) or self.learning.estimator == "exact":
            return self.free_energy(batch.x)
        return self.marginal(self.start_from(batch, rng))

    @torch.no_grad()
    def start_from(self, batch: Batch, rng: Rng) -> Layers:
        """Returns the data with hidden units after `hidden_steps` sweeps given the data.

        Args:
            batch: rows of data.
            rng: source of random numbers.
        """
        layers = {"v": self.visible(batch.x)}
        if "h" not in self.shapes:
            return layers
        layers["h"] = self._free("h", rng, rng.rows)
        whole = torch.ones(1, self.shapes["v"][0], dtype=torch.bool, device=batch.x.device)
        for t in range(self.hidden_steps):
            layers = self.swept_where(layers, {"v": whole}, rng.at("hidden", t), rng.rows)
        return layers

    def fill(self, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Returns x with missing entries drawn by `burn_in` Gibbs sweeps given the others, shape (B, *).

        Args:
            x: observations, shape (B, *); missing entries may have any value.
            known: True where known, shape (B, *).
            rng: source of random numbers.
            c: not used.
        """
        keep = known.reshape(len(x), -1)
        layers = self.unpacked(self.start_chain(rng))
        layers |= {"v": torch.where(keep, self.visible(self.space.filled(x, known)), layers["v"])}
        for t in each(range(self.burn_in), "chains", "sweep"):
            layers = self.swept_where(layers, {"v": keep}, rng.at(t), rng.rows)
        return self.observed(layers["v"])
