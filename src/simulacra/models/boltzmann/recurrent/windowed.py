"""The shared base of conditional RBMs of sequences, whose state is the last n frames.

    s_t = D v_t + s_(t-1) R = (v_(t-n+1), ..., v_t),   s_0 = 0                   (1)
    b_t = b(s_(t-1)),   c_t = c(s_(t-1))                                         (2)

The frames before the first one are 0, the mean of standardized frames. Training starts at the ridge
regression of a frame on the n frames before it, whose residuals give the scale of the noise of real frames,
once for all.

Reference: Taylor, Hinton and Roweis 2007. Rows A18, A19.
"""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor

from simulacra.core.capabilities.general import HasDensity
from simulacra.core.optimizers import Adam
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Source, Stage
from simulacra.models.boltzmann.machine.learning import check_at_least
from simulacra.models.boltzmann.recurrent.real_frames import RealFrames
from simulacra.models.boltzmann.recurrent.recurrent_rbm import RecurrentRBM, start_chains_there
from simulacra.models.boltzmann.recurrent.sequence import stage_of
from simulacra.models.boltzmann.recurrent.windows import appended, regression, shift, windows

LOOKS = 10  # mean-field updates of a prediction, if the states of h are too many to sum


class WindowedRBM(RecurrentRBM):
    """Abstract base with equations (1) and (2); subclasses provide the biases and start the autoregression.

    Args:
        space: space of sequences of binary or real frames.
        hidden: number of hidden units of each frame.
        order: number n of frames that a frame depends on.
        gibbs_steps: Gibbs sweeps for each update.
        burn_in: Gibbs sweeps for each frame of a sample, starting from independent units.
        lr: learning rate of Adam.
        estimator: estimator of the expectation under the model: `cd`, or `exact` for few hidden units.
        condition: space of the condition; None for p(x).
        factors: number of factors of the weights; 0: the weights are matrices.

    Raises:
        ValueError: if the space holds no sequences of such frames, or an option is out of range.
    """

    real = True
    move: Tensor

    def __init__(
        self,
        space: Space,
        hidden: int,
        order: int,
        gibbs_steps: int,
        burn_in: int,
        lr: float,
        estimator: str,
        condition: Space | None = None,
        factors: int = 0,
    ):
        check_at_least(1, order=order)
        optimizer = Adam(lr=lr, clip=1.0)
        super().__init__(space, hidden, gibbs_steps, burn_in, optimizer, estimator, condition, factors)
        self.order = order
        self.register_buffer("move", shift(order, self.visible), persistent=False)

    @staticmethod
    def f(s: Tensor) -> Tensor:  # type: ignore[override]
        """Returns the argument: the state (1) is linear.

        Args:
            s: argument, shape (*, n d).
        """
        return s

    @property
    def R(self) -> Tensor:
        """The matrix that moves each frame of a state to the front, shape (n d, n d)."""
        return self.move

    def drive(self, v: Tensor) -> Tensor:
        """Returns the frame in the last place of a state, shape (*, n d).

        Args:
            v: frames, shape (*, d).
        """
        return appended(v, self.order)

    def past(self, v: Tensor) -> Tensor:
        """Returns the n frames before each frame, equation (1) for all frames at once, shape (B, T, n d).

        Args:
            v: frames, shape (B, T, d).
        """
        return windows(v, self.order)

    @abstractmethod
    def autoregress(self, A: Tensor) -> None:
        """Sets the autoregression b(s) = b + s A.

        Args:
            A: weights, shape (n d, d).
        """

    def stage(self, i: int, past: list) -> Stage | None:
        """Returns the only stage, which starts at the ridge regression, or at the mean of binary frames.

        Args:
            i: index of the stage, from 0.
            past: not used.
        """
        start = start_at_regression if isinstance(self.frames, RealFrames) else start_chains_there
        return stage_of(self, i, start)

    def expected(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns the prediction of each frame from the frames before it, shape (B, T, d).

        E[v_t | v_<t] of real frames if the states of h can be summed, otherwise its mean-field estimate.

        Args:
            x: sequences in the model's space, shape (B, T, d).
            c: conditions, shape (B, *), or None.

        Example:
            >>> import torch
            >>> from simulacra.core.spaces.composite import Sequence
            >>> from simulacra.core.spaces.plain import Real
            >>> from simulacra.models.boltzmann.recurrent.crbm import CRBM
            >>> CRBM(Sequence((5,), of=Real((2,))), hidden=3).expected(torch.zeros(1, 5, 2)).shape
            torch.Size([1, 5, 2])
        """
        biases, frames = self.biases_of(self.features(x), c), self.frames
        _, given = frames.prepared(biases[0], biases)
        if isinstance(frames, RealFrames) and self.supports(HasDensity):
            h = frames.mean_of(given.flatten(0, 1)).unflatten(0, given.shape[:2])
            v = frames.field("v", {"h": h}, given)
        else:
            v = self._mean_field(given)
        return frames.finished(frames.observed(v.flatten(0, 1)).view_as(biases[0]), biases)

    def _mean_field(self, given: Tensor) -> Tensor:
        """Returns the means of the visible units after alternating updates from h = 1/2, shape (B, T, d)."""
        frames, units = self.frames, self.frames.units
        h = given.new_full((*given.shape[:-1], self.hidden), 0.5)
        for _ in range(LOOKS):
            v = units["v"].mean(frames.field("v", {"h": h}, given))
            h = units["h"].mean(frames.field("h", {"v": v}, given))
        return units["v"].mean(frames.field("v", {"h": h}, given))


def start_at_regression(model: WindowedRBM, source: Source, rng: Rng) -> None:
    """Initializes b, the autoregression and the scale of the noise from the training rows.

    Args:
        model: the model.
        source: the training split.
        rng: random numbers of the preprocessing.
    """
    A, b, scale = regression(source, rng, model.order)
    assert isinstance(model.frames, RealFrames)
    model.b.copy_(b)
    model.autoregress(A.to(model.b))
    model.frames.scale.copy_(scale)
