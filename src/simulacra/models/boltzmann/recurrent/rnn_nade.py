"""The RNN-NADE: a NADE for each frame of a sequence, with biases from a recurrent network.

    b_t = b + W_uv u_(t-1),   c_t = c + W_uh u_(t-1)                             (1)
    u_t = tanh(b_u + W_uu u_(t-1) + W_vu v_t),   u_0 = 0                         (2)
    p(v_t | v_<t) = prod_i p(v_ti | v_t,<i, v_<t),
    p(v_ti = 1 | ...) = sg(b_ti + V_i sg(c_t + W_<i v_t,<i))                     (3)

Unlike the RBM of the RNN-RBM, the NADE has normalized probabilities: the likelihood of a sequence and its
gradient are exact.

Reference: Boulanger-Lewandowski, Bengio and Vincent 2012, section 4.2; Larochelle and Murray 2011 for (3).
Row A23.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from simulacra.core.batch import Batch, Terms
from simulacra.core.capabilities.sampling import Sampling
from simulacra.core.optimizers import Adam
from simulacra.core.ragged import valid_frames
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Stage, Update
from simulacra.models.boltzmann.recurrent.sequence import Recurrent, StateNet, stage_of
from simulacra.nets.autoregressive.recursion import shared_recursion


class RNNNADE(Recurrent):
    """RNN-NADE over sequences of binary frames, with an exact likelihood.

    Args:
        space: space of sequences of binary frames.
        hidden: number of hidden units of each frame.
        state: size of the recurrent state u.
        lr: learning rate of Adam.

    Raises:
        ValueError: if the space holds no sequences of binary frames, or a size is below 1.

    Example:
        >>> from simulacra.core.spaces.composite import Sequence
        >>> from simulacra.core.spaces.plain import Binary
        >>> model = RNNNADE(Sequence((5,), of=Binary((4,))), hidden=3, state=2)
        >>> model.log_prob([torch.zeros(5, 4), torch.zeros(2, 4)]).kind
        'exact'
    """

    def __init__(self, space: Space, hidden: int = 150, state: int = 100, lr: float = 1e-3, *, seed: int = 0):
        super().__init__(space, hidden)
        self.lr, d = lr, self.visible
        self.net = StateNet(d, hidden, state)
        self.W = nn.Parameter(torch.empty(d, hidden).uniform_(-1, 1) / d**0.5)
        self.V = nn.Parameter(torch.empty(d, hidden).uniform_(-1, 1) / hidden**0.5)

    def updates(self) -> list[Update]:
        """Returns the only update; frames after the end of a sequence have weight 0."""
        # gradients through many frames may explode
        optimizer = Adam(lr=self.lr, clip=1.0)
        weights = {"nll": valid_frames}
        return [Update("likelihood", ("",), negative_log_likelihood, weights=weights, optimizer=optimizer)]

    def stage(self, i: int, past: list) -> Stage | None:
        """Returns the only stage, which initializes b from the mean of the frames.

        Args:
            i: index of the stage, from 0.
            past: not used.
        """
        return stage_of(self, i)

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

    def log_frames(self, v: Tensor, *biases: Tensor) -> Tensor:
        """Computes the sum of the logs of (3), exact, in nats, shape (N,).

        Args:
            v: frames, shape (N, d).
            biases: b_t and c_t, shapes (N, d) and (N, hidden).
        """
        b, c = biases
        # (3)
        y = shared_recursion(v.unsqueeze(2), self.W.unsqueeze(1), c, self.V.unsqueeze(1)).squeeze(2) + b
        return -F.binary_cross_entropy_with_logits(y, v, reduction="none").sum(1)

    def draw_frame(self, biases: tuple[Tensor, ...], rng: Rng, how: Sampling | None = None) -> Tensor:
        """Samples a frame entry by entry, shape (B, d).

        Args:
            biases: b_t and c_t, shapes (B, d) and (B, hidden).
            rng: source of random numbers.
            how: not used.
        """
        b, c = biases
        u = rng.uniform("v", self.visible, dtype=b.dtype)
        entries = []
        for i in range(self.visible):
            # (3)
            v = (u[:, i] < torch.sigmoid(b[:, i] + torch.sigmoid(c) @ self.V[i])).to(b.dtype)
            c = c + v.unsqueeze(1) * self.W[i]
            entries.append(v)
        return torch.stack(entries, 1)


def negative_log_likelihood(model: RNNNADE, batch: Batch, rng: Rng) -> Terms:
    """Computes -log p(v_t | v_<t) of each frame in nats, shape (B, T)."""
    return Terms({"nll": -model.frame_log_prob(batch.x, batch.lengths)})
