"""The shared base of recurrent models of sequences, in which a state gives the next frame's distribution.

    log p(v_1, ..., v_L) = sum_t log p(v_t | s_(t-1))                            (1)
    s_t = f(D(v_t) + s_(t-1) R),   s_0 = 0                                       (2)
    b_t, c_t = biases(s_(t-1), u)                                                (3)

A frame is modelled by an RBM or a NADE with (3) as the biases of its visible and hidden units; u is the
condition of the whole sequence, where there is one. Gradients are backpropagated through (2) to the first
frame. The loss is the mean of the terms of (1) over all frames of a batch, so that longer sequences have more
weight.

Reference: Sutskever, Hinton and Taylor 2009; Boulanger-Lewandowski, Bengio and Vincent 2012. Rows A21 to A23.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from simulacra.core.capabilities.general import Continues, HasDensity, Samples, TakesLengths
from simulacra.core.capabilities.sampling import Sampling, Watch
from simulacra.core.model import Model
from simulacra.core.numerics.precision import to_float64
from simulacra.core.ragged import log_odds, so_far, trimmed, valid_steps
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.composite import Sequence
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Initial, Source, Stage
from simulacra.models.boltzmann.machine.learning import check_at_least
from simulacra.models.boltzmann.machine.needs import need_frames

FRAMES = 2**14  # largest number of frames that are scored at once


class Recurrent(Model, Samples, HasDensity, Continues, TakesLengths):
    """Abstract base with equations (1) to (3); subclasses provide D, R, f, the biases and the frames.

    Args:
        space: space of sequences of frames.
        hidden: number of hidden units of each frame.
        condition: space of the condition u; None for p(x).

    Raises:
        ValueError: if the space holds no sequences of frames that the model takes, or `hidden` is below 1.
    """

    space: Sequence
    f: ClassVar = staticmethod(torch.tanh)
    real: ClassVar[bool] = False  # True: frames may be real

    def __init__(self, space: Space, hidden: int, condition: Space | None = None):
        need_frames(type(self).__name__, space, self.real)
        check_at_least(1, hidden=hidden)
        super().__init__(space, condition)
        self.hidden, self.visible = hidden, space.shape[1]
        self.b, self.c = nn.Parameter(torch.zeros(self.visible)), nn.Parameter(torch.zeros(hidden))

    # ---- state and frames, provided by subclasses

    @property
    @abstractmethod
    def R(self) -> Tensor:
        """Recurrent weights of (2), shape (S, S)."""

    @abstractmethod
    def drive(self, v: Tensor) -> Tensor:
        """Computes D(v) of (2), shape (*, S)."""

    @abstractmethod
    def biases(self, s: Tensor, u: Tensor | None = None) -> tuple[Tensor, ...]:
        """Computes b_t, c_t and further parameters of the frames, equation (3), each of shape (*, entries).

        Args:
            s: states before the frames, shape (B, S) or (B, T, S).
            u: condition as features, shape (B, U) or (B, 1, U); None: no condition.
        """

    @abstractmethod
    def log_frames(self, v: Tensor, *biases: Tensor) -> Tensor:
        """Computes log p of frames given their biases, in nats, shape (N,).

        Args:
            v: frames, shape (N, d).
            biases: results of `biases`, each of shape (N, entries).
        """

    @abstractmethod
    def draw_frame(self, biases: tuple[Tensor, ...], rng: Rng, how: Sampling | None = None) -> Tensor:
        """Samples a frame for each row of biases, shape (B, d).

        Args:
            biases: results of `biases`, each of shape (B, entries).
            rng: source of random numbers.
            how: options of drawing; None: the model's own.
        """

    # ---- scores and samples

    def past(self, v: Tensor) -> Tensor:
        """Returns the states s_(t-1) of equation (2) before each of the frames (B, T, d), shape (B, T, S)."""
        drive, R = self.drive(v), self.R
        s, states = torch.zeros_like(drive[:, 0]), []
        for step in drive.unbind(1):
            states.append(s)
            # (2)
            s = self.f(step + s @ R)
        return torch.stack(states, 1)

    def biases_of(self, v: Tensor, c: Tensor | None = None) -> tuple[Tensor, ...]:
        """Returns the results of `biases` for each frame of sequences, each of shape (B, T, entries).

        Args:
            v: frames, shape (B, T, d).
            c: conditions, shape (B, *), or None.
        """
        u = self.condition_features(c)
        return self.biases(self.past(v), None if u is None else u.unsqueeze(1))

    def condition_features(self, c: Tensor | None) -> Tensor | None:
        """Returns u of (3), the condition as features, shape (B, U).

        Args:
            c: conditions, shape (B, *), or None.
        """
        return None if self.condition is None or c is None else self.condition.vectors(c, self.dtype)

    def frame_log_prob(self, x: Tensor, lengths: Tensor | None = None, c: Tensor | None = None) -> Tensor:
        """Computes the terms of (1) in nats, 0 after the end of a row, shape (B, T).

        Args:
            x: sequences, shape (B, T, d); T may be shorter than in the space.
            lengths: number of frames of each row, shape (B,); None for all T.
            c: conditions, shape (B, *), or None.
        """
        v, valid = self.features(x), valid_steps(x, lengths)
        parts = [part[valid].split(FRAMES) for part in (v, *self.biases_of(v, c))]
        # (1)
        found = torch.cat([self.log_frames(*frames) for frames in zip(*parts)])
        return torch.zeros_like(valid, dtype=found.dtype).masked_scatter(valid, found)

    def log_density(self, x: Tensor, c: Tensor | None = None, known: Tensor | None = None) -> Tensor:
        """Computes log p(x) of equation (1) in nats, shape (B,).

        Args:
            x: sequences, shape (B, T, d).
            c: conditions, shape (B, *), or None.
            known: False in the steps after the end of a row, which are left out; None for full rows.
        """
        if known is None:
            return to_float64(self.frame_log_prob(x, c=c)).sum(1)
        lengths = self.space.lengths_of(known, type(self).__name__)
        return to_float64(self.frame_log_prob(x[:, : int(lengths.max())], lengths, c)).sum(1)

    def looks(self, how: Sampling | None = None) -> int:
        """Returns the number of frames.

        Args:
            how: not used.
        """
        return self.space.steps

    def draw(
        self, rng: Rng, c: Tensor | None = None, how: Sampling | None = None, watch: Watch | None = None
    ) -> Tensor:
        """Samples sequences frame by frame, shape (B, T, d).

        Args:
            rng: source of random numbers, with one row for each sample.
            c: conditions, shape (B, *), or None.
            how: options of drawing; None: the model's own.
            watch: called after each frame with their number so far, their total, x so far and True for frames
                that are drawn; None: never.
        """
        return self._continued(torch.zeros(len(rng.rows), 0, self.visible), None, rng, c, how, watch)

    def fill(self, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Continues each sequence from its known first steps, shape (B, T, d).

        Args:
            x: observations, shape (B, *); missing entries may have any value.
            known: True where known, shape (B, *).
            rng: source of random numbers.
            c: conditions, shape (B, *), or None.
        """
        lengths = self.space.lengths_of(known, type(self).__name__)
        return self._continued(self.features(x)[:, : int(lengths.max())], lengths, rng, c)

    def _continued(
        self,
        begun: Tensor,
        lengths: Tensor | None,
        rng: Rng,
        c: Tensor | None = None,
        how: Sampling | None = None,
        watch: Watch | None = None,
    ) -> Tensor:
        """Samples sequences that start with the frames `begun`, of which each row keeps its own number."""
        u = self.condition_features(c)
        s = torch.zeros(begun.shape[0], self.R.shape[0], dtype=self.dtype, device=self.device)
        frames = []
        for t in range(self.space.steps):
            v = self.draw_frame(self.biases(s, u), rng.at(t), how)
            if lengths is not None and t < begun.shape[1]:
                v = torch.where((t < lengths).unsqueeze(1), begun[:, t], v)
            frames.append(v)
            if watch is not None:
                watch(t + 1, self.space.steps, *so_far(frames, self.space.steps))
            # (2)
            s = self.f(self.drive(v) + s @ self.R)
        return torch.stack(frames, 1)


class StateNet(nn.Module):
    """The recurrent state of the RNN-RBM and the RNN-NADE, with its maps to the biases of a frame:

        u_t = tanh(a + v_t B + u_(t-1) A),   b_t = b + u_(t-1) U,  c_t = c + u_(t-1) V

    Args:
        visible: number of units of a frame.
        hidden: number of hidden units of a frame.
        state: size of the state u.
    """

    def __init__(self, visible: int, hidden: int, state: int):
        super().__init__()
        check_at_least(1, state=state)
        self.a = nn.Parameter(torch.zeros(state))
        self.A = nn.Parameter(torch.empty(state, state).uniform_(-1, 1) / state**0.5)
        self.B = nn.Parameter(torch.empty(visible, state).uniform_(-1, 1) / visible**0.5)
        self.U = nn.Parameter(0.01 * torch.randn(state, visible))
        self.V = nn.Parameter(0.01 * torch.randn(state, hidden))

    def drive(self, v: Tensor) -> Tensor:
        """Computes a + v B, the term of a frame in the argument of tanh, shape (*, state)."""
        return self.a + v @ self.B


# ---- training


def start_at_note_frequencies(model: Recurrent, source: Source, rng: Rng) -> None:
    """Initializes b at the log-odds of each entry's mean over the frames.

    Args:
        model: the recurrent model.
        source: the training split.
        rng: random numbers of the preprocessing.
    """
    model.b.copy_(log_odds(source, rng))


def stage_of(
    model: Recurrent, i: int, start: Callable[[Any, Source, Rng], None] = start_at_note_frequencies
) -> Stage | None:
    """Returns the only stage of a recurrent model, on trimmed batches.

    Args:
        model: the recurrent model.
        i: index of the stage.
        start: initialization that runs before the first update.
    """
    return (
        Stage("train", model.updates(), model.length, start=Initial(start), view=trimmed) if i == 0 else None
    )
