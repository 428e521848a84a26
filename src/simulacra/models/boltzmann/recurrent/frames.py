"""RBMs with biases for each row: the frames of recurrent models.

    E(v, h | b_t, c_t) = -b_t'v - c_t'h - v'W h                                  (1)
    log Z_t = log sum_h exp(c_t'h + sum_i softplus(b_ti + (W h)_i))              (2)
    log p(v_t | v_<t) = -F_t(v_t) - log Z_t                                      (3)

with the sum of (2) over the smaller layer. If it has too many states, the gradient of (3) is estimated by
that of F_t(v_t) - F_t(v*), with v* after k Gibbs sweeps from v_t at the same biases: contrastive divergence,
whose gradient is backpropagated through b_t and c_t to earlier frames.

Reference: Sutskever, Hinton and Taylor 2009; Boulanger-Lewandowski, Bengio and Vincent 2012. Rows A21, A22.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from simulacra.core.batch import Batch, Terms
from simulacra.core.capabilities.chains import BurnIn
from simulacra.core.capabilities.general import HasDensity, HasPartitionFunctions
from simulacra.core.capabilities.sampling import Sampling
from simulacra.core.errors.suggestion import Refusal, build_with
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

UNITS = 12  # largest number of units of the smaller layer for which (2) is summed, once for each frame
ENTRIES = 2**22  # largest number of entries of the sum (2) in memory


class Frames(Machine):
    """An RBM whose condition is its biases, equation (1): b_t, then c_t.

    Args:
        space: space of one frame.
        hidden: number of hidden units.
        burn_in: Gibbs sweeps for a frame, starting from independent units.
    """

    def __init__(self, space: Space, hidden: int, burn_in: int):
        d = space.dims
        units: dict[str, Units] = {"v": Bernoulli(), "h": Bernoulli()}
        shapes: dict[str, tuple[int, ...]] = {"v": (d,), "h": (hidden,)}
        super().__init__(space, units, shapes, (("h",), ("v",)), Real((d + hidden,)), burn_in)
        self.W = nn.Parameter(0.01 * torch.randn(d, hidden))

    def energy(self, layers: Layers, c: Tensor | None = None) -> Tensor:
        """Computes E of equation (1) in nats, shape (*,).

        Args:
            layers: values of the layers by name, each (B, *).
            c: conditions, shape (B, *), or None.
        """
        b, bias = self._split(c)
        # (1)
        return -(layers["v"] * b).sum(-1) - (layers["h"] * (bias + layers["v"] @ self.W)).sum(-1)

    def field(self, name: str, layers: Layers, c: Tensor | None = None) -> Tensor:
        """Returns b_t + W h on v, c_t + W'v on h, shape (*, units).

        Args:
            name: name of the layer.
            layers: values of the layers by name, each (B, *).
            c: conditions, shape (B, *), or None.
        """
        b, bias = self._split(c)
        return b + layers["h"] @ self.W.T if name == "v" else bias + layers["v"] @ self.W

    def opened(self, layers: Layers, c: Tensor | None = None) -> tuple[Tensor, Layers]:
        """Returns E(v, 0), shape (*,), and the field on h.

        Args:
            layers: values of the other layers by name, each (B, *).
            c: conditions, shape (B, *), or None.
        """
        return -(layers["v"] * self._split(c)[0]).sum(-1), {"h": self.field("h", layers, c)}

    def _split(self, c: Tensor | None) -> tuple[Tensor, Tensor]:
        assert c is not None, "the biases are the condition"
        b, bias = c.split(list(self.W.shape), -1)
        return b, bias


def log_partition(W: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """Computes log Z_t of equation (2) for each row of biases, in nats, differentiable, shape (N,).

    Args:
        W: weights, shape (d, hidden).
        b: biases of the visible units, shape (N, d).
        c: biases of the hidden units, shape (N, hidden).

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
    """Abstract base of recurrent models whose frames are RBMs.

    Args:
        space: space of sequences of binary frames.
        hidden: number of hidden units of each frame.
        gibbs_steps: Gibbs sweeps k for each update.
        burn_in: Gibbs sweeps for each frame of a sample, starting from independent units.
        lr: learning rate of SGD.
        momentum: momentum of SGD.
        estimator: estimator of the expectation under the model: `cd`, or `exact` if (2) can be summed.

    Raises:
        ValueError: if the space holds no sequences of binary frames, or an option is out of range.
    """

    drawing = BurnIn

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
    def sampling(self) -> Sampling:
        """The frames' own options of drawing."""
        return self.frames.sampling

    @property
    def W(self) -> Tensor:
        """Weights of equation (1), shape (d, hidden)."""
        return self.frames.W

    def updates(self) -> list[Update]:
        """Returns the only update; frames after the end of a sequence have weight 0."""
        loss, term = LOSSES[self.estimator]
        return [Update("likelihood", ("",), loss, weights={term: valid_frames}, optimizer=self.optimizer)]

    def stage(self, i: int, past: list) -> Stage | None:
        """Returns the only stage, which initializes b and `base` from the mean of the frames.

        Args:
            i: index of the stage, from 0.
            past: not used.
        """
        return stage_of(self, i, start_chains_there)

    def joined_biases(self, x: Tensor) -> Tensor:
        """Returns b_t and then c_t of each frame, the conditions of `frames`, shape (B, T, d + hidden)."""
        return torch.cat(self.biases(self.past(self.features(x))), -1)

    def laws(self, x: Tensor, known: Tensor | None = None) -> Laws:
        """Returns the RBMs of all frames before the end of their row, with b_t and c_t as conditions.

        Args:
            x: sequences, shape (B, T, d).
            known: False after the end of a row, shape (B, T, d); None for full rows.
        """
        lengths = None if known is None else self.space.lengths_of(known, type(self).__name__)
        valid = valid_steps(x, lengths)
        # the biases of a frame are a function of the frames before it
        before = np.stack([past.digests for past in histories(x)], 1)
        kinds = Contents.having(before[valid.cpu().numpy()])
        return Laws(self.frames, x[valid], self.joined_biases(x)[valid], valid.nonzero()[:, 0], kinds)

    def log_frames(self, v: Tensor, b: Tensor, c: Tensor) -> Tensor:
        """Computes equation (3), exact, in nats, shape (N,).

        Args:
            v: frames, shape (N, d).
            b: biases of the visible units, shape (N, d).
            c: biases of the hidden units, shape (N, hidden).
        """
        # (3)
        return -self.frames.marginal({"v": v}, torch.cat([b, c], 1)) - log_partition(self.W, b, c)

    def draw_frame(self, b: Tensor, c: Tensor, rng: Rng, how: Sampling | None = None) -> Tensor:
        """Samples a frame by `burn_in` Gibbs sweeps from independent units, shape (B, d).

        Args:
            b: biases of the visible units, shape (B, d).
            c: biases of the hidden units, shape (B, hidden).
            rng: source of random numbers.
            how: options of drawing; None: the model's own.
        """
        return self.frames.draw(rng, torch.cat([b, c], 1), how)


def start_chains_there(model: RecurrentRBM, source: Source, rng: Rng) -> None:
    """Initializes b, and `base` of the frames, at the log-odds of the mean of the frames.

    Args:
        model: the recurrent model.
        source: the training split.
        rng: random numbers of the preprocessing.
    """
    start_at_note_frequencies(model, source, rng)
    model.frames.base.copy_(model.b)


def contrast(model: RecurrentRBM, batch: Batch, rng: Rng) -> Terms:
    """Computes F_t(v_t) - F_t(v*) of each frame, shape (B, T)."""
    v, c = model.features(batch.x), model.joined_biases(batch.x)
    # one generator per row, so that draws do not depend on the padding of the batch
    keyed, layers = rng.per_row(), {"v": v}
    with torch.no_grad():
        for t in range(model.k):
            layers = model.frames.sweep(layers, keyed.at("cd", t), keyed.rows, c)
    energy = lambda frames: model.frames.marginal({"v": frames.flatten(0, 1)}, c.flatten(0, 1))
    return Terms({"contrast": (energy(v) - energy(layers["v"])).unflatten(0, v.shape[:2])})


def exact(model: RecurrentRBM, batch: Batch, rng: Rng) -> Terms:
    """Computes -log p(v_t | v_<t) of each frame in nats, shape (B, T)."""
    return Terms({"nll": -model.frame_log_prob(batch.x, batch.lengths)})


LOSSES: dict[str, tuple[Loss, str]] = {"cd": (contrast, "contrast"), "exact": (exact, "nll")}


def _estimator(asked: str, smaller: int) -> str:
    """Returns the name of the estimator, after checking it.

    Raises:
        ValueError: if the name is unknown, or the sums of `exact` have too many states.
    """
    if asked not in LOSSES:
        raise ValueError(f"estimator is {asked!r}; choose from {', '.join(LOSSES)}.")
    if asked == "exact" and smaller > UNITS:
        other = build_with(estimator="cd")
        raise Refusal(
            f"estimator='exact' would sum 2^{smaller} states for every frame; at most 2^{UNITS} are summed: "
            f"take {other}, or fewer hidden units.",
            other,
        )
    return asked
