"""An RBM with two groups of hidden units: those that matter to the label, and those that do not.

    E(v, y, h, g) = -b'v - d_y - c_y'h - v'W_y h - e'g - v'R g                 (1)
    log p(y | v) = d_y + sum_j softplus(c_yj + (W_y'v)_j) - logsumexp          (2)
    g | v ~ sigmoid(e + R'v)

with the logsumexp over the classes of what stands before it. The group h interacts with data and label in the
third order, so that a label has features of its own; the group g sees the data alone and explains what is
common to all labels. (2) does not hold R and e: classification is free of what g has learnt.

Reference: Luo, Shen, Niu and Ullrich 2011. Row A27.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from simulacra.core.spaces.plain import Space
from simulacra.models.boltzmann.machine.energy_model import Layers
from simulacra.models.boltzmann.machine.learning import Learning, check_at_least, estimator_for
from simulacra.models.boltzmann.restricted.labelled import Labelled


class GroupedRBM(Labelled):
    """Third-order RBM over binary data and their label, with hidden units that ignore the label.

    It classifies, samples data of a given label, and `draw_pairs` both.

    Args:
        space: a binary space.
        condition: the labels, a space of classes.
        hidden: number of hidden units h that interact with data and label.
        irrelevant: number of hidden units g that interact with the data alone.
        objective: `hybrid` or `generative`.
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
        >>> model = GroupedRBM(Binary((4,)), Categorical((), 3), hidden=2, irrelevant=2)
        >>> model.classify(torch.zeros(2, 4)).shape, model.sample(5, condition=1).shape
        (torch.Size([2, 3]), torch.Size([5, 4]))
    """

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        hidden: int = 50,
        irrelevant: int = 200,
        objective: str = "hybrid",
        generative: float = 0.1,
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
        check_at_least(1, irrelevant=irrelevant)
        chosen = estimator_for(estimator, None)
        learning = Learning(chosen, gibbs_steps, chains, temperatures, False, lr, momentum)
        name = "an RBM with two groups of hidden units"
        super().__init__(name, space, condition, hidden, irrelevant, objective, generative, learning, burn_in)
        if not self.weights.data:
            raise ValueError(
                "from p(y|v) alone the irrelevant units learn nothing: take objective='hybrid' with "
                "generative above 0, objective='generative', or a DiscriminativeRBM."
            )
        d = space.dims
        self.W = nn.Parameter(0.01 * torch.randn(self.classes, d, hidden))
        self.R = nn.Parameter(0.01 * torch.randn(d, irrelevant))
        self.c = nn.Parameter(torch.zeros(self.classes, hidden))
        self.e = nn.Parameter(torch.zeros(irrelevant))
        self.learning.prepare(self, joint=True)

    # ---- the energy and its fields

    def energy(self, layers: Layers, c: Tensor | None = None) -> Tensor:
        """E of (1) in nats, shape (B,); of a layer `h` that holds y and, times it, the units of its group."""
        v, y, h = layers["v"], layers["h"][..., 0], layers["h"][..., 1:]
        # (1)
        relevant = (y * self.on_label(c, y.shape[0])).sum(1) + (h * self.on_relevant(v)).sum((1, 2))
        return -relevant - (layers["g"] * self.on_irrelevant(v)).sum(1) - v @ self.b

    def on_relevant(self, v: Tensor) -> Tensor:
        """c_y + W_y'v with each label, shape (B, classes, hidden)."""
        return self.c + torch.einsum("bi,yij->byj", v, self.W)

    def on_irrelevant(self, v: Tensor) -> Tensor:
        """e + R'v, shape (B, irrelevant)."""
        return self.e + v @ self.R

    def field(self, name: str, layers: Layers, c: Tensor | None = None) -> Tensor:
        """The field of the other layers on `name`, in its shape (B, *)."""
        if name == "v":
            own = torch.einsum("byj,yij->bi", layers["h"][..., 1:], self.W)
            return self.b + own + layers["g"] @ self.R.T
        if name == "g":
            return self.on_irrelevant(layers["v"])
        on_y = self.on_label(c, layers["v"].shape[0])
        return torch.cat([on_y.unsqueeze(2), self.on_relevant(layers["v"])], 2)

    def opened(self, layers: Layers, c: Tensor | None = None) -> tuple[Tensor, Layers]:
        """E(v, 0, 0), shape (B,), and the fields on the hidden side."""
        return -layers["v"] @ self.b, {name: self.field(name, layers, c) for name in self.summed}

    def label_logits(self, x: Tensor) -> Tensor:
        """Equation (2) without its logsumexp, shape (B, classes)."""
        # (2)
        return self.d + F.softplus(self.on_relevant(self.visible(x))).sum(2)
