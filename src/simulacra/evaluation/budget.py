"""Divides the time limit of an evaluation among its long computations."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from simulacra.core.capabilities import general as can
from simulacra.core.capabilities.sampling import present_unlike
from simulacra.core.errors.finding import Finding
from simulacra.core.model import Model
from simulacra.core.progress.estimates import estimated
from simulacra.core.progress.tasks import duration
from simulacra.data.dataset import Split
from simulacra.evaluation.likelihood.annealing import Annealing
from simulacra.evaluation.measures.kept_parts import PLAIN, keeping, once
from simulacra.evaluation.rows import samples_like

log = logging.getLogger("simulacra")
BUDGET = 60.0  # seconds of an evaluation
# shares of the time for annealing: of one log Z, or of each of two sets of them (held-out, training rows)
ONE, EACH = 0.4, 0.2
SAMPLES = (1000, 500, 200, 100)  # numbers of samples to choose from
DRAWN = 0.2  # share of the time for sampling


@dataclass(frozen=True)
class Share:
    """Time limits of the parts of an evaluation.

    Args:
        seconds: time limit of the evaluation; None: no limit.
    """

    seconds: float | None

    def annealing(self, asked: Annealing, model: Model) -> Annealing:
        """Returns annealing options with a time limit, unless they have one.

        Args:
            asked: options as given.
            model: model to be annealed.
        """
        if self.seconds is None or asked.seconds is not None:
            return asked
        several = model.supports(can.HasPartitionFunctions) or model.condition is not None
        return replace(asked, seconds=self.seconds * (EACH if several else ONE))

    def samples(self, model: Model, rows: Split, most: int = SAMPLES[0]) -> int:
        """Returns the largest number of samples in `SAMPLES` that can be drawn in the time for sampling.

        Args:
            model: model to sample from.
            rows: rows whose conditions the samples take, where the model takes one.
            most: upper limit.
        """
        tries = [most, *[n for n in SAMPLES if n < most]]
        if self.seconds is None or not model.supports(can.Samples):
            return most
        # a resumed evaluation draws as many samples as before
        n: int = once(
            "number-of-samples",
            (model, self.seconds, most, *present_unlike(model).items()),
            lambda: self._largest_affordable(model, rows, tries),
            PLAIN,
            0,
        )
        return n

    def _largest_affordable(self, model: Model, rows: Split, tries: Sequence[int]) -> int:
        """Returns the first of several numbers of samples that the time allows, or the last."""
        assert self.seconds is not None
        seconds: dict[int, float] = {}
        most = tries[0]
        with keeping(None):
            for n in tries:
                seconds[n] = estimated(lambda n=n: samples_like(model, rows, n))  # type: ignore[misc]
                if seconds[n] <= DRAWN * self.seconds:
                    break
        if n < most:
            left_out = (f"{most:,}", duration(seconds[most]))
            log.info("samples: %d, about %s (%s would take %s)", n, duration(seconds[n]), *left_out)
        return n


def interrupted(measured: Sequence[str]) -> Finding:
    """Returns the finding that stands first in the report of an interrupted evaluation.

    Args:
        measured: names of the estimates in the report.
    """
    held = f"only {', '.join(measured)}" if measured else "no score"
    return Finding(
        "warning",
        "interrupted",
        f"the report was broken off and holds {held}",
        meaning="what is not there was not measured, and a score may be of the first rows alone",
        suggestion="evaluate again, with a smaller limit where it takes too long",
    )
