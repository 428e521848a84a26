"""The time of an evaluation, shared out between what may take long."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from simulacra.core.capabilities import general as can
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
ONE, EACH = 0.4, 0.2  # shares of annealing: of one log Z, and of the held-out and of the training rows' own
SAMPLES = (1000, 500, 200, 100)  # that are drawn
DRAWN = 0.2  # share of drawing them


@dataclass(frozen=True)
class Share:
    """What parts of an evaluation may take.

    Args:
        seconds: of the evaluation; None: no limit.
    """

    seconds: float | None

    def annealing(self, asked: Annealing, model: Model) -> Annealing:
        """Annealing as it was asked for, within its share."""
        if self.seconds is None or asked.seconds is not None:
            return asked
        several = model.supports(can.HasPartitionFunctions) or model.condition is not None
        return replace(asked, seconds=self.seconds * (EACH if several else ONE))

    def samples(self, model: Model, rows: Split, most: int = SAMPLES[0]) -> int:
        """How many samples are drawn: the most of `SAMPLES` that a share of the time pays for.

        Args:
            rows: whose conditions they are drawn under, where the model takes one.
            most: that are drawn.
        """
        tries = [most, *[n for n in SAMPLES if n < most]]
        if self.seconds is None or not model.supports(can.Samples):
            return most
        # an evaluation that goes on draws as many as it had begun to
        n: int = once(
            "number-of-samples", (model, self.seconds, most), lambda: self._paid(model, rows, tries), PLAIN, 0
        )
        return n

    def _paid(self, model: Model, rows: Split, tries: Sequence[int]) -> int:
        """The first of some numbers of samples that a share of the time pays for, or the last."""
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
    """The finding that stands first in a report that was broken off.

    Args:
        measured: names of the estimates that it has.
    """
    held = f"only {', '.join(measured)}" if measured else "no score"
    return Finding(
        "warning",
        "interrupted",
        f"the report was broken off and holds {held}",
        meaning="what is not there was not measured, and a score may be of the first rows alone",
        suggestion="evaluate again, with a smaller limit where it takes too long",
    )
