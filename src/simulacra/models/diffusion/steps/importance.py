"""Draws of the step t for a loss that is a sum over steps, more often where its term is large.

    sum_t L_t = E_t~p L_t / p_t,   p_t proportional to sqrt(E L_t^2)                                  (1)
    M_t <- 0.9^n M_t + (1 - 0.9^n) (sum of L_t^2) / n,   n the rows of a step of training with this t (2)

No other p has a smaller variance of the estimate (1). The moments are averaged in training (2). A step that
was not seen yet counts as the mean of the others, and a hundredth of all draws is uniform.

Reference: Nichol and Dhariwal 2021, section 3.3. Row H20.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

DECAY, UNIFORM = 0.9, 0.01


class Importance(nn.Module):
    """The probabilities of the steps, and the moments of which they are made.

    Args:
        T: number of steps.

    Example:
        >>> Importance(4).law()
        tensor([0.2500, 0.2500, 0.2500, 0.2500])
    """

    moments: Tensor

    def __init__(self, T: int):
        super().__init__()
        self.register_buffer("moments", torch.zeros(T))

    def law(self) -> Tensor:
        """Returns p of equation (1), shape (T,)."""
        seen = self.moments > 0
        mean = self.moments.sum() / seen.sum().clamp_min(1)
        # (1)
        size = torch.where(seen, self.moments, torch.where(seen.any(), mean, torch.ones_like(mean))).sqrt()
        return (1 - UNIFORM) * size / size.sum() + UNIFORM / len(size)

    def draw(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """Returns t from 1 to T and 1 / p_t, shape (B, 1) each.

        Args:
            u: uniform numbers in [0, 1), shape (B, 1).
        """
        p = self.law()
        i = torch.searchsorted(p.cumsum(0), u.to(p.dtype).contiguous(), right=True).clamp_max(len(p) - 1)
        return (i + 1).to(u.dtype), (1 / p[i]).to(u.dtype)

    def counted(self, t: Tensor, nats: Tensor) -> dict[str, Tensor]:
        """Returns the sums of equation (2) over the rows of a batch, shape (T,) each.

        Args:
            t: steps from 1 to T, shape (B, 1).
            nats: L_t, shape (B,).
        """
        i, none = t[:, 0].long() - 1, torch.zeros_like(self.moments)
        square = nats.detach().square().to(none.dtype)
        return {
            "rows": none.index_add(0, i, torch.ones_like(square)),
            "squares": none.index_add(0, i, square),
        }

    def follow(self, rows: Tensor, squares: Tensor) -> None:
        """Moves the moments by equation (2).

        Args:
            rows: n of each step, shape (T,).
            squares: sums of L_t^2, shape (T,).
        """
        # (2): the first rows of a step are its moment
        kept = torch.where(self.moments > 0, DECAY**rows, (rows == 0).to(rows.dtype))
        self.moments.copy_(kept * self.moments + (1 - kept) * squares / rows.clamp_min(1))
