"""The doctor's short look at a run when its training has ended, as a callback.

The look costs a share of the time that training took. What is free, the metrics and the last diagnostics, is
always read. For the rest a few rows are measured first, and then as many as the share pays for. Nothing
is annealed, no partition function is summed, and nothing is drawn entry by entry: `simulacra doctor`
does that.
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
    """A callback that keeps the doctor's findings in `run.findings`, and logs warnings and notes.

    It takes less than 5 % of the time of training, which the duration that training says includes.
    """

    def __call__(self, loop: Loop, epoch_ended: bool) -> None:
        """The look comes after training."""

    def seconds(self, loop: Loop, steps: float) -> float:
        """The look's share of so many seconds of steps."""
        return look_seconds(steps)

    def at_end(self, run: Run, seconds: float) -> None:
        """Look at the run."""
        examined(run, seconds)


def examined(run: Run, seconds: float) -> Run:
    """The run with the doctor's findings, of which warnings and notes are logged.

    Args:
        seconds: that training took.
    """
    budget = TimeBudget(SHARE * seconds if seconds >= SHORT else 0.0)
    try:
        run.findings = diagnose(quick_check(run, budget))
        for finding in run.findings:
            _said(finding)
    except Exception as error:
        # a class of one's own may fail in what training never called, and hours of training are done
        log.warning("the doctor could not look at the run: %s: %s", type(error).__name__, error)
    return run


def _said(finding: Finding) -> None:
    if finding.severity == "warning":
        log.warning("%s: %s", finding.name, finding.sentence)
    elif finding.severity == "note":
        log.info("note: %s: %s", finding.name, finding.sentence)
