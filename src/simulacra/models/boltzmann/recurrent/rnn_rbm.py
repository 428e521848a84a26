"""The RNN-RBM: an RBM for each frame of a sequence, with biases from a recurrent network.

    b_t = b + W_uv u_(t-1),   c_t = c + W_uh u_(t-1)                             (1)
    u_t = tanh(b_u + W_uu u_(t-1) + W_vu v_t),   u_0 = 0                         (2)
    p(v_t, h_t | v_<t) = RBM with weights W and biases b_t, c_t                  (3)

Unlike in the RTRBM, the state u is separate from the hidden units.

Reference: Boulanger-Lewandowski, Bengio and Vincent, Modeling Temporal Dependencies in High-Dimensional
Sequences, 2012. Row A22.
"""

from __future__ import annotations

from torch import Tensor

from simulacra.core.optimizers import SGD
from simulacra.core.spaces.plain import Space
from simulacra.models.boltzmann.recurrent.recurrent_rbm import RecurrentRBM
from simulacra.models.boltzmann.recurrent.sequence import StateNet


class RNNRBM(RecurrentRBM):
    """RNN-RBM over sequences of binary frames.

    Its density is exact if the smaller layer has at most 12 units.

    Args:
        space: space of sequences of binary frames.
        hidden: number of hidden units of each frame.
        state: size of the recurrent state u.
        gibbs_steps: Gibbs sweeps for each update.
        burn_in: Gibbs sweeps for each frame of a sample, starting from independent units.
        lr: learning rate.
        momentum: momentum of SGD.
        estimator: estimator of the expectation under the model: `cd`, or `exact` for few units.

    Raises:
        ValueError: if the space holds no sequences of binary frames, or an option is out of range.

    Example:
        >>> import torch
        >>> from simulacra.core.spaces.composite import Sequence
        >>> from simulacra.core.spaces.plain import Binary
        >>> model = RNNRBM(Sequence((5,), of=Binary((4,))), hidden=3, state=2)
        >>> model.log_prob([torch.zeros(5, 4), torch.zeros(2, 4)]).kind
        'exact'
    """

    def __init__(
        self,
        space: Space,
        hidden: int = 150,
        state: int = 100,
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
        self.net = StateNet(self.visible, hidden, state)

    @property
    def R(self) -> Tensor:
        """W_uu of (2), shape (state, state)."""
        return self.net.A

    def drive(self, v: Tensor) -> Tensor:
        """Computes b_u + W_vu v of (2), shape (*, state)."""
        return self.net.drive(v)

    def biases(self, s: Tensor, u: Tensor | None = None) -> tuple[Tensor, ...]:
        """Computes b_t and c_t of (1).

        Args:
            s: states before the frames, shape (*, state).
            u: not used.
        """
        # (1)
        return self.b + s @ self.net.U, self.c + s @ self.net.V
