"""The recurrent temporal RBM: an RBM for each frame, whose hidden biases depend on the earlier frames.

    c_t = c + W' r_(t-1),   r_t = sg(W v_t + c_t),   r_0 = 0                     (1)
    p(v_t, h_t | v_<t) = RBM with weights W and biases b, c_t                    (2)

r_t is the mean of the hidden units given v_t, so inference is exact in one pass; learning backpropagates
through (1).

Reference: Sutskever, Hinton and Taylor, The Recurrent Temporal Restricted Boltzmann Machine, 2009. Row A21.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from simulacra.core.optimizers import SGD
from simulacra.core.spaces.plain import Space
from simulacra.models.boltzmann.recurrent.recurrent_rbm import RecurrentRBM


class RTRBM(RecurrentRBM):
    """Recurrent temporal restricted Boltzmann machine over sequences of binary frames.

    Its density is exact if the smaller layer has at most 12 units.

    Args:
        space: space of sequences of binary frames.
        hidden: number of hidden units of each frame, and the size of the state r.
        gibbs_steps: Gibbs sweeps for each update.
        burn_in: Gibbs sweeps for each frame of a sample, starting from independent units.
        lr: learning rate.
        momentum: momentum of SGD.
        estimator: estimator of the expectation under the model: `cd`, or `exact` for few units.

    Raises:
        ValueError: if the space holds no sequences of binary frames, or an option is out of range.

    Example:
        >>> from simulacra.core.spaces.composite import Sequence
        >>> from simulacra.core.spaces.plain import Binary
        >>> model = RTRBM(Sequence((5,), of=Binary((4,))), hidden=3)
        >>> model.log_prob([torch.zeros(5, 4), torch.zeros(2, 4)]).kind
        'exact'
    """

    f = staticmethod(torch.sigmoid)

    def __init__(
        self,
        space: Space,
        hidden: int = 100,
        gibbs_steps: int = 5,
        burn_in: int = 50,
        lr: float = 0.05,
        momentum: float = 0.9,
        estimator: str = "cd",
        *,
        seed: int = 0,
    ):
        # gradients through many frames may explode
        optimizer = SGD(lr=lr, momentum=momentum, clip=1.0)
        super().__init__(space, hidden, gibbs_steps, burn_in, optimizer, estimator)
        # W' of (1)
        self.recurrent = nn.Parameter(0.01 * torch.randn(hidden, hidden))

    @property
    def R(self) -> Tensor:
        """W' of (1), shape (hidden, hidden)."""
        return self.recurrent

    def drive(self, v: Tensor) -> Tensor:
        """Computes W v + c of (1), shape (*, hidden)."""
        return v @ self.W + self.c

    def biases(self, s: Tensor, u: Tensor | None = None) -> tuple[Tensor, ...]:
        """Returns b, and c_t of (1).

        Args:
            s: states before the frames, shape (*, hidden).
            u: not used.
        """
        # (1)
        return self.b.expand(*s.shape[:-1], -1), self.c + s @ self.recurrent
