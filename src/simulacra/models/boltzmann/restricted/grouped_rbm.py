"""An RBM with two groups of hidden units: one depends on the label, the other does not.

    E(v, y, h, g) = -b'v - d_y - c_y'h - v'W_y h - e'g - v'R g                 (1)
    log p(y | v) = d_y + sum_j softplus(c_yj + (W_y'v)_j) - logsumexp          (2)
    g | v ~ sigmoid(e + R'v)

where logsumexp is over the classes, of the terms before it. The group h has third-order interactions with
data and label, so that each label has its own features. The group g interacts with the data alone and models
what all labels have in common. R and e do not enter (2), so g does not affect the classification.

Reference: Luo, Shen, Niu and Ullrich 2011. Row A27.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from simulacra.core.errors.suggestion import Refusal, build_with
from simulacra.core.spaces.plain import Space
from simulacra.models.boltzmann.machine.energy_model import Layers
from simulacra.models.boltzmann.machine.learning import Learning, check_at_least, estimator_for
from simulacra.models.boltzmann.restricted.labelled import Labelled


class GroupedRBM(Labelled):
    """Third-order RBM over binary data and their label, with hidden units that ignore the label.

    It classifies and samples data of a given label; `draw_pairs` samples both.

    Args:
        space: a `Binary` space.
        condition: space of the labels, `Categorical`.
        hidden: number of hidden units h that interact with data and label.
        irrelevant: number of hidden units g that interact with the data alone.
        objective: `hybrid` or `generative`.
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
            joint = build_with(objective="generative")
            raise Refusal(
                "from p(y|v) alone the irrelevant units learn nothing: take the hybrid objective with "
                f"generative above 0, {joint}, or a DiscriminativeRBM.",
                joint,
            )
        d = space.dims
        self.W = nn.Parameter(0.01 * torch.randn(self.classes, d, hidden))
        self.R = nn.Parameter(0.01 * torch.randn(d, irrelevant))
        self.c = nn.Parameter(torch.zeros(self.classes, hidden))
        self.e = nn.Parameter(torch.zeros(irrelevant))
        self.learning.prepare(self, joint=True)

    # ---- energy and fields

    def energy(self, layers: Layers, c: Tensor | None = None) -> Tensor:
        """Computes E of (1) in nats, shape (B,); the layer `h` holds y, and y times its hidden units.

        Args:
            layers: values of the layers by name, each (B, *).
            c: conditions, shape (B, *), or None.
        """
        v, y, h = layers["v"], layers["h"][..., 0], layers["h"][..., 1:]
        # (1)
        relevant = (y * self.on_label(c, y.shape[0])).sum(1) + (h * self.on_relevant(v)).sum((1, 2))
        return -relevant - (layers["g"] * self.on_irrelevant(v)).sum(1) - v @ self.b

    def on_relevant(self, v: Tensor) -> Tensor:
        """Returns the fields c_y + W_y'v on h for each label, shape (B, classes, hidden)."""
        return self.c + torch.einsum("bi,yij->byj", v, self.W)

    def on_irrelevant(self, v: Tensor) -> Tensor:
        """Returns the field e + R'v on g, shape (B, irrelevant)."""
        return self.e + v @ self.R

    def field(self, name: str, layers: Layers, c: Tensor | None = None) -> Tensor:
        """Returns the field of the other layers on the layer `name`, in the shape of that layer (B, *).

        Args:
            name: name of the layer.
            layers: values of the layers by name, each (B, *).
            c: conditions, shape (B, *), or None.
        """
        if name == "v":
            own = torch.einsum("byj,yij->bi", layers["h"][..., 1:], self.W)
            return self.b + own + layers["g"] @ self.R.T
        if name == "g":
            return self.on_irrelevant(layers["v"])
        on_y = self.on_label(c, layers["v"].shape[0])
        return torch.cat([on_y.unsqueeze(2), self.on_relevant(layers["v"])], 2)

    def opened(self, layers: Layers, c: Tensor | None = None) -> tuple[Tensor, Layers]:
        """Returns E(v, 0, 0), shape (B,), and the fields on the hidden side.

        Args:
            layers: values of the other layers by name, each (B, *).
            c: conditions, shape (B, *), or None.
        """
        return -layers["v"] @ self.b, {name: self.field(name, layers, c) for name in self.summed}

    def label_logits(self, x: Tensor) -> Tensor:
        """Computes equation (2) without its logsumexp, shape (B, classes)."""
        # (2)
        return self.d + F.softplus(self.on_relevant(self.visible(x))).sum(2)
