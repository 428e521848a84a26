"""The conditional RBM of sequences: an RBM for each frame, whose biases depend on the last n frames.

    b_t = b + A (v_(t-n), ..., v_(t-1)),   c_t = c + B (v_(t-n), ..., v_(t-1))   (1)
    p(v_t, h_t | v_<t) = RBM with weights W and biases b_t, c_t                  (2)

A is an autoregression of order n, to which the hidden units add what is not linear. Given the past, the
hidden units of a frame are independent of each other, so that inference needs no iterations.

Reference: Taylor, Hinton and Roweis, Modeling Human Motion Using Binary Latent Variables, 2007. Row A18.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from simulacra.core.spaces.plain import Space
from simulacra.models.boltzmann.recurrent.windowed import WindowedRBM


class CRBM(WindowedRBM):
    """Conditional RBM over sequences of real or binary frames, such as recorded motion.

    Its density is exact with at most 12 hidden units. Real frames should be standardized.

    Args:
        space: space of sequences of real or binary frames.
        hidden: number of hidden units of each frame.
        order: number n of frames that a frame depends on.
        gibbs_steps: Gibbs sweeps for each update.
        burn_in: Gibbs sweeps for each frame of a sample, starting from independent units.
        lr: learning rate of Adam.
        estimator: estimator of the expectation under the model: `cd`, or `exact` for few hidden units.

    Raises:
        ValueError: if the space holds no sequences of such frames, or an option is out of range.

    Example:
        >>> import torch
        >>> from simulacra.core.spaces.composite import Sequence
        >>> from simulacra.core.spaces.plain import Real
        >>> model = CRBM(Sequence((5,), of=Real((4,))), hidden=3)
        >>> model.log_prob([torch.zeros(5, 4), torch.zeros(2, 4)]).kind
        'exact'
    """

    def __init__(
        self,
        space: Space,
        hidden: int = 150,
        order: int = 3,
        gibbs_steps: int = 1,
        burn_in: int = 30,
        lr: float = 1e-4,
        estimator: str = "cd",
        *,
        seed: int = 0,
    ):
        super().__init__(space, hidden, order, gibbs_steps, burn_in, lr, estimator)
        past = order * self.visible
        self.A = nn.Parameter(torch.zeros(past, self.visible))
        self.B = nn.Parameter(0.01 * torch.randn(past, hidden))

    def biases(self, s: Tensor, u: Tensor | None = None) -> tuple[Tensor, ...]:
        """Computes b_t and c_t of (1).

        Args:
            s: the n frames before a frame, shape (*, n d).
            u: not used.
        """
        # (1)
        return self.b + s @ self.A, self.c + s @ self.B

    def autoregress(self, A: Tensor) -> None:
        """Sets A of (1).

        Args:
            A: weights, shape (n d, d).
        """
        self.A.copy_(A)
