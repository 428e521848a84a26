"""Shared by recurrent models of sequences: a deterministic state that sets the law of the next frame.

    log p(v_1, ..., v_L) = sum_t log p(v_t | s_(t-1))                            (1)
    s_t = f(D(v_t) + s_(t-1) R),   s_0 = 0                                       (2)
    b_t, c_t = biases(s_(t-1))                                                   (3)

The law of a frame is a machine or an estimator whose biases (3) are those of its visible and hidden units.
Gradients go back through (2) to the first frame. A sequence counts as often as it has frames: what is
learned from is the mean of (1) over all frames of a batch.

Reference: Sutskever, Hinton and Taylor 2009; Boulanger-Lewandowski, Bengio and Vincent 2012. Rows A21 to A23.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from simulacra.core.batch import Batch
from simulacra.core.capabilities.general import Continues, HasDensity, Samples, TakesLengths
from simulacra.core.model import Model
from simulacra.core.numerics.precision import to_float64
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.composite import Sequence
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Source, Stage
from simulacra.models.boltzmann.machine.learning import check_at_least
from simulacra.models.boltzmann.machine.needs import need_frames

FRAMES = 2**14  # whose law is worked out at once
ROWS = 64  # sequences that are looked at together before training


class Recurrent(Model, Samples, HasDensity, Continues, TakesLengths):
    """Abstract: equations (1) to (3); subclasses give the law of a frame, D, R, f and the biases.

    Args:
        space: space of sequences of binary frames.
        hidden: hidden units of the law of a frame.

    Raises:
        ValueError: if the space holds no sequences of binary frames, or there is no hidden unit.
    """

    space: Sequence
    f: ClassVar = staticmethod(torch.tanh)

    def __init__(self, space: Space, hidden: int):
        need_frames(type(self).__name__, space)
        check_at_least(1, hidden=hidden)
        super().__init__(space)
        self.hidden, self.visible = hidden, space.shape[1]
        self.b, self.c = nn.Parameter(torch.zeros(self.visible)), nn.Parameter(torch.zeros(hidden))

    # ---- energy, provided by subclasses

    @property
    @abstractmethod
    def R(self) -> Tensor:
        """The recurrent weights of (2), shape (S, S)."""

    @abstractmethod
    def drive(self, v: Tensor) -> Tensor:
        """D(v) of (2), shape (*, S)."""

    @abstractmethod
    def biases(self, s: Tensor) -> tuple[Tensor, Tensor]:
        """b_t and c_t of (3) from the states before, shapes (*, d) and (*, hidden)."""

    @abstractmethod
    def log_frames(self, v: Tensor, b: Tensor, c: Tensor) -> Tensor:
        """log p of frames with biases of their own, in nats, shape (N,).

        Args:
            v: frames, shape (N, d).
            b: biases of the visible units, shape (N, d).
            c: biases of the hidden units, shape (N, hidden).
        """

    @abstractmethod
    def draw_frame(self, b: Tensor, c: Tensor, rng: Rng) -> Tensor:
        """A frame for each row of biases, shape (B, d)."""

    # ---- what follows

    def past(self, v: Tensor) -> Tensor:
        """The states s_(t-1) of equation (2) before each of the frames (B, T, d), shape (B, T, S)."""
        drive, R = self.drive(v), self.R
        s, states = torch.zeros_like(drive[:, 0]), []
        for step in drive.unbind(1):
            states.append(s)
            # (2)
            s = self.f(step + s @ R)
        return torch.stack(states, 1)

    def frame_log_prob(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """The terms of (1) in nats, 0 beyond a row's end, shape (B, T).

        Args:
            x: sequences, shape (B, T, d); T may be below the space's.
            lengths: frames of each row, shape (B,); None: all.
        """
        v, valid = self.features(x), valid_steps(x, lengths)
        parts = [part[valid].split(FRAMES) for part in (v, *self.biases(self.past(v)))]
        # (1)
        found = torch.cat([self.log_frames(*frames) for frames in zip(*parts)])
        return torch.zeros_like(valid, dtype=found.dtype).masked_scatter(valid, found)

    def log_density(self, x: Tensor, c: Tensor | None = None, known: Tensor | None = None) -> Tensor:
        """log p(x) of equation (1) in nats, shape (B,).

        Args:
            known: False in the last steps of a row, which then count for nothing.
        """
        if known is None:
            return to_float64(self.frame_log_prob(x)).sum(1)
        lengths = self.space.lengths_of(known, type(self).__name__)
        return to_float64(self.frame_log_prob(x[:, : int(lengths.max())], lengths)).sum(1)

    def draw(self, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Frame by frame, shape (B, T, d)."""
        return self._continued(torch.zeros(len(rng.rows), 0, self.visible), None, rng)

    def fill(self, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Each sequence continued from its known first steps, shape (B, T, d)."""
        lengths = self.space.lengths_of(known, type(self).__name__)
        return self._continued(self.features(x)[:, : int(lengths.max())], lengths, rng)

    def _continued(self, begun: Tensor, lengths: Tensor | None, rng: Rng) -> Tensor:
        """Sequences that begin with the frames `begun`, of which each row keeps its own number."""
        s = torch.zeros(begun.shape[0], self.R.shape[0], dtype=self.dtype, device=self.device)
        frames = []
        for t in range(self.space.steps):
            v = self.draw_frame(*self.biases(s), rng.at(t))
            if lengths is not None and t < begun.shape[1]:
                v = torch.where((t < lengths).unsqueeze(1), begun[:, t], v)
            frames.append(v)
            # (2)
            s = self.f(self.drive(v) + s @ self.R)
        return torch.stack(frames, 1)


class StateNet(nn.Module):
    """The state of the RNN-RBM and the RNN-NADE, and how it moves the biases of a frame.

        u_t = tanh(a + v_t B + u_(t-1) A),   b_t = b + u_(t-1) U,  c_t = c + u_(t-1) V

    Args:
        visible: units of a frame.
        hidden: hidden units of its law.
        state: size of u.
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
        """The part of a frame in the argument of tanh, shape (*, state)."""
        return self.a + v @ self.B


# ---- training


def valid_frames(batch: Batch) -> Tensor:
    """One for each frame before a sequence's end, shape (B, T)."""
    return valid_steps(batch.x, batch.lengths).to(torch.get_default_dtype())


def valid_steps(x: Tensor, lengths: Tensor | None) -> Tensor:
    """True before the end of each row, shape (B, T)."""
    t = torch.arange(x.shape[1], device=x.device)
    counts = torch.full((len(x),), x.shape[1], device=x.device) if lengths is None else lengths
    return t < counts.unsqueeze(1)


def trimmed(model: Recurrent, batch: Batch, rng: Rng) -> Batch:
    """The batch without the steps in which all of its rows have ended."""
    if batch.lengths is None:
        return batch
    steps = int(batch.lengths.max())
    known = None if batch.known is None else batch.known[:, :steps]
    return replace(batch, x=batch.x[:, :steps], known=known)


def start_at_note_frequencies(model: Recurrent, source: Source, rng: Rng) -> None:
    """b at the log-odds of each entry's share of the frames: what is learned is the rest."""
    ones, frames = torch.zeros(model.visible, dtype=torch.float64), 0.0
    for i in range(0, len(source), ROWS):
        rows = range(i, min(i + ROWS, len(source)))
        batch = source.batch(torch.arange(rows.start, rows.stop), rng.on(rows))
        valid = valid_steps(batch.x, batch.lengths)
        ones += to_float64(batch.x[valid].sum(0)).cpu()
        frames += float(valid.sum())
    # as if each note had been seen once on and once off
    model.b.copy_(torch.logit((ones + 1) / (frames + 2)))


def stage_of(
    model: Recurrent, i: int, start: Callable[[Any, Source, Rng], None] = start_at_note_frequencies
) -> Stage | None:
    """One stage, on trimmed batches."""
    return Stage("train", model.updates(), model.length, start=start, view=trimmed) if i == 0 else None
