"""The classification RBM: hidden units between data and label, trained to classify, to generate, or both.

    E(v, y, h) = -b'v - d_y - c'h - h'U_y - v'W h                              (1)
    log p(y | v) = d_y + sum_j softplus(c_j + U_jy + (W'v)_j) - logsumexp      (2)
    v | h ~ sigmoid(b + W h)

with the logsumexp over the classes of what stands before it. It is an RBM over v and the one-hot y; (2) costs
no more than one pass with each label, so that log p(y | v) is trained by its exact gradient.

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

    It classifies; unless its objective is `discriminative` it also samples data of a given label, and
    `draw_pairs` both. Rows without a label are learnt from as far as they say what the data are like.

    Args:
        space: a binary space, or any where the objective is `discriminative`.
        condition: the labels, a space of classes.
        hidden: number of hidden units.
        objective: `hybrid`, `discriminative` or `generative`.
        generative: alpha of `hybrid`, the weight of -log p(v, y) beside that of -log p(y | v).
        chains: number of persistent chains, where the estimator has them.
        gibbs_steps: Gibbs sweeps for each update.
        burn_in: Gibbs sweeps from free units for a sample.
        lr: learning rate.
        momentum: share of the step before.
        estimator: of the expectation under p(v): `pcd`, `cd`, `tempering` or `exact`.
        temperatures: of `tempering`.

    Raises:
        ValueError: if the space is not binary, the condition no label, or an option does not fit.

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

    # ---- the energy and its fields

    def energy(self, layers: Layers, c: Tensor | None = None) -> Tensor:
        """E of (1) in nats, shape (B,); of a layer `h` that holds y and, times it, the hidden units."""
        y, h = layers["h"][..., 0], layers["h"][..., 1:]
        # (1)
        given = (y * self.on_label(c, y.shape[0])).sum(1) + (h * self.on_hidden(layers["v"])).sum((1, 2))
        return -given - layers["v"] @ self.b

    def on_hidden(self, v: Tensor) -> Tensor:
        """c_j + U_jy + (W'v)_j with each label, shape (B, classes, hidden)."""
        return (v @ self.W).unsqueeze(1) + (self.c + self.U.T)

    def field(self, name: str, layers: Layers, c: Tensor | None = None) -> Tensor:
        """The field of the other layer on `name`, in its shape (B, *)."""
        if name == "v":
            return self.b + layers["h"][..., 1:].sum(1) @ self.W.T
        on_y = self.on_label(c, layers["v"].shape[0])
        return torch.cat([on_y.unsqueeze(2), self.on_hidden(layers["v"])], 2)

    def opened(self, layers: Layers, c: Tensor | None = None) -> tuple[Tensor, Layers]:
        """E(v, 0), shape (B,), and the field on the hidden side."""
        return -layers["v"] @ self.b, {"h": self.field("h", layers, c)}

    def label_logits(self, x: Tensor) -> Tensor:
        """Equation (2) without its logsumexp, shape (B, classes)."""
        # (2)
        return self.d + F.softplus(self.on_hidden(self.visible(x))).sum(2)
