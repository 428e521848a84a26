"""The states of a running sum over a block of entries, as matrix products, and their adjoints.

In a block of T entries the state before entry t is

    a_t = a + sum_(s<t) x_s W_s = a + m_t W,   m_t = (x_s [s < t])_s           (1)

with a the state at the block's start, so all states of a block are one product, and the gradients of
W, a and x are a few more. `EveryState` keeps the B T states apart. `DistinctStates` has one state for
each stretch of entries that are zero behind its first: with one number an entry, a zero leaves the
state as it is, and what depends on the state alone is computed once a stretch. Binary images are
mostly such stretches.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F


class Block(Protocol):
    """Some entries of the recursion: where they stand, their inputs, and maps with adjoints.

    Args:
        at: where the entries stand.
        x: their inputs, shape (B, T E).
    """

    at: slice
    x: Tensor

    def __len__(self) -> int:
        """The number n of states."""
        ...

    def states(self, a: Tensor, W: Tensor, room: Tensor) -> Tensor:
        """Equation (1), written into `room` (n, H) or more, from a (B, H) and W (T E, H)."""
        ...

    def states_adjoint(self, da: Tensor, later: Tensor) -> tuple[Tensor, Tensor]:
        """The gradients of W, (T E, H), and of a, (B, H).

        Args:
            da: gradient of the states.
            later: gradient of the state behind the block, (B, H).
        """
        ...

    def outputs(self, h: Tensor, V: Tensor) -> Tensor:
        """V_t h_t for each entry and row, (T, B, P), from the hidden states and V (T, P, H)."""
        ...

    def outputs_adjoint(self, dy: Tensor, h: Tensor, V: Tensor, room: Tensor) -> tuple[Tensor, Tensor]:
        """The gradients of V and, written into `room`, of h, from that of the outputs."""
        ...


class EveryState:
    """States (T, B, H): one for each entry and row.

    Args:
        x: inputs of the entries, shape (B, T, E).
        at: where the entries stand.
    """

    def __init__(self, x: Tensor, at: slice):
        self.at, self.x, (B, T, E) = at, x.flatten(1), x.shape
        self.shape = (T, B)
        times = torch.arange(T, device=x.device)
        # [s < t] for t = 2..T
        self.before = (times < times[1:, None]).to(x.dtype).repeat_interleave(E, 1).unsqueeze(1)
        self.m = (self.before * self.x).flatten(0, 1)

    def __len__(self) -> int:
        return self.shape[0] * self.shape[1]

    def _in(self, room: Tensor) -> Tensor:
        return room[: len(self)].view(*self.shape, -1)

    def states(self, a: Tensor, W: Tensor, room: Tensor) -> Tensor:
        """a itself, then (1); with one number an entry, one sum after the other is faster."""
        found = self._in(room)
        if len(W) == len(found):
            found[0] = a
            for t, W_t in enumerate(W[:-1]):
                torch.addcmul(found[t], self.x[:, t : t + 1], W_t, out=found[t + 1])
            return found
        found[:] = a
        # (1)
        found[1:].flatten(0, 1).addmm_(self.m, W)
        return found

    def states_adjoint(self, da: Tensor, later: Tensor) -> tuple[Tensor, Tensor]:
        """Products and a sum over the states."""
        return torch.addmm(self.x.T @ later, self.m.T, da[1:].flatten(0, 1)), later + da.sum(0)

    def inputs_adjoint(self, da: Tensor, later: Tensor, W: Tensor) -> Tensor:
        """The gradient of x, (B, T E)."""
        return torch.addmm(((da[1:] @ W.T) * self.before).sum(0), later, W.T)

    def outputs(self, h: Tensor, V: Tensor) -> Tensor:
        """A product for each entry."""
        return torch.bmm(h, V.transpose(1, 2))

    def outputs_adjoint(self, dy: Tensor, h: Tensor, V: Tensor, room: Tensor) -> tuple[Tensor, Tensor]:
        """Products for each entry; those with one number are faster by element."""
        product = torch.mul if V.shape[1] == 1 else torch.bmm
        return torch.bmm(dy.transpose(1, 2), h), product(dy, V, out=self._in(room))


@dataclass
class DistinctStates:
    """States (n, H): the B at the block's start, then one behind each entry that is not zero.

    Args:
        x: inputs of the entries, shape (B, T).
        at: where the entries stand.
        rows: the row of each further state, shape (n - B,).
        m: of equation (1), for each further state, shape (n - B, T).
        which: the state of each row and entry, shape (B, T).
    """

    x: Tensor
    at: slice
    rows: Tensor
    m: Tensor
    which: Tensor

    def __len__(self) -> int:
        return len(self.x) + len(self.rows)

    def states(self, a: Tensor, W: Tensor, room: Tensor) -> Tensor:
        """a itself, then (1) for the further states."""
        found, B = room[: len(self)], len(a)
        found[:B] = a
        torch.index_select(a, 0, self.rows, out=found[B:])
        # (1)
        found[B:].addmm_(self.m, W)
        return found

    def states_adjoint(self, da: Tensor, later: Tensor) -> tuple[Tensor, Tensor]:
        """Products and a sum over the states of each row."""
        B = len(later)
        dW = torch.addmm(self.x.T @ later, self.m.T, da[B:])
        return dW, (later + da[:B]).index_add_(0, self.rows, da[B:])

    def outputs(self, h: Tensor, V: Tensor) -> Tensor:
        """The outputs of all entries at all states in one product, of which each entry reads its own."""
        T, P, _ = V.shape
        everywhere = (h @ V.flatten(0, 1).T).view(-1, T, P)
        return everywhere.gather(0, self._read(P)).transpose(0, 1)

    def outputs_adjoint(self, dy: Tensor, h: Tensor, V: Tensor, room: Tensor) -> tuple[Tensor, Tensor]:
        """A gradient goes to the state that was read."""
        T, P, _ = V.shape
        everywhere = dy.new_zeros(len(h), T, P).scatter_(0, self._read(P), dy.transpose(0, 1)).flatten(1)
        dh = torch.mm(everywhere, V.flatten(0, 1), out=room[: len(h)])
        return (everywhere.T @ h).view_as(V), dh

    def _read(self, P: int) -> Tensor:
        return self.which.unsqueeze(2).expand(-1, -1, P)


def every_state(x: Tensor, T: int) -> list[EveryState]:
    """The blocks of T entries of inputs (B, D, E); the last one may be shorter."""
    return [EveryState(x[:, i : i + T], slice(i, min(i + T, x.shape[1]))) for i in range(0, x.shape[1], T)]


def distinct_states(x: Tensor, T: int) -> list[DistinctStates]:
    """The blocks of T entries of inputs (B, D), made for all blocks at once; the last may be shorter."""
    B, D = x.shape
    count = -(-D // T)
    blocks = F.pad(x, (0, count * T - D)).view(B, count, T).transpose(0, 1)
    changes = blocks[:, :, :-1] != 0
    block, row, time = changes.nonzero(as_tuple=True)
    m = blocks[block, row] * (torch.arange(T, device=x.device) <= time.unsqueeze(1))
    # states are numbered row by row, those at the start first
    numbers = changes.flatten(1).cumsum(1).view_as(changes) + (B - 1)
    start = torch.arange(B, device=x.device).unsqueeze(1).expand(count, B, 1)
    which = torch.cat([start, torch.where(changes.cumsum(2) > 0, numbers, start)], 2)
    sizes = changes.sum((1, 2)).tolist()
    places = [slice(i, min(i + T, D)) for i in range(0, D, T)]
    return [
        DistinctStates(x[:, at], at, rows, part[:, : at.stop - at.start], read[:, : at.stop - at.start])
        for at, rows, part, read in zip(places, row.split(sizes), m.split(sizes), which)
    ]
