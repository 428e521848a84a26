"""`fit` and `resume`: the library's one way to train, with the callbacks that every training has.

`simulacra.training.fit` trains. What the layers above it do when training has ended is a callback, and which
they are stands here, in `callbacks_of`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

from torch import nn

from simulacra.core.errors.calls import checked
from simulacra.core.model import Model
from simulacra.core.renamed import renames_of
from simulacra.data.dataset import Dataset
from simulacra.evaluation.doctor.at_end import DoctorsLook
from simulacra.training.fit import go_on, train
from simulacra.training.loop import Callback
from simulacra.training.options import OptionKeywords, Options
from simulacra.training.run import Run


def callbacks_of(given: tuple[Callback, ...], doctor: bool) -> tuple[Callback, ...]:
    """The callbacks of a training: those that were given, then the library's own.

    Args:
        doctor: the doctor looks at the run at the end.
    """
    return (*given, DoctorsLook()) if doctor else given


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
        callbacks: functions `(loop, epoch_ended)` called after each step; one with a method
            `at_end(run, seconds)` is given the run when training has ended.
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
    return train(model, data, out=out, callbacks=callbacks_of(callbacks, doctor), options=options)


@checked
def resume(
    path: str | Path,
    *,
    data: Dataset | None = None,
    callbacks: tuple[Callback, ...] = (),
    kind: type[Model] | None = None,
    doctor: bool = True,
    finish: bool = False,
    **passed: nn.Module,
) -> Run:
    """Go on with the run in `path`: the final weights are those of the uninterrupted run.

    With `finish=True` nothing more is trained: the run ends as it is, and its configuration says after how
    many steps.

    Args:
        path: the run folder.
        data: the data set, where it was not made by `load_data`.
        callbacks: as in `fit`.
        kind: the model's class, where it is your own.
        doctor: as in `fit`.
        finish: True to end an interrupted run as it is, in its last stage.
        passed: networks that the model was built with, by argument name.

    Raises:
        ValueError: if the folder holds no run, or the data are not those of the run.
    """
    callbacks = callbacks_of(callbacks, doctor)
    return go_on(path, data=data, callbacks=callbacks, kind=kind, finish=finish, **passed)
