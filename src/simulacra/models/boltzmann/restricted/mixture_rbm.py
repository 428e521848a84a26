"""The implicit mixture of RBMs: one of K machines is on, inferred together with its hidden units.

    E(v, h, z) = -sum_k z_k (b_k'v + c_k'h + v'W_k h),   one z_k = 1           (1)
    F_k(v) = -b_k'v - sum_j softplus(c_kj + (W_k'v)_j)                         (2)
    p(z_k = 1 | v) = softmax(-F(v))_k                                          (3)
    p(v) = sum_k exp(-F_k(v)) / Z                                              (4)

The mixture weights are not parameters: they follow from the energy, and all components share one Z. Given v,
the component is drawn by (3), then its units; given these, v. With K = 1 it is the RBM.

Reference: Nair and Hinton 2008. Row A26.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from simulacra.core.capabilities.general import Encodes
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Initial, Stage
from simulacra.models.boltzmann.machine.biases import biases_from_data
from simulacra.models.boltzmann.machine.energy_model import Layers, Machine
from simulacra.models.boltzmann.machine.learning import Learning, check_at_least, estimator_for
from simulacra.models.boltzmann.machine.needs import need_binary
from simulacra.models.boltzmann.machine.units import Alternatives, Bernoulli


class MixtureRBM(Machine, Encodes):
    """Implicit mixture of restricted Boltzmann machines over binary data.

    Its code is the posterior probability of each component. Its density is exact if the visible units, or
    the hidden ones of all components, have at most 2^20 states.

    Args:
        space: a `Binary` space.
        components: number K of machines.
        hidden: number of hidden units of each machine.
        chains: number of persistent chains.
        gibbs_steps: Gibbs sweeps for each update.
        burn_in: Gibbs sweeps for a sample, starting from independent units.
        lr: learning rate.
        momentum: momentum of SGD.
        estimator: estimator of the expectation under the model: `pcd`, `cd`, `tempering` or `exact`.
        temperatures: number of parallel chains of `tempering`.

    Raises:
        ValueError: if the space is not binary, or an option is out of range.

    Example:
        >>> from simulacra.core.spaces.plain import Binary
        >>> MixtureRBM(Binary((4,)), components=3, hidden=2).responsibilities(torch.zeros(1, 4)).shape
        torch.Size([1, 3])
    """

    sharded = ("persistent",)

    def __init__(
        self,
        space: Space,
        components: int = 10,
        hidden: int = 64,
        chains: int = 100,
        gibbs_steps: int = 1,
        burn_in: int = 1000,
        lr: float = 0.05,
        momentum: float = 0.0,
        estimator: str = "pcd",
        temperatures: int = 10,
        *,
        seed: int = 0,
    ):
        need_binary("a mixture of RBMs", space)
        check_at_least(1, components=components, hidden=hidden, burn_in=burn_in)
        d = space.dims
        units = {"v": Bernoulli(), "h": Alternatives()}
        shapes = {"v": (d,), "h": (components, 1 + hidden)}
        super().__init__(space, units, shapes, (("h",), ("v",)), None, burn_in)
        chosen = estimator_for(estimator, None)
        self.learning = Learning(chosen, gibbs_steps, chains, temperatures, False, lr, momentum)
        self.W = nn.Parameter(0.01 * torch.randn(components, d, hidden))
        self.b = nn.Parameter(torch.zeros(components, d))
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
        z, h = layers["h"][..., 0], layers["h"][..., 1:]
        on_z, on_h = self.upwards(layers["v"])
        # (1)
        return -(z * on_z).sum(1) - (h * on_h).sum((1, 2))

    def upwards(self, v: Tensor) -> tuple[Tensor, Tensor]:
        """Returns b_k'v, shape (B, K), and c_k + W_k'v, shape (B, K, hidden)."""
        return v @ self.b.T, self.c + torch.einsum("bi,kij->bkj", v, self.W)

    def field(self, name: str, layers: Layers, c: Tensor | None = None) -> Tensor:
        """Returns the field of the other layer on the layer `name`, in the shape of that layer (B, *).

        Args:
            name: name of the layer.
            layers: values of the layers by name, each (B, *).
            c: not used.
        """
        if name == "v":
            h = layers["h"]
            return h[..., 0] @ self.b + torch.einsum("bkj,kij->bi", h[..., 1:], self.W)
        on_z, on_h = self.upwards(layers["v"])
        return torch.cat([on_z.unsqueeze(2), on_h], 2)

    def opened(self, layers: Layers, c: Tensor | None = None) -> tuple[Tensor, Layers]:
        """Returns E(v, 0), which is 0, shape (B,), and the field on the hidden side.

        Args:
            layers: values of the other layers by name, each (B, *).
            c: not used.
        """
        return layers["v"].new_zeros(layers["v"].shape[0]), {"h": self.field("h", layers)}

    # ---- components

    def responsibilities(self, x: Tensor) -> Tensor:
        """Returns p(z | v) of (3), shape (B, K)."""
        # (3): the means of the switches
        return self.units["h"].mean(self.field("h", {"v": self.visible(x)}))[..., 0]

    def infer(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns the responsibilities as a code, shape (B, K).

        Args:
            x: observations, shape (B, *).
            c: not used.
        """
        return self.responsibilities(x)
