"""`fit` and `resume` of the library: training, and then the doctor's short look at what came of it.

The look costs a share of the time that training took. What is free, the metrics and the last diagnostics, is
always read. For the rest a few rows are measured first, and then as many as the share pays for. Nothing
is annealed, no partition function is summed, and nothing is drawn entry by entry: `simulacra doctor`
does that.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Unpack

from torch import nn

from simulacra.core.errors.calls import checked
from simulacra.core.errors.finding import Finding
from simulacra.core.model import Model
from simulacra.core.renamed import renames_of
from simulacra.data.dataset import Dataset
from simulacra.evaluation.doctor.diagnose import diagnose
from simulacra.evaluation.doctor.quick_check import TimeBudget, quick_check
from simulacra.training import fit as trainer
from simulacra.training.callbacks.looks import SHARE, SHORT, look_seconds
from simulacra.training.loop import Callback, Loop
from simulacra.training.options import OptionKeywords, Options
from simulacra.training.run import Run

log = logging.getLogger("simulacra")


@renames_of("fit", "Options")  # outside, so that its warning points at the caller
@checked
def fit(
    model: Model,
    data: Dataset,
    *,
    out: str | Path | None = None,
    callbacks: tuple[Callback, ...] = (),
    options: Options | None = None,
    doctor: bool = True,
    **settings: Unpack[OptionKeywords],
) -> Run:
    """Train `model` on `data`, have the doctor look at it, and return the run.

    Args:
        model: the model, which is trained in place.
        data: with the spaces of the model.
        out: run folder; None: the first free `runs/MODEL-DATA-N`.
        callbacks: functions `(loop, epoch_ended)` called after each step.
        options: all settings at once, in place of `settings`.
        doctor: whether warnings and notes of the doctor are logged and kept in `run.findings`; it takes
            less than 5 % of the time of training.
        settings: fields of `Options`, such as `epochs=20`, `batch_size=64`, `lr=1e-3` or `seed=1`.

    Raises:
        ValueError: if model and data do not fit, or the folder holds a run already.
        TrainingFailed: if a loss is not finite; the last good checkpoint stands.
        KeyboardInterrupt: if a script is interrupted; in a notebook or at a prompt the run comes back
            as far as it was trained, with a warning, and `resume` goes on with it.

    Example:
        >>> import simulacra, tempfile
        >>> data = simulacra.load_data("ring")
        >>> run = fit(simulacra.PPCA(data.space, latent=1), data, out=tempfile.mkdtemp())
        >>> run.model.sample(3).shape, run.findings
        (torch.Size([3, 2]), [])
    """
    if options is not None and settings:
        raise ValueError(f"fit got options= and {next(iter(settings))}=: give it in the options.")
    options = options or Options(**settings)
    began = time.perf_counter()
    looking: tuple[Callback, ...] = (*callbacks, Look()) if doctor else callbacks
    run = trainer.fit(model, data, out=out, callbacks=looking, options=options)
    return examined(run, time.perf_counter() - began) if doctor else run


@checked
def resume(
    path: str | Path,
    *,
    data: Dataset | None = None,
    callbacks: tuple[Callback, ...] = (),
    kind: type[Model] | None = None,
    doctor: bool = True,
    **passed: nn.Module,
) -> Run:
    """Go on with the run in `path`: the final weights are those of the uninterrupted run.

    Args:
        path: the run folder.
        data: the data set, where it was not made by `load_data`.
        callbacks: as in `fit`.
        kind: the model's class, where it is your own.
        doctor: as in `fit`.
        passed: networks that the model was built with, by argument name.

    Raises:
        ValueError: if the folder holds no run, or the data are not those of the run.
    """
    began = time.perf_counter()
    looking: tuple[Callback, ...] = (*callbacks, Look()) if doctor else callbacks
    run = trainer.resume(path, data=data, callbacks=looking, kind=kind, **passed)
    return examined(run, time.perf_counter() - began) if doctor else run


class Look:
    """A callback for what the doctor's look will cost: it stands in the duration that training says."""

    def __call__(self, loop: Loop, epoch_ended: bool) -> None:
        """The look comes after training."""

    def seconds(self, loop: Loop, steps: float) -> float:
        """The look's share of so many seconds of steps."""
        return look_seconds(steps)


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
