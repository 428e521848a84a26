"""The RNN-RBM: an RBM for each frame of a sequence, its biases set by a recurrent state.

    b_t = b + U u_(t-1),  c_t = c + V u_(t-1),  u_t = tanh(A u_(t-1) + B v_t + a)    (1)
    -log p(v_t | v_<t) ~ F_t(v_t) - F_t(v*),  v* after k Gibbs sweeps from v_t       (2)

What strains the contract: sequences are ragged, so a term has the shape (B, T) and each valid frame
counts once, whatever the lengths in a batch or on a process.

Reference: Boulanger-Lewandowski, Bengio and Vincent 2012.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from simulacra.core.batch import Batch, Terms
from simulacra.core.capabilities import Samples
from simulacra.core.composite import Sequence
from simulacra.core.model import Model
from simulacra.core.optimisers import SGD
from simulacra.core.random import Rng
from simulacra.core.training import Update


class RNNRBM(Model, Samples):
    """RNN-RBM over sequences of binary frames.

    Args:
        space: sequences of shape (T, d).
        hidden: units of each RBM.
        state: size of u.
        k: Gibbs sweeps of equation (2).
    """

    def __init__(self, space: Sequence, hidden: int = 5, state: int = 6, k: int = 2):
        super().__init__(space)
        d = space.shape[1]
        self.k, self.hidden = k, hidden
        self.W = nn.Parameter(0.1 * torch.randn(d, hidden))
        self.cell = nn.Linear(d + state, state)
        self.bias_v, self.bias_h = nn.Linear(state, d), nn.Linear(state, hidden)

    def updates(self) -> list[Update]:
        """One player; frames beyond a sequence's end weigh nothing. Plain steps, as of every RBM: a
        gradient of counts often cancels to 0 but for rounding, which Adam would blow up."""
        return [Update("cd", ("",), contrast, weights={"contrast": valid_frames}, optimizer=SGD(lr=0.1))]

    def biases(self, v: Tensor) -> tuple[Tensor, Tensor]:
        """b_t and c_t of equation (1) for frames (B, T, d), shapes (B, T, d) and (B, T, hidden)."""
        u = v.new_zeros(len(v), self.cell.out_features)
        states = []
        for frame in v.unbind(1):
            states.append(u)
            u = self.advance(u, frame)
        past = torch.stack(states, 1)
        return self.bias_v(past), self.bias_h(past)

    def advance(self, u: Tensor, frame: Tensor) -> Tensor:
        """u_t of equation (1)."""
        return torch.tanh(self.cell(torch.cat([frame, u], 1)))

    def sweep(self, v: Tensor, b: Tensor, c: Tensor, rng: Rng) -> Tensor:
        """One Gibbs sweep given the biases."""
        h = rng.bernoulli("h", torch.sigmoid(c + v @ self.W))
        return rng.bernoulli("v", torch.sigmoid(b + h @ self.W.T))

    def free_energy(self, v: Tensor, b: Tensor, c: Tensor) -> Tensor:
        """F_t of each frame in nats, shape (B, T)."""
        return -(v * b).sum(-1) - F.softplus(c + v @ self.W).sum(-1)

    def draw(self, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Frame by frame, 10 sweeps each, shape (B, T, d)."""
        T, d = self.space.shape
        u = torch.zeros(len(rng.rows), self.cell.out_features, dtype=self.dtype)
        frames = []
        for t in range(T):
            v = torch.zeros(len(u), d, dtype=self.dtype)
            for s in range(10):
                v = self.sweep(v, self.bias_v(u), self.bias_h(u), rng.at(t, s))
            frames.append(v)
            u = self.advance(u, v)
        return torch.stack(frames, 1)


def contrast(model: RNNRBM, batch: Batch, rng: Rng) -> Terms:
    """Equation (2) for each frame, shape (B, T)."""
    v = model.features(batch.x)
    b, c = model.biases(v)
    with torch.no_grad():
        fantasy = v
        for s in range(model.k):
            fantasy = model.sweep(fantasy, b, c, rng.at("gibbs", s))
    return Terms({"contrast": model.free_energy(v, b, c) - model.free_energy(fantasy, b, c)})


def valid_frames(batch: Batch) -> Tensor:
    """One for each frame before a sequence's end, shape (B, T)."""
    t = torch.arange(batch.x.shape[1], device=batch.x.device)
    return (t < batch.lengths.unsqueeze(1)).to(torch.get_default_dtype())
