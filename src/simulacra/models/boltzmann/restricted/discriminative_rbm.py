"""The classification RBM: hidden units between data and label, trained to classify, to generate, or both.

    E(v, y, h) = -b'v - d_y - c'h - h'U_y - v'W h                              (1)
    log p(y | v) = d_y + sum_j softplus(c_j + U_jy + (W'v)_j) - logsumexp      (2)
    v | h ~ sigmoid(b + W h)

where logsumexp is over the classes, of the terms before it. It is an RBM over v and the one-hot y. (2) costs
one pass for all labels, so log p(y | v) is trained by its exact gradient.

Reference: Larochelle and Bengio 2008. Row A24.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from simulacra.core.spaces.plain import Space
from simulacra.models.boltzmann.machine.energy_model import Layers
from simulacra.models.boltzmann.machine.learning import Learning, estimator_for
from simulacra.models.boltzmann.restricted.labelled import Labelled


class DiscriminativeRBM(Labelled):
    """Restricted Boltzmann machine over data and their label.

    It classifies. Unless its objective is `discriminative` it also samples data of a given label, and
    `draw_pairs` samples both. Rows without a label contribute to the term log p(v) only.

    Args:
        space: a `Binary` space, or any if the objective is `discriminative`.
        condition: space of the labels, `Categorical`.
        hidden: number of hidden units.
        objective: `hybrid`, `discriminative` or `generative`.
        generative: weight alpha of -log p(v, y) in `hybrid`, relative to -log p(y | v).
        chains: number of persistent chains of `pcd` and `tempering`.
        gibbs_steps: Gibbs sweeps for each update.
        burn_in: Gibbs sweeps for a sample, starting from independent units.
        lr: learning rate.
        momentum: momentum of SGD.
        estimator: estimator of the expectation under p(v): `pcd`, `cd`, `tempering` or `exact`.
        temperatures: number of parallel chains of `tempering`.

    Raises:
        ValueError: if the space is not binary, the condition is no label, or an option is out of range.

    Example:
        >>> from simulacra import Binary, Categorical
        >>> model = DiscriminativeRBM(Binary((4,)), Categorical((), 3), hidden=2)
        >>> model.classify(torch.zeros(2, 4)).shape, model.sample(5, condition=1).shape
        (torch.Size([2, 3]), torch.Size([5, 4]))
    """

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        hidden: int = 500,
        objective: str = "hybrid",
        generative: float = 0.01,
        chains: int = 100,
        gibbs_steps: int = 1,
        burn_in: int = 1000,
        lr: float = 0.05,
        momentum: float = 0.0,
        estimator: str = "cd",
        temperatures: int = 10,
        *,
        seed: int = 0,
    ):
        chosen = estimator_for(estimator, None)
        learning = Learning(chosen, gibbs_steps, chains, temperatures, False, lr, momentum)
        name = "a discriminative RBM"
        super().__init__(name, space, condition, hidden, 0, objective, generative, learning, burn_in)
        self.W = nn.Parameter(0.01 * torch.randn(*self.shapes["v"], hidden))
        self.U = nn.Parameter(0.01 * torch.randn(hidden, self.classes))
        self.c = nn.Parameter(torch.zeros(hidden))
        self.learning.prepare(self, joint=True)

    # ---- energy and fields

    def energy(self, layers: Layers, c: Tensor | None = None) -> Tensor:
        """Computes E of (1) in nats, shape (B,); the layer `h` holds y, and y times the hidden units.

        Args:
            layers: values of the layers by name, each (B, *).
            c: conditions, shape (B, *), or None.
        """
        y, h = layers["h"][..., 0], layers["h"][..., 1:]
        # (1)
        given = (y * self.on_label(c, y.shape[0])).sum(1) + (h * self.on_hidden(layers["v"])).sum((1, 2))
        return -given - layers["v"] @ self.b

    def on_hidden(self, v: Tensor) -> Tensor:
        """Returns the fields c_j + U_jy + (W'v)_j on hidden units for each label, (B, classes, hidden)."""
        return (v @ self.W).unsqueeze(1) + (self.c + self.U.T)

    def field(self, name: str, layers: Layers, c: Tensor | None = None) -> Tensor:
        """Returns the field of the other layer on the layer `name`, in the shape of that layer (B, *).

        Args:
            name: name of the layer.
            layers: values of the layers by name, each (B, *).
            c: conditions, shape (B, *), or None.
        """
        if name == "v":
            return self.b + layers["h"][..., 1:].sum(1) @ self.W.T
        on_y = self.on_label(c, layers["v"].shape[0])
        return torch.cat([on_y.unsqueeze(2), self.on_hidden(layers["v"])], 2)

    def opened(self, layers: Layers, c: Tensor | None = None) -> tuple[Tensor, Layers]:
        """Returns E(v, 0), shape (B,), and the field on the hidden side.

        Args:
            layers: values of the other layers by name, each (B, *).
            c: conditions, shape (B, *), or None.
        """
        return -layers["v"] @ self.b, {"h": self.field("h", layers, c)}

    def label_logits(self, x: Tensor) -> Tensor:
        """Computes equation (2) without its logsumexp, shape (B, classes)."""
        # (2)
        return self.d + F.softplus(self.on_hidden(self.visible(x))).sum(2)
