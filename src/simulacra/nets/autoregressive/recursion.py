"""The recursion over entries with shared weights, in blocks, with a custom gradient.

    a_1 = a,   a_(t+1) = a_t + x_t W_t,   h_t = f(rho_t a_t),   y_t = V_t h_t  (1)

costs O(D H) a row. With autograd a loop would store D states of H numbers a row. Here only the states of one
block exist at a time. The backward pass recomputes them from the state at the start of the block, which is
stored:

    dV_t = sum_b dy_t h_t',   da_t = rho_t f'(.) V_t' dy_t,   S_t = sum_(s>=t) da_s
    dW_t = sum_b x_t' S_(t+1),   dx_t = W_t S_(t+1),   da = S_1                (2)

Reference: Larochelle and Murray 2011, algorithm 1; rho is that of Uria, Murray and Larochelle 2013.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from simulacra.nets.autoregressive.states import Block, EveryState, distinct_states, every_state

Activation = Literal["sigmoid", "relu"]

# Measured on a CPU with 1 MB of L2 cache a core, B = 100, H = 500: entries of a block, and the number of
# outputs above which merging equal states is not cheaper.
EVERY, SPARSE, HALF = 8, 16, 8
FEW_OUTPUTS = 2
GRAPH = 64  # entries of a block in an exported graph, which has a few nodes for each block


def shared_recursion(
    x: Tensor, W: Tensor, a: Tensor, V: Tensor, rho: Tensor | None = None, f: Activation = "sigmoid"
) -> Tensor:
    """Computes y of equation (1), shape (B, D, P); differentiable once.

    Args:
        x: features of each entry, shape (B, D, E).
        W: input weights, shape (D, E, H).
        a: the first state, shape (H,) or (B, H).
        V: output weights, shape (D, P, H).
        rho: scale of the activations at each entry, shape (D,); None is 1.
        f: activation of the hidden units.

    Example:
        >>> ones, W = torch.ones(3, 1, 4), torch.zeros(3, 1, 4)
        >>> shared_recursion(torch.ones(2, 3, 1), W, torch.zeros(4), ones).squeeze(2).tolist()
        [[2.0, 2.0, 2.0], [2.0, 2.0, 2.0]]
    """
    # an exported graph supports neither custom gradients nor branches on the data
    if torch.compiler.is_compiling():
        return _plain(x.to(W.dtype), W, a, V, rho, f)
    with torch.autocast(x.device.type, enabled=False):
        x = x.to(W.dtype)
        y: Tensor = _Recursion.apply(x, W, a.expand(len(x), -1), V, rho, f, _blocks(x, V, rho))
        return y


def _plain(x: Tensor, W: Tensor, a: Tensor, V: Tensor, rho: Tensor | None, f: Activation) -> Tensor:
    """Computes equation (1) with exportable operations, block by block."""
    found, a = [], a.expand(x.shape[0], -1)
    for i in range(0, x.shape[1], GRAPH):
        at = slice(i, i + GRAPH)
        sums = torch.einsum("bte,teh->bth", x[:, at], W[at]).cumsum(1) + a.unsqueeze(1)
        states = torch.cat([a.unsqueeze(1), sums[:, :-1]], 1)
        # (1)
        h = _activate(states if rho is None else states * rho[at, None], f)
        found.append(torch.einsum("bth,tph->btp", h, V[at]))
        a = sums[:, -1]
    return torch.cat(found, 1)


def _blocks(x: Tensor, V: Tensor, rho: Tensor | None) -> Sequence[Block]:
    """Returns the blocks of entries; equal states are merged where this is possible and cheaper."""
    apart = rho is not None or x.shape[2] > 1 or x.requires_grad or V.shape[1] > FEW_OUTPUTS
    filled = 1.0 if apart else int(x.count_nonzero()) / max(1, x.numel())
    if filled > 0.5:
        return every_state(x, EVERY)
    return distinct_states(x.squeeze(2), SPARSE if filled < 0.25 else HALF)


class _Recursion(torch.autograd.Function):
    """Equations (1) and (2), block by block."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        W: Tensor,
        a: Tensor,
        V: Tensor,
        rho: Tensor | None,
        f: Activation,
        blocks: Sequence[Block],
    ) -> Tensor:
        starts, y = [], x.new_empty(V.shape[0], len(x), V.shape[1])
        room = _room(1, blocks, W)[0]
        for block in blocks:
            starts.append(a)
            weights = W[block.at].flatten(0, 1)
            # (1)
            h = _activate(_scaled(block.states(a, weights, room), rho, block), f)
            y[block.at] = block.outputs(h, V[block.at])
            a = torch.addmm(a, block.x, weights)
        ctx.save_for_backward(x, W, V, rho, *starts)
        ctx.f, ctx.blocks = f, blocks
        return y.transpose(0, 1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        x, W, V, rho, *starts = ctx.saved_tensors
        with torch.autocast(x.device.type, enabled=False):
            dx = torch.empty_like(x) if ctx.needs_input_grad[0] else None
            dW, dV = torch.empty_like(W), torch.empty_like(V)
            drho = None if rho is None else torch.empty_like(rho)
            room, other = _room(2, ctx.blocks, W)
            S, dy = torch.zeros_like(starts[0]), dy.transpose(0, 1).contiguous()
            for block, a in zip(reversed(ctx.blocks), reversed(starts)):
                at, weights = block.at, W[block.at].flatten(0, 1)
                states = block.states(a, weights, room)
                h = _activate(_scaled(states, rho, block), ctx.f)
                # (2)
                dV[at], da = block.outputs_adjoint(dy[at], h, V[at], other)
                _deactivate(da, h, ctx.f)
                if drho is not None:
                    drho[at] = (da * states).sum((1, 2))
                    da *= rho[at, None, None]
                if dx is not None:
                    assert isinstance(block, EveryState), "merged states do not tell entries apart"
                    dx[:, at] = block.inputs_adjoint(da, S, weights).view_as(dx[:, at])
                d_weights, S = block.states_adjoint(da, S)
                dW[at] = d_weights.view_as(W[at])
        return dx, dW, S, dV, drho, None, None


def _room(n: int, blocks: Sequence[Block], W: Tensor) -> Tensor:
    """Allocates memory for the states of the largest block, which all blocks reuse to save allocations."""
    return W.new_empty(n, max(map(len, blocks)), W.shape[2])


def _scaled(states: Tensor, rho: Tensor | None, block: Block) -> Tensor:
    return states if rho is None else states * rho[block.at, None, None]


def _activate(z: Tensor, f: Activation) -> Tensor:
    """Returns f(z), computed in place."""
    return z.sigmoid_() if f == "sigmoid" else z.relu_()


def _deactivate(d: Tensor, h: Tensor, f: Activation) -> None:
    """Multiplies d by f'(z) in place, given h = f(z)."""
    if f == "sigmoid":
        torch.ops.aten.sigmoid_backward(d, h, grad_input=d)
    else:
        d.mul_(h > 0)
