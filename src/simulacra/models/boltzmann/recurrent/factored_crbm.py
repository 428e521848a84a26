"""The factored conditional RBM: a style chooses among the weights through three-way factors.

    z = S u                                                                      (1)
    b_t = b + sum_m P^b_m (p'V^b_m) (z'G^b_m)                                    (2)
    c_t = c + sum_n P^c_n (p'V^c_n) (z'G^c_n)                                    (3)
    W_t = sum_f P_f Q_f' (z'G_f)                                                 (4)

with u the style (a class, one-hot, or numbers), z its features, p the last n frames, and P_m, V_m, G_m the
columns of the factors. (2) to (4) are tensors of three indices (frame or hidden unit, past or hidden unit,
style) of the rank of the number of factors; without the factors they would have d x n d x features weights.
One model holds several styles, and a mixture of styles blends them.

Reference: Taylor and Hinton, Factored Conditional Restricted Boltzmann Machines for Modeling Motion Style,
2009. Row A19.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from simulacra.core.capabilities.general import TakesCondition
from simulacra.core.errors.suggestion import Refusal, load_with
from simulacra.core.spaces.composite import Sequence
from simulacra.core.spaces.plain import Real, Space
from simulacra.models.boltzmann.machine.learning import check_at_least
from simulacra.models.boltzmann.recurrent.windowed import WindowedRBM


class Factors(nn.Module):
    """A bilinear map of three-way factors: y = P ((p V) * (z G)).

    Args:
        past: number of inputs p.
        features: number of features of the style z.
        out: number of outputs y.
        factors: number of factors.
    """

    def __init__(self, past: int, features: int, out: int, factors: int):
        super().__init__()
        self.V = nn.Parameter(torch.randn(past, factors) / (10 * past) ** 0.5)
        self.G = gates(features, factors)
        self.P = nn.Parameter(torch.randn(out, factors) / (10 * factors) ** 0.5)

    def forward(self, p: Tensor, z: Tensor) -> Tensor:
        """Computes y, shape (*, out).

        Args:
            p: inputs, shape (*, past).
            z: features of the style, shape (*, features).
        """
        return ((p @ self.V) * (z @ self.G)) @ self.P.T


class FactoredCRBM(WindowedRBM, TakesCondition):
    """Factored conditional RBM over sequences of real frames and their style.

    Its density is exact with at most 12 hidden units. Real frames should be standardized.

    Args:
        space: space of sequences of real frames.
        condition: space of the style: classes, or numbers.
        hidden: number of hidden units of each frame.
        order: number n of frames that a frame depends on.
        factors: number of factors of each of (2) to (4).
        features: number of features z of the style.
        gibbs_steps: Gibbs sweeps for each update.
        burn_in: Gibbs sweeps for each frame of a sample, starting from independent units.
        lr: learning rate of Adam.
        estimator: estimator of the expectation under the model: `cd`, or `exact` for few hidden units.

    Raises:
        ValueError: if the space holds no sequences of real frames, there is no condition, or an option is out
            of range.

    Example:
        >>> from simulacra.core.spaces.classes import Categorical
        >>> from simulacra.core.spaces.plain import Real
        >>> walks = Sequence((5,), of=Real((4,)))
        >>> model = FactoredCRBM(walks, Categorical((), 2), hidden=3, factors=6)
        >>> model.sample(2, condition=[0, 1], seed=0).shape
        torch.Size([2, 5, 4])
    """

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        hidden: int = 150,
        order: int = 3,
        factors: int = 100,
        features: int = 10,
        gibbs_steps: int = 1,
        burn_in: int = 30,
        lr: float = 1e-4,
        estimator: str = "cd",
        *,
        seed: int = 0,
    ):
        check_at_least(1, factors=factors, features=features)
        if condition is None:
            styled = load_with(condition="label")
            raise Refusal(
                f"FactoredCRBM needs a condition, the style of each sequence: load the data with {styled}, "
                "or take crbm, which needs none.",
                styled,
            )
        if isinstance(space, Sequence) and not isinstance(space.of, Real):
            raise ValueError(
                f"FactoredCRBM needs sequences of real frames, but the space is {space}: take crbm for "
                "frames of 0 and 1."
            )
        super().__init__(space, hidden, order, gibbs_steps, burn_in, lr, estimator, condition, factors)
        d, styles = self.visible, math.prod(condition.features_shape)
        self.S = nn.Parameter(1 + 0.1 * torch.randn(styles, features))
        self.to_visible = Factors(order * d, features, d, factors)
        self.to_hidden = Factors(order * d, features, hidden, factors)
        self.G = gates(features, factors)

    def biases(self, s: Tensor, u: Tensor | None = None) -> tuple[Tensor, ...]:
        """Computes b_t and c_t of (2) and (3), and the gates z'G_f of (4).

        Args:
            s: the n frames before a frame, shape (*, n d).
            u: style, shape (B, U) or (B, 1, U).
        """
        assert u is not None, "the style is the condition"
        # (1)
        z = u @ self.S
        # (4)
        g = (z @ self.G).expand(*s.shape[:-1], -1)
        # (2), (3)
        return self.b + self.to_visible(s, z), self.c + self.to_hidden(s, z), g

    def autoregress(self, A: Tensor) -> None:
        """Sets the factors of (2) to the best approximation of A for all styles: its largest singular values.

        Args:
            A: weights, shape (n d, d).
        """
        U, values, Vh = torch.linalg.svd(A, full_matrices=False)
        rank = min(len(values), self.to_visible.V.shape[1])
        # the gates are 1 at the mean style
        root = values[:rank].sqrt()
        self.to_visible.V[:, :rank] = U[:, :rank] * root
        self.to_visible.P[:, :rank] = Vh[:rank].T * root
        self.to_visible.P[:, rank:] = 0.0


def gates(features: int, factors: int) -> nn.Parameter:
    """Returns the weights from the features of a style to the gates, which start close to 1.

    Args:
        features: number of features.
        factors: number of factors.
    """
    return nn.Parameter(1 / features + 0.01 * torch.randn(features, factors))
