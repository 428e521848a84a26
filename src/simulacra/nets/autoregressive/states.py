"""The states of a running sum over a block of entries as matrix products, and their adjoints.

In a block of T entries the state before entry t is

    a_t = a + sum_(s<t) x_s W_s = a + m_t W,   m_t = (x_s [s < t])_s           (1)

with a the state at the start of the block, so all states of a block are one product, and the gradients of
W, a and x a few more. `EveryState` has B T separate states. `DistinctStates` merges equal ones: if an entry
has a single feature that is zero, it leaves the state unchanged, so the state of a stretch of zeros, and
everything that depends on it alone, is computed once. Binary images consist mostly of such stretches.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F


class Block(Protocol):
    """Protocol of a block of entries of the recursion: its inputs, and maps with their adjoints.

    Args:
        at: positions of the entries.
        x: inputs of the entries, shape (B, T E).
    """

    at: slice
    x: Tensor

    def __len__(self) -> int:
        """Number n of states."""
        ...

    def states(self, a: Tensor, W: Tensor, room: Tensor) -> Tensor:
        """Computes the states, equation (1).

        Args:
            a: state at the start of the block, shape (B, H).
            W: input weights of the block, shape (T E, H).
            room: memory for the result, of n rows or more, shape (>= n, H).
        """
        ...

    def states_adjoint(self, da: Tensor, later: Tensor) -> tuple[Tensor, Tensor]:
        """Computes the gradients of W, shape (T E, H), and of a, shape (B, H).

        Args:
            da: gradient of the states.
            later: gradient of the state after the block, shape (B, H).
        """
        ...

    def outputs(self, h: Tensor, V: Tensor) -> Tensor:
        """Computes V_t h_t for each entry and row, shape (T, B, P).

        Args:
            h: hidden units of the states.
            V: output weights of the block, shape (T, P, H).
        """
        ...

    def outputs_adjoint(self, dy: Tensor, h: Tensor, V: Tensor, room: Tensor) -> tuple[Tensor, Tensor]:
        """Computes the gradients of V, shape (T, P, H), and of h.

        Args:
            dy: gradient of the outputs, shape (T, B, P).
            h: hidden units of the states.
            V: output weights of the block, shape (T, P, H).
            room: memory for the gradient of h.
        """
        ...


class EveryState:
    """States (T, B, H): one for each entry and row.

    Args:
        x: inputs of the entries, shape (B, T, E).
        at: positions of the entries.
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
        """Computes a and (1); with one feature per entry, sequential sums are faster than the product."""
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
        """Computes the gradients of W and a by matrix products and a sum over the states."""
        return torch.addmm(self.x.T @ later, self.m.T, da[1:].flatten(0, 1)), later + da.sum(0)

    def inputs_adjoint(self, da: Tensor, later: Tensor, W: Tensor) -> Tensor:
        """Computes the gradient of x, shape (B, T E).

        Args:
            da: gradient of the states, shape (T, B, H).
            later: gradient of the state after the block, shape (B, H).
            W: input weights of the block, shape (T E, H).
        """
        return torch.addmm(((da[1:] @ W.T) * self.before).sum(0), later, W.T)

    def outputs(self, h: Tensor, V: Tensor) -> Tensor:
        """Computes V_t h_t by one matrix product for each entry."""
        return torch.bmm(h, V.transpose(1, 2))

    def outputs_adjoint(self, dy: Tensor, h: Tensor, V: Tensor, room: Tensor) -> tuple[Tensor, Tensor]:
        """Computes the gradients of V and h; with one output per entry, elementwise products are faster."""
        product = torch.mul if V.shape[1] == 1 else torch.bmm
        return torch.bmm(dy.transpose(1, 2), h), product(dy, V, out=self._in(room))


@dataclass
class DistinctStates:
    """States (n, H): the B at the start of the block, then one after each nonzero entry.

    Args:
        x: inputs of the entries, shape (B, T).
        at: positions of the entries.
        rows: row of each further state, shape (n - B,).
        m: m_t of equation (1) for each further state, shape (n - B, T).
        which: index of the state of each row and entry, shape (B, T).
    """

    x: Tensor
    at: slice
    rows: Tensor
    m: Tensor
    which: Tensor

    def __len__(self) -> int:
        return len(self.x) + len(self.rows)

    def states(self, a: Tensor, W: Tensor, room: Tensor) -> Tensor:
        """Computes a, then (1) for the further states."""
        found, B = room[: len(self)], len(a)
        found[:B] = a
        torch.index_select(a, 0, self.rows, out=found[B:])
        # (1)
        found[B:].addmm_(self.m, W)
        return found

    def states_adjoint(self, da: Tensor, later: Tensor) -> tuple[Tensor, Tensor]:
        """Computes the gradients of W and a by matrix products and a sum over the states of each row."""
        B = len(later)
        dW = torch.addmm(self.x.T @ later, self.m.T, da[B:])
        return dW, (later + da[:B]).index_add_(0, self.rows, da[B:])

    def outputs(self, h: Tensor, V: Tensor) -> Tensor:
        """Computes the outputs at all states in one product, and gathers those of each entry's state."""
        T, P, _ = V.shape
        everywhere = (h @ V.flatten(0, 1).T).view(-1, T, P)
        return everywhere.gather(0, self._read(P)).transpose(0, 1)

    def outputs_adjoint(self, dy: Tensor, h: Tensor, V: Tensor, room: Tensor) -> tuple[Tensor, Tensor]:
        """Computes the gradients of V and h, scattering each entry's gradient to its state."""
        T, P, _ = V.shape
        everywhere = dy.new_zeros(len(h), T, P).scatter_(0, self._read(P), dy.transpose(0, 1)).flatten(1)
        dh = torch.mm(everywhere, V.flatten(0, 1), out=room[: len(h)])
        return (everywhere.T @ h).view_as(V), dh

    def _read(self, P: int) -> Tensor:
        return self.which.unsqueeze(2).expand(-1, -1, P)


def every_state(x: Tensor, T: int) -> list[EveryState]:
    """Splits inputs into blocks of separate states.

    Args:
        x: inputs, shape (B, D, E).
        T: number of entries of a block; the last one may be shorter.
    """
    return [EveryState(x[:, i : i + T], slice(i, min(i + T, x.shape[1]))) for i in range(0, x.shape[1], T)]


def distinct_states(x: Tensor, T: int) -> list[DistinctStates]:
    """Splits inputs into blocks of merged states.

    Args:
        x: inputs, shape (B, D).
        T: number of entries of a block; the last one may be shorter.
    """
    B, D = x.shape
    count = -(-D // T)
    blocks = F.pad(x, (0, count * T - D)).view(B, count, T).transpose(0, 1)
    changes = blocks[:, :, :-1] != 0
    block, row, time = changes.nonzero(as_tuple=True)
    m = blocks[block, row] * (torch.arange(T, device=x.device) <= time.unsqueeze(1))
    # states are numbered row by row, after the B states at the start
    numbers = changes.flatten(1).cumsum(1).view_as(changes) + (B - 1)
    start = torch.arange(B, device=x.device).unsqueeze(1).expand(count, B, 1)
    which = torch.cat([start, torch.where(changes.cumsum(2) > 0, numbers, start)], 2)
    sizes = changes.sum((1, 2)).tolist()
    places = [slice(i, min(i + T, D)) for i in range(0, D, T)]
    return [
        DistinctStates(x[:, at], at, rows, part[:, : at.stop - at.start], read[:, : at.stop - at.start])
        for at, rows, part, read in zip(places, row.split(sizes), m.split(sizes), which)
    ]
