"""A codebook that follows the encodings by running sums, and moves entries that nothing uses.

    q(z) = argmin_k |z - e_k|^2                                                  (1)
    N_k <- g N_k + (1 - g) n_k,   n_k = sum_i 1[q(z_i) = k]                      (2)
    m_k <- g m_k + (1 - g) s_k,   s_k = sum_i z_i 1[q(z_i) = k],   e_k = m_k / N_k   (3)

The sums in (2) and (3) run over all encodings of the global batch, as in online k-means: e_k is the mean of
the encodings that are nearest to it, in which recent ones have more weight.

An entry that wins no encoding gets no gradient and no sum, and would never be used again. Where N_k is below
a share of the mean use, e_k moves to an encoding of this step: each step proposes one for each k, from a
keyed row of the global batch.

Reference: van den Oord, Vinyals and Kavukcuoglu, Neural Discrete Representation Learning, 2017, equation 1
and appendix A.1 (2, 3); Dhariwal et al., Jukebox, 2020, section 3.1 (restarts).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from simulacra.core.numerics.precision import to_float64
from simulacra.core.random.keyed import Rng

# one generator of the whole batch, whatever rows a process holds
WHOLE = range(1)
SMALLEST = 1e-30  # running number of encodings by which a sum is still divided


class Codebook(nn.Module):
    """K vectors e_k of d numbers, which equations (2) and (3) move; no gradient reaches them.

    Args:
        K: number of entries.
        d: size of an entry.
        decay: g, weight of the past in the running sums.
        restart: share of the mean use below which an entry is moved to an encoding; 0: never.

    Example:
        >>> book = Codebook(3, 2)
        >>> _ = book.e.copy_(torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]))
        >>> book.nearest(torch.tensor([[[0.9, 0.2], [0.1, 0.2]]])).tolist()
        [[1, 0]]
    """

    e: Tensor
    N: Tensor
    m: Tensor
    rows: Tensor

    def __init__(self, K: int, d: int, decay: float = 0.99, restart: float = 0.05):
        super().__init__()
        self.decay, self.restart = decay, restart
        e = torch.randn(K, d)
        self.register_buffer("e", e)
        self.register_buffer("N", torch.ones(K))
        self.register_buffer("m", e.clone())
        # rows of the last global batch, from which proposals are taken; 0: none so far
        self.register_buffer("rows", torch.tensor(0.0))

    def nearest(self, z: Tensor) -> Tensor:
        """Returns the numbers of the nearest entries, equation (1), shape (B, T).

        Args:
            z: encodings, shape (B, T, d).
        """
        # in the precision of e, whatever that of the networks: scores have the codes of training
        with torch.autocast(z.device.type, enabled=False):
            flat = z.reshape(-1, z.shape[-1]).to(self.e.dtype)
            # |z|^2 is the same for all k
            distance = self.e.square().sum(1) - 2 * flat @ self.e.t()
        return distance.argmin(1).view(z.shape[:-1])

    def embed(self, k: Tensor) -> Tensor:
        """Returns the entries e_k, shape (*, d).

        Args:
            k: numbers of entries, shape (*).
        """
        return F.embedding(k.long(), self.e)

    def sums(self, z: Tensor, k: Tensor, rng: Rng, rows: range) -> dict[str, Tensor]:
        """Returns the sums of (2) and (3), the number of rows, and an encoding proposed for each entry.

        Args:
            z: encodings, shape (B, T, d).
            k: numbers of their entries, shape (B, T).
            rng: source of random numbers, which chooses the proposals.
            rows: places of these rows in the global batch.
        """
        # sums of low precision would stop at 256
        z, (K, d) = z.detach().to(self.e.dtype), self.e.shape
        flat, numbers = z.reshape(-1, d), k.flatten()
        found = {
            "n": z.new_zeros(K).index_add(0, numbers, flat.new_ones(len(flat))),
            "s": z.new_zeros(K, d).index_add(0, numbers, flat),
            "rows": z.new_tensor(float(len(z))),
        }
        return found | self._proposed(z, rng, rows)

    def _proposed(self, z: Tensor, rng: Rng, rows: range) -> dict[str, Tensor]:
        """Returns an encoding proposed for each entry, and 1 if this process holds it; else zeros and 0."""
        if not self.restart:
            return {}
        u = rng.uniform("restart", 2 * self.e.shape[0], rows=WHOLE, dtype=z.dtype).view(2, -1).to(z.device)
        place = (u[0] * self.rows.to(z.dtype)).long() - rows.start
        here = (self.rows > 0) & (place >= 0) & (place < len(rows))
        chosen = z[place.clamp(0, len(z) - 1), (u[1] * z.shape[1]).long()]
        return {"proposals": chosen * here.unsqueeze(1), "proposed": here.to(z.dtype)}

    @torch.no_grad()
    def follow(self, sums: Mapping[str, Tensor]) -> None:
        """Moves the entries by equations (2) and (3), then those that nothing uses.

        Args:
            sums: those of `sums` over the global batch.
        """
        n, s = sums["n"].to(self.N), sums["s"].to(self.m)
        # (2), (3)
        self.N.mul_(self.decay).add_(n, alpha=1 - self.decay)
        self.m.mul_(self.decay).add_(s, alpha=1 - self.decay)
        # an entry whose sums are too small to divide by stays where it is
        N = self.N.unsqueeze(1)
        self.e.copy_(torch.where(N > SMALLEST, self.m / N.clamp_min(SMALLEST), self.e))
        if self.restart:
            self._move(sums["proposals"].to(self.e), sums["proposed"] > 0)
        self.rows.copy_(sums["rows"])

    def _move(self, proposals: Tensor, proposed: Tensor) -> None:
        """Moves unused entries to the proposals, with the mean use, so that they have time to win."""
        mean = self.N.mean()
        moved = proposed & (self.restart * mean > self.N)
        self.N.copy_(torch.where(moved, mean, self.N))
        self.e.copy_(torch.where(moved.unsqueeze(1), proposals, self.e))
        self.m.copy_(torch.where(moved.unsqueeze(1), proposals * mean, self.m))

    @torch.no_grad()
    def begin(self, z: Tensor) -> None:
        """Sets the entries to encodings, each used equally.

        Args:
            z: encodings, shape (K, d).
        """
        self.e.copy_(z)
        self.m.copy_(z)
        self.N.fill_(1.0)

    def use(self, k: Tensor) -> Tensor:
        """Returns the share of each entry among codes, float64, shape (K,).

        Args:
            k: numbers of entries, shape (B, T).
        """
        return to_float64(torch.bincount(k.flatten(), minlength=len(self.e))) / k.numel()


def perplexity(p: Tensor) -> float:
    """Returns exp of the entropy of p: the number of entries that are used, if all of them equally.

    Args:
        p: shares of the entries, shape (K,).

    Example:
        >>> round(perplexity(torch.tensor([0.5, 0.5, 0.0])), 4)
        2.0
    """
    return float(torch.special.entr(p).sum().exp())
