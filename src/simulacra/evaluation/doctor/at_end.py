"""Callback that diagnoses a run when its training has ended.

It takes a share of the training time. The metrics and the last diagnostics are always read; for further
measurements, the number of rows is chosen by timing a few. There is no annealing, no sum over states and no
sampling entry by entry: `simulacra doctor` does these.
"""

from __future__ import annotations

import logging

from simulacra.core.errors.finding import Finding
from simulacra.evaluation.doctor.diagnose import diagnose
from simulacra.evaluation.doctor.quick_check import TimeBudget, quick_check
from simulacra.training.callbacks.looks import SHARE, SHORT, look_seconds
from simulacra.training.loop import Loop
from simulacra.training.run import Run

log = logging.getLogger("simulacra")


class DoctorsLook:
    """Callback that stores the doctor's findings in `run.findings`, and logs warnings and notes.

    It takes less than 5 % of the training time; the predicted duration of training includes it.
    """

    def __call__(self, loop: Loop, epoch_ended: bool) -> None:
        """Does nothing after a step."""

    def seconds(self, loop: Loop, steps: float) -> float:
        """Returns the predicted seconds of the diagnosis.

        Args:
            loop: the training loop.
            steps: seconds that the steps of the stage take.
        """
        return look_seconds(steps)

    def at_end(self, run: Run, seconds: float) -> None:
        """Diagnoses the run.

        Args:
            run: finished run.
            seconds: training time in seconds.
        """
        examined(run, seconds)


def examined(run: Run, seconds: float) -> Run:
    """Diagnoses a run, stores the findings in it, and logs warnings and notes.

    Args:
        run: finished run.
        seconds: training time in seconds.

    Returns:
        the run.
    """
    budget = TimeBudget(SHARE * seconds if seconds >= SHORT else 0.0)
    try:
        run.findings = diagnose(quick_check(run, budget))
        for finding in run.findings:
            _said(finding)
    except Exception as error:
        # do not lose a finished training because a user's own model fails in a method that is used here only
        log.warning("the doctor could not look at the run: %s: %s", type(error).__name__, error)
    return run


def _said(finding: Finding) -> None:
    if finding.severity == "warning":
        log.warning("%s: %s", finding.name, finding.sentence)
    elif finding.severity == "note":
        log.info("note: %s: %s", finding.name, finding.sentence)
