"""Restricted machines whose biases come with each row: the frames of recurrent models.

    E(v, h | b_t, c_t) = -b_t'v - c_t'h - v'W h                                  (1)
    log Z_t = log sum_h exp(c_t'h + sum_i softplus(b_ti + (W h)_i))              (2)
    log p(v_t | v_<t) = -F_t(v_t) - log Z_t                                      (3)

with the sum of (2) over the smaller layer. Where it has too many states the gradient of (3) is that of
F_t(v_t) - F_t(v*), with v* after k Gibbs sweeps from v_t at the same biases: contrastive divergence, whose
gradient goes on through b_t and c_t to the frames before.

Reference: Sutskever, Hinton and Taylor 2009; Boulanger-Lewandowski, Bengio and Vincent 2012. Rows A21, A22.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from simulacra.core.batch import Batch, Terms
from simulacra.core.capabilities.general import HasDensity, HasPartitionFunctions
from simulacra.core.optimizers import SGD
from simulacra.core.random.contents import Contents, histories
from simulacra.core.random.keyed import Rng
from simulacra.core.scores.laws import Laws
from simulacra.core.spaces.composite import Sequence
from simulacra.core.spaces.plain import Real, Space
from simulacra.core.updates import Loss, Source, Stage, Update
from simulacra.models.boltzmann.machine.energy_model import Layers, Machine
from simulacra.models.boltzmann.machine.learning import check_at_least
from simulacra.models.boltzmann.machine.units import Bernoulli, Units
from simulacra.models.boltzmann.recurrent.sequence import (
    Recurrent,
    stage_of,
    start_at_note_frequencies,
    valid_frames,
    valid_steps,
)

UNITS = 12  # of the smaller layer up to which (2) is summed: each frame has a sum of its own
ENTRIES = 2**22  # of the sum (2) that exist at once


class Frames(Machine):
    """Equation (1): an RBM whose condition is its biases, b_t and then c_t.

    Args:
        space: what one frame is.
        hidden: number of hidden units.
        burn_in: Gibbs sweeps from free units for a frame.
    """

    def __init__(self, space: Space, hidden: int, burn_in: int):
        d = space.dims
        units: dict[str, Units] = {"v": Bernoulli(), "h": Bernoulli()}
        shapes: dict[str, tuple[int, ...]] = {"v": (d,), "h": (hidden,)}
        super().__init__(space, units, shapes, (("h",), ("v",)), Real((d + hidden,)), burn_in)
        self.W = nn.Parameter(0.01 * torch.randn(d, hidden))

    def energy(self, layers: Layers, c: Tensor | None = None) -> Tensor:
        """E of equation (1) in nats, shape (*,)."""
        b, bias = self._split(c)
        # (1)
        return -(layers["v"] * b).sum(-1) - (layers["h"] * (bias + layers["v"] @ self.W)).sum(-1)

    def field(self, name: str, layers: Layers, c: Tensor | None = None) -> Tensor:
        """b_t + W h on v, c_t + W'v on h, shape (*, units)."""
        b, bias = self._split(c)
        return b + layers["h"] @ self.W.T if name == "v" else bias + layers["v"] @ self.W

    def opened(self, layers: Layers, c: Tensor | None = None) -> tuple[Tensor, Layers]:
        """E(v, 0), shape (*,), and the field on h."""
        return -(layers["v"] * self._split(c)[0]).sum(-1), {"h": self.field("h", layers, c)}

    def _split(self, c: Tensor | None) -> tuple[Tensor, Tensor]:
        assert c is not None, "the biases are the condition"
        b, bias = c.split(list(self.W.shape), -1)
        return b, bias


def log_partition(W: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """log Z_t of equation (2) for each row of biases, in nats, differentiable, shape (N,).

    Args:
        W: shape (d, hidden).
        b: shape (N, d).
        c: shape (N, hidden).

    Example:
        >>> log_partition(torch.zeros(2, 3), torch.zeros(1, 2), torch.zeros(1, 3)).exp()
        tensor([32.])
    """
    d, hidden = W.shape
    if hidden > d:
        return log_partition(W.T, c, b)
    parts = []
    size = max(1, ENTRIES // max(1, len(b) * d))
    for start in range(0, 2**hidden, size):
        h = Bernoulli().states(start, min(start + size, 2**hidden), (hidden,)).to(W)
        # (2)
        of_v = F.softplus(b.unsqueeze(1) + h @ W.T).sum(2)
        parts.append((c @ h.T + of_v).logsumexp(1))
    return torch.stack(parts, 1).logsumexp(1)


class RecurrentRBM(Recurrent, HasPartitionFunctions):
    """Abstract: a recurrent model whose frames are restricted machines.

    Args:
        space: space of sequences of binary frames.
        hidden: hidden units of each frame.
        gibbs_steps: k, Gibbs sweeps for each update.
        burn_in: Gibbs sweeps for each frame of a sample.
        lr: learning rate.
        momentum: momentum of SGD.
        estimator: estimator of the expectation under the model: `cd`, or `exact` where few units allow (2).
    """

    def __init__(
        self,
        space: Space,
        hidden: int,
        gibbs_steps: int,
        burn_in: int,
        lr: float,
        momentum: float,
        estimator: str,
    ):
        super().__init__(space, hidden)
        check_at_least(1, gibbs_steps=gibbs_steps, burn_in=burn_in)
        # gradients through many frames may explode
        self.k, self.optimizer = gibbs_steps, SGD(lr=lr, momentum=momentum, clip=1.0)
        self.estimator = _estimator(estimator, min(hidden, self.visible))
        assert isinstance(space, Sequence)
        self.frames = Frames(space.of, hidden, burn_in)
        if min(hidden, self.visible) > UNITS:
            self.remove(HasDensity)

    @property
    def W(self) -> Tensor:
        """The weights of equation (1), shape (d, hidden)."""
        return self.frames.W

    def updates(self) -> list[Update]:
        """One player; frames beyond a sequence's end weigh nothing."""
        loss, term = LOSSES[self.estimator]
        return [Update("likelihood", ("",), loss, weights={term: valid_frames}, optimizer=self.optimizer)]

    def stage(self, i: int, past: list) -> Stage | None:
        """One stage: b, and the free units that chains begin at, are at the notes' frequencies."""
        return stage_of(self, i, start_chains_there)

    def joined_biases(self, x: Tensor) -> Tensor:
        """b_t and then c_t of each frame: the conditions of `frames`, shape (B, T, d + hidden)."""
        return torch.cat(self.biases(self.past(self.features(x))), -1)

    def laws(self, x: Tensor, known: Tensor | None = None) -> Laws:
        """The machine of each frame before its row's end, with b_t and c_t for its condition."""
        lengths = None if known is None else self.space.lengths_of(known, type(self).__name__)
        valid = valid_steps(x, lengths)
        # the biases of a frame are a function of the frames before it
        before = np.stack([past.digests for past in histories(x)], 1)
        kinds = Contents.having(before[valid.cpu().numpy()])
        return Laws(self.frames, x[valid], self.joined_biases(x)[valid], valid.nonzero()[:, 0], kinds)

    def log_frames(self, v: Tensor, b: Tensor, c: Tensor) -> Tensor:
        """Equation (3), exact, shape (N,)."""
        # (3)
        return -self.frames.marginal({"v": v}, torch.cat([b, c], 1)) - log_partition(self.W, b, c)

    def draw_frame(self, b: Tensor, c: Tensor, rng: Rng) -> Tensor:
        """`burn_in` Gibbs sweeps from free units, shape (B, d)."""
        return self.frames.draw(rng, torch.cat([b, c], 1))


def start_chains_there(model: RecurrentRBM, source: Source, rng: Rng) -> None:
    """b, and the field of the free units, at the log-odds of the notes."""
    start_at_note_frequencies(model, source, rng)
    model.frames.base.copy_(model.b)


def contrast(model: RecurrentRBM, batch: Batch, rng: Rng) -> Terms:
    """F_t(v_t) - F_t(v*) of each frame, shape (B, T)."""
    v, c = model.features(batch.x), model.joined_biases(batch.x)
    # a generator a row: what a frame draws does not depend on how far the batch is padded
    keyed, layers = rng.per_row(), {"v": v}
    with torch.no_grad():
        for t in range(model.k):
            layers = model.frames.sweep(layers, keyed.at("cd", t), keyed.rows, c)
    energy = lambda frames: model.frames.marginal({"v": frames.flatten(0, 1)}, c.flatten(0, 1))
    return Terms({"contrast": (energy(v) - energy(layers["v"])).unflatten(0, v.shape[:2])})


def exact(model: RecurrentRBM, batch: Batch, rng: Rng) -> Terms:
    """-log p(v_t | v_<t) of each frame in nats, shape (B, T)."""
    return Terms({"nll": -model.frame_log_prob(batch.x, batch.lengths)})


LOSSES: dict[str, tuple[Loss, str]] = {"cd": (contrast, "contrast"), "exact": (exact, "nll")}


def _estimator(asked: str, smaller: int) -> str:
    """The estimator, checked.

    Raises:
        ValueError: if there is none of that name, or its sums have too many states.
    """
    if asked not in LOSSES:
        raise ValueError(f"estimator is {asked!r}; choose from {', '.join(LOSSES)}.")
    if asked == "exact" and smaller > UNITS:
        raise ValueError(
            f"estimator='exact' would sum 2^{smaller} states for every frame; at most 2^{UNITS} are summed: "
            "take 'cd', or fewer hidden units."
        )
    return asked
