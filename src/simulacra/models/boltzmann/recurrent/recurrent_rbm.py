"""The shared base of recurrent models whose frames are RBMs.

    log p(v_t | v_<t) = -F_t(v_t) - log Z_t                                      (1)

with the frames of `frames`. If log Z_t has too many states, the gradient of (1) is estimated by that of
F_t(v_t) - F_t(v*), with v* after k Gibbs sweeps from v_t at the same biases: contrastive divergence, whose
gradient is backpropagated through b_t and c_t to earlier frames.

Reference: Sutskever, Hinton and Taylor 2009; Boulanger-Lewandowski, Bengio and Vincent 2012. Rows A18, A21,
A22.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from simulacra.core.batch import Batch, Terms
from simulacra.core.capabilities.chains import BurnIn
from simulacra.core.capabilities.general import HasDensity, HasPartitionFunctions
from simulacra.core.capabilities.sampling import Sampling
from simulacra.core.errors.suggestion import Refusal, build_with
from simulacra.core.optimizers import Optimizer
from simulacra.core.ragged import valid_frames, valid_steps
from simulacra.core.random.contents import Contents, contents_of, histories
from simulacra.core.random.keyed import Rng
from simulacra.core.scores.laws import Laws
from simulacra.core.spaces.composite import Sequence
from simulacra.core.spaces.plain import Binary, Space
from simulacra.core.updates import Loss, Source, Stage, Update
from simulacra.models.boltzmann.machine.learning import check_at_least
from simulacra.models.boltzmann.recurrent.frames import Frames
from simulacra.models.boltzmann.recurrent.real_frames import RealFrames
from simulacra.models.boltzmann.recurrent.sequence import (
    Recurrent,
    stage_of,
    start_at_note_frequencies,
)

UNITS = 12  # largest number of units of the layer that log Z sums over, once for each frame


class RecurrentRBM(Recurrent, HasPartitionFunctions):
    """Abstract base of recurrent models whose frames are RBMs.

    Args:
        space: space of sequences of frames.
        hidden: number of hidden units of each frame.
        gibbs_steps: Gibbs sweeps k for each update.
        burn_in: Gibbs sweeps for each frame of a sample, starting from independent units.
        optimizer: optimizer of all parameters.
        estimator: estimator of the expectation under the model: `cd`, or `exact` if log Z can be summed.
        condition: space of the condition; None for p(x).
        factors: number of factors of the weights of real frames; 0: the weights are a matrix.

    Raises:
        ValueError: if the space holds no sequences of frames that the model takes, or an option is out of
            range.
    """

    drawing = BurnIn

    def __init__(
        self,
        space: Space,
        hidden: int,
        gibbs_steps: int,
        burn_in: int,
        optimizer: Optimizer,
        estimator: str,
        condition: Space | None = None,
        factors: int = 0,
    ):
        super().__init__(space, hidden, condition)
        check_at_least(1, gibbs_steps=gibbs_steps, burn_in=burn_in)
        self.k, self.optimizer = gibbs_steps, optimizer
        assert isinstance(space, Sequence)
        binary = isinstance(space.of, Binary)
        # real frames have no states to sum over
        summed = min(hidden, self.visible) if binary else hidden
        self.estimator = _estimator(estimator, summed)
        self.frames = (
            Frames(space.of, hidden, burn_in) if binary else RealFrames(space.of, hidden, burn_in, factors)
        )
        if summed > UNITS:
            self.remove(HasDensity)

    @property
    def sampling(self) -> Sampling:
        """The frames' own options of drawing."""
        return self.frames.sampling

    @property
    def W(self) -> Tensor:
        """Weights W of a frame, shape (d, hidden)."""
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

    def laws(self, x: Tensor, known: Tensor | None = None, c: Tensor | None = None) -> Laws:
        """Returns the RBMs of all frames before the end of their row, with their biases as conditions.

        Args:
            x: sequences, shape (B, T, d).
            known: False after the end of a row, shape (B, T, d); None for full rows.
            c: conditions, shape (B, *), or None.
        """
        lengths = None if known is None else self.space.lengths_of(known, type(self).__name__)
        valid = valid_steps(x, lengths)
        # the biases of a frame are a function of the frames before it
        pasts = histories(x) if c is None else [past.after(contents_of(c)) for past in histories(x)]
        before = np.stack([past.digests for past in pasts], 1)
        kinds = Contents.having(before[valid.cpu().numpy()])
        frames, given = self.frames.prepared(x, self.biases_of(self.features(x), c))
        return Laws(self.frames, frames[valid], given[valid], valid.nonzero()[:, 0], kinds)

    def log_frames(self, v: Tensor, *biases: Tensor) -> Tensor:
        """Computes equation (1), exact, in nats, shape (N,).

        Args:
            v: frames, shape (N, d).
            biases: results of `biases`, each of shape (N, entries).
        """
        x, c = self.frames.prepared(v, biases)
        # (1)
        return -self.frames.free_energy(x, c) - self.frames.log_partition(c)

    def draw_frame(self, biases: tuple[Tensor, ...], rng: Rng, how: Sampling | None = None) -> Tensor:
        """Samples a frame by `burn_in` Gibbs sweeps from independent units, shape (B, d).

        Args:
            biases: results of `biases`, each of shape (B, entries).
            rng: source of random numbers.
            how: options of drawing; None: the model's own.
        """
        _, c = self.frames.prepared(biases[0], biases)
        return self.frames.finished(self.frames.draw(rng, c, how), biases)


def start_chains_there(model: RecurrentRBM, source: Source, rng: Rng) -> None:
    """Initializes b, and `base` of binary frames, at the log-odds of the mean of the frames.

    Args:
        model: the recurrent model.
        source: the training split.
        rng: random numbers of the preprocessing.
    """
    start_at_note_frequencies(model, source, rng)
    model.frames.base.copy_(model.b)


def contrast(model: RecurrentRBM, batch: Batch, rng: Rng) -> Terms:
    """Computes F_t(v_t) - F_t(v*) of each frame, shape (B, T)."""
    frames, v = model.frames, model.features(batch.x)
    biases = model.biases_of(v, batch.c)
    x, c = (part.flatten(0, 1) for part in frames.prepared(v, biases))
    # one generator per row, so that draws do not depend on the padding of the batch
    keyed = rng.per_row()
    with torch.no_grad():
        layers = {"v": frames.visible(x).view_as(v)}
        for t in range(model.k):
            layers = frames.sweep(layers, keyed.at("cd", t), keyed.rows, c.unflatten(0, v.shape[:2]))
        drawn = frames.finished(frames.observed(layers["v"].flatten(0, 1)).view_as(v), biases)
    other = frames.prepared(drawn, biases)[0].flatten(0, 1)
    return Terms(
        {"contrast": (frames.free_energy(x, c) - frames.free_energy(other, c)).unflatten(0, v.shape[:2])}
    )


def exact(model: RecurrentRBM, batch: Batch, rng: Rng) -> Terms:
    """Computes -log p(v_t | v_<t) of each frame in nats, shape (B, T)."""
    return Terms({"nll": -model.frame_log_prob(batch.x, batch.lengths, batch.c)})


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
