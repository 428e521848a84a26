"""The one place where the doctor decides on the length of training, for all of its advice.

With the validation scores v_1, ..., v_n of the last stage, at epochs t_1, ..., t_n, and s the standard
deviation of a difference of two scores by noise, training

    fell     if max v - v_n exceeds 3 s and 5 % of the best
    rose     if it did not fall, and v_n is the best or the slope of the second half is above
             3 s / sqrt(2 sum_t (t - mean t)^2)

and the advice is a longer training where it rose, and a shorter one where it fell. Where it did neither, the
advice is a shorter training for a model that copies or overfits, and a longer one after few steps without
scores.

Patience keeps the best weights. A training of the same curve reaches its best if patience is at least the
longest wait w for a new best on the way; the advice is 2 w, as noise may differ, or a tenth of the stage.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

SURE = 3.0  # standard errors of a significant change
LARGE_FALL = 0.05  # fall relative to the best score above which it matters
FEWEST = 3  # fewest scores of a stage from which a rise to the end is known
FEWEST_NOISE = 5  # fewest scores from which their noise is estimated
NORMAL = 1.4826  # standard deviation over median absolute deviation of a normal law
SHORT = 300  # after fewer steps of training without scores, the advice is to train longer
LEAST, USUAL = 5, 20  # smallest patience that is advised; patience where no score is known
Length = Literal["longer", "shorter", ""]


@dataclass(frozen=True)
class Course:
    """Validation scores of the last stage of a training.

    Args:
        epochs: epoch of each score.
        scores: the finite scores in nats, in order.
        patience: patience of the training; None: none.
    """

    epochs: tuple[float, ...] = ()
    scores: tuple[float, ...] = ()
    patience: int | None = None

    @property
    def known(self) -> bool:
        """True if there are enough scores to tell if they rose."""
        return len(self.scores) >= FEWEST

    @property
    def best(self) -> int:
        """Place of the best score."""
        return self.scores.index(max(self.scores))

    @property
    def fallen(self) -> float:
        """Nats from the best score to the last."""
        return self.scores[self.best] - self.scores[-1]

    @cached_property
    def noise(self) -> float:
        """Standard deviation of a difference of two scores by noise; 0 if unknown.

        The second difference of independent errors has 6 times their variance, the difference 2 times.
        """
        v = self.scores
        if len(v) < FEWEST_NOISE:
            return 0.0
        bends = [abs(a - 2 * b + c) for a, b, c in zip(v, v[1:], v[2:])]
        return NORMAL * statistics.median(bends) * math.sqrt(2 / 6)

    @cached_property
    def rose(self) -> bool:
        """True if the score rose to the end, as far as noise lets it be told."""
        return self.known and not self.fell and (self.best == len(self.scores) - 1 or self._climbs())

    def _climbs(self) -> bool:
        """Returns True if the slope of the second half is positive beyond its noise."""
        half = len(self.scores) // 2
        t, v = self.epochs[half:], self.scores[half:]
        if len(v) < FEWEST_NOISE or not self.noise:
            return False
        mean = statistics.fmean(t)
        spread = sum((at - mean) ** 2 for at in t)
        slope = sum((at - mean) * score for at, score in zip(t, v)) / spread if spread else 0.0
        return slope > SURE * self.noise / math.sqrt(2 * spread) if spread else False

    @property
    def fell(self) -> bool:
        """True if the score ended below its best by more than noise and by more than matters."""
        if not self.known:
            return False
        return self.fallen > max(LARGE_FALL * max(1.0, abs(self.scores[self.best])), SURE * self.noise)

    @property
    def stopped_early(self) -> bool:
        """True if patience ended the training while the score rose."""
        if self.patience is None or not self.rose:
            return False
        return len(self.scores) - 1 - self.best >= self.patience

    @property
    def wait(self) -> int:
        """Patience, in epochs, that ends a training with its best weights."""
        if not self.known:
            return USUAL
        records, best = [self.epochs[0]], self.scores[0]
        for epoch, score in zip(self.epochs, self.scores):
            if score > best:
                best = score
                records.append(epoch)
        longest = max((b - a for a, b in itertools.pairwise(records)), default=0.0)
        told = max(2 * longest, self.epochs[-1] / 10, 4 * (self.patience or 0) * self.stopped_early)
        return max(LEAST, math.ceil(told - 1e-9))


def course_of(metrics: Sequence[Mapping[str, Any]], options: Mapping[str, Any]) -> Course:
    """Returns the scores of the last stage in the metrics of a training.

    Args:
        metrics: rows of the training's metrics file.
        options: options of the training by name; empty: unknown.

    Example:
        >>> rows = [{"epoch": str(t), "valid_score": str(v)} for t, v in enumerate((-9.0, -3.0, -4.0, -8.0))]
        >>> found = course_of(rows, {})
        >>> found.rose, found.fell, found.fallen, found.wait
        (False, True, 5.0, 5)
    """
    last = metrics[-1].get("stage") if metrics else None
    rows = [row for row in metrics if row.get("stage") == last]
    pairs = [(number(row.get("epoch")), number(row.get("valid_score"))) for row in rows]
    scored = [(epoch, score) for epoch, score in pairs if score is not None and math.isfinite(score)]
    epochs = [epoch if epoch is not None else i + 1.0 for i, (epoch, _) in enumerate(scored)]
    return Course(tuple(epochs), tuple(score for _, score in scored), options.get("patience"))


def number(text: Any) -> float | None:
    """Returns the number in a cell; None if it is empty or no number."""
    try:
        return float(text) if text else None
    except ValueError:
        return None


@dataclass(frozen=True)
class Training:
    """Facts on the length of a training, and the length that is advised.

    Args:
        course: validation scores.
        steps: number of training steps; None: unknown.
        too_long: True if the model copies or overfits.
    """

    course: Course = field(default_factory=Course)
    steps: int | None = None
    too_long: bool = False

    @property
    def young(self) -> bool:
        """True if training was so short that the first advice is to train longer."""
        few = self.steps is not None and self.steps < SHORT
        return few and (self.course.rose or not self.course.known)

    @property
    def length(self) -> Length:
        """Length that is advised, against the one that was; empty: neither is."""
        if self.course.rose or self.young:
            return "longer"
        return "shorter" if self.course.fell or self.too_long else ""
