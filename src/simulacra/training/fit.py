"""`train` trains a model on data into a run folder; `go_on` resumes a run with bit-identical results.

`simulacra.fit` and `simulacra.resume` (`simulacra.api`) call these two with the default callbacks.
"""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torch import nn

from simulacra.core.artifact.save import CONFIG, WEIGHTS, Artifact, describe
from simulacra.core.artifact.weights import digest, load_weights
from simulacra.core.capabilities.general import TakesLengths, TakesMissing
from simulacra.core.errors.calls import WrongCall, checked
from simulacra.core.errors.suggestion import Refusal, command, load_with
from simulacra.core.model import Model
from simulacra.core.preprocessing.chain import Preprocessing
from simulacra.core.renamed import renamed_arguments
from simulacra.core.storage.files import write_json
from simulacra.core.storage.nested import make_folder
from simulacra.data.dataset import Dataset
from simulacra.data.reopening import check_unchanged, reopen
from simulacra.models.catalog import name_of
from simulacra.training.callbacks.at_end import with_ends
from simulacra.training.callbacks.interactive import interactive, so_far
from simulacra.training.callbacks.stopping import Interrupted
from simulacra.training.callbacks.validation import can_validate
from simulacra.training.hardware.launch import Job, launch
from simulacra.training.loop import Callback
from simulacra.training.options import Options, check_stages, stage_names
from simulacra.training.run import Run, class_of, load, locked, new_folder, run_config, unfinished
from simulacra.training.state import checkpoint as ck
from simulacra.training.state.metrics import NAME as METRICS
from simulacra.training.state.preparation import prepare_as
from simulacra.training.state.seeds import seed_group
from simulacra.training.steps.coupling import check_parts

log = logging.getLogger("simulacra")


def train(
    model: Model,
    data: Dataset,
    *,
    out: str | Path | None = None,
    callbacks: tuple[Callback, ...] = (),
    options: Options,
) -> Run:
    """Trains a model and returns the run.

    Args:
        model: model built for the data's space. The training of one that was trained or loaded before goes
            on from its weights; the run's configuration then holds their digest as `start`.
        data: data set.
        out: run folder; None: the first free `runs/MODEL-DATA-N`.
        callbacks: functions `(loop, epoch_ended)` called after each step; those with a method `at_end` are
            also called at the end of training.
        options: training options.

    Raises:
        ValueError: if model and data do not fit, or the folder already holds a run.
        TrainingFailed: if a loss is not finite; the last good checkpoint is kept.
        KeyboardInterrupt: after an interrupt in a script; in a notebook or at a prompt the run is returned
            as far as it was trained, with a warning.

    Example:
        >>> import simulacra, tempfile
        >>> data = simulacra.load_data("ring")
        >>> run = train(simulacra.PPCA(data.space, latent=1), data, out=tempfile.mkdtemp(), options=Options())
        >>> run.model.sample(3).shape
        torch.Size([3, 2])
    """
    return with_ends(lambda: _new(model, data, out, callbacks, options), callbacks)


def _new(
    model: Model, data: Dataset, out: str | Path | None, callbacks: tuple[Callback, ...], options: Options
) -> Run:
    check_fits(model, data)
    options = options.for_model(model, data.valid is not None)
    can_validate(model, data.valid, options)
    check_stages(model, options)
    check_parts(model, options)
    folder = Path(out) if out is not None else new_folder(name_of(type(model)), data.name)
    try:
        make_folder(folder)
    except OSError as error:
        raise ValueError(f"the run folder {folder} cannot be made ({error}).") from error
    with locked(folder):
        if (folder / CONFIG).exists():
            go_on = command("train", "--resume", folder)
            raise Refusal(
                f"{folder} already holds a run; go on with {go_on} or choose another folder.", go_on
            )
        prepare_as(model, data)
        model.label_names = data.label_names
        model.estimates = []
        with _removed_unless_begun(folder):
            start = start_of(model)
            if start:
                log.info(
                    "%s was trained or loaded before: training goes on from its weights", type(model).__name__
                )
            write_json(folder / CONFIG, _config(model, data, options, start))
            return _train(model, data, options, folder, callbacks, start, resume=False)


@contextlib.contextmanager
def _removed_unless_begun(folder: Path) -> Iterator[None]:
    """Context that removes the run's files if an error occurs before the first checkpoint."""
    try:
        yield
    except Exception:
        if not (folder / ck.NAME).exists():
            for name in (CONFIG, METRICS):
                (folder / name).unlink(missing_ok=True)
        raise


def go_on(
    path: str | Path,
    *,
    data: Dataset | None = None,
    callbacks: tuple[Callback, ...] = (),
    kind: type[Model] | None = None,
    finish: bool = False,
    **passed: Any,
) -> Run:
    """Resumes an interrupted run; the final weights equal those of an uninterrupted run.

    Args:
        path: run folder.
        data: the data set, if it was not made by `load_data`.
        callbacks: as in `train`.
        kind: the model's class, if it is your own.
        finish: True to end the run as it is: nothing more is trained.
        passed: networks that the model was built with, by argument name.

    Raises:
        ValueError: if the folder holds no run, or the data are not those of the run.
    """
    return with_ends(lambda: _resumed(Path(path), data, callbacks, kind, finish, passed), callbacks)


def _resumed(
    folder: Path,
    data: Dataset | None,
    callbacks: tuple[Callback, ...],
    kind: type[Model] | None,
    finish: bool,
    passed: dict[str, Any],
) -> Run:
    config = run_config(folder)
    found = class_of(config, kind, folder)
    try:
        options = Options(**renamed_arguments(["Options"], config["options"], quiet=True))
    except WrongCall as error:
        raise ValueError(f"{folder / CONFIG} is damaged: {error}") from error
    model = Artifact(config, folder / ck.NAME, folder / CONFIG).build(found, passed, "model/")
    data = data or _same_data(folder, config, model.preprocessing)
    check_unchanged(data, config["data"], str(folder))
    data = data.under(model.preprocessing, model.conditioning)
    if data.preprocessing != model.preprocessing:
        raise ValueError(
            f"{data.name} is prepared as {data.preprocessing.label}, but {folder} was trained on data "
            f"prepared as {model.preprocessing.label}: load it with the same options."
        )
    start, begun = config.get("start"), (folder / ck.NAME).is_file()
    if start and not begun:
        raise ValueError(
            f"{folder} was to begin at weights of an earlier training and ended before its first checkpoint: "
            "train that model again in another folder."
        )
    with locked(folder):
        ended = _end_of(folder, model) if finish else config.get("ended")
        return _train(model, data, options, folder, callbacks, start, resume=begun, ended=ended, ends=finish)


def _end_of(folder: Path, model: Model) -> dict[str, Any] | None:
    """Returns how far a run is that ends early; None if it has ended by itself.

    Raises:
        ValueError: if it has not trained a step, or stages of it have not begun.
    """
    begun = (folder / ck.NAME).is_file()
    position = ck.position_in(folder / ck.NAME) if begun else ck.Position()
    if position.finished:
        return None
    left = stage_names(model)[position.stage + 1 :]
    if not position.total_steps or left:
        go_on = command("train", "--resume", folder)
        lacks = f"has stages that have not begun ({', '.join(left)})" if left else "has not trained a step"
        raise Refusal(f"{folder} {lacks}, so it cannot end here: go on with {go_on}.", go_on)
    return {"total_step": position.total_steps, "seconds": round(position.seconds, 1)}


def _same_data(folder: Path, config: dict[str, Any], recorded: Preprocessing) -> Dataset:
    spec = config["data"].get("spec")
    if not spec:
        raise ValueError(
            f"{folder} was trained on data from memory: pass them, as in resume(path, data=data)."
        )
    try:
        return reopen(spec, recorded, config["data"].get("digest"))
    except ValueError as error:
        # drop advice on loading options from the message, as a run keeps its own
        reason = re.split(r": (?:load|to leave)", str(error).rstrip("."))[0]
        raise ValueError(
            f"the data of {folder} cannot be read as when it was trained: put them back as they were, or "
            f"train again ({reason})."
        ) from error
    except (TypeError, AttributeError) as error:
        raise ValueError(f"{folder / CONFIG} is damaged: its data set cannot be loaded ({error}).") from error


@checked
def load_run(
    path: str | Path, *, data: Dataset | None = None, kind: type[Model] | None = None, **passed: nn.Module
) -> Run:
    """Loads a finished run with its model and, if `load_data` made them, its data.

    Args:
        path: run folder.
        data: the data set, if it was not made by `load_data`; None: the run's own.
        kind: the model's class, if it is your own.
        passed: networks that the model was built with, by argument name.

    Raises:
        ValueError: as `load`, if the folder holds a model that is no run, or the data have changed.

    Example:
        >>> import simulacra, tempfile
        >>> data, out = simulacra.load_data("ring"), tempfile.mkdtemp()
        >>> run = simulacra.fit(simulacra.PPCA(data.space, latent=1), data, out=out)
        >>> load_run(out).data.name
        'ring'
    """
    folder = Path(path)
    config = run_config(folder)
    model = load(folder, kind=kind, device=None, **passed)
    if data is None and not config["data"].get("spec"):
        return Run(folder, model, None, config)
    data = data or _same_data(folder, config, model.preprocessing)
    check_unchanged(data, config["data"], str(folder))
    data = data.under(model.preprocessing, model.conditioning)
    return Run(folder, model, data, config)


def check_fits(model: Model, data: Dataset) -> None:
    """Raises ValueError unless the model's spaces are those of the data.

    Args:
        model: the model.
        data: data set.
    """
    if model.space != data.space:
        raise ValueError(
            f"the model was built for {model.space}, but {data.name} holds {data.space}: "
            "build it with data.space."
        )
    gaps = any(split.known is not None for split in data.splits.values())
    if gaps and not model.supports(TakesMissing):
        models = command("models")
        raise Refusal(
            f"{data.name} has missing entries, which {type(model).__name__} does not leave out of its loss: "
            f"choose a model that takes them ({models}), or fill them in.",
            models,
        )
    ragged = any(split.lengths is not None for split in data.splits.values())
    if ragged and not model.supports(TakesLengths):
        models = command("models")
        raise Refusal(
            f"{data.name} holds sequences of differing lengths, which {type(model).__name__} does not take: "
            f"choose a model that does ({models}).",
            models,
        )
    if model.condition is not None and data.condition is None:
        given = load_with(condition="label")
        raise Refusal(
            f"the model needs a condition ({model.condition}), but {data.name} was loaded without one: "
            f"load it with {given}.",
            given,
        )
    if model.condition is not None and model.condition != data.condition:
        raise ValueError(
            f"the model's condition is {model.condition}, the data's {data.condition}: build it with "
            "data.condition."
        )


def start_of(model: Model) -> str | None:
    """Returns the digest of the weights at which training begins; None for fresh initial weights."""
    return digest(model.state_dict()) if model.has_history else None


def _config(
    model: Model, data: Dataset, options: Options, start: str | None, ended: dict[str, Any] | None = None
) -> dict[str, Any]:
    described = {
        "name": data.name,
        "spec": data.spec,
        "digest": data.train.digest(),
        "rows": {name: len(split) for name, split in data.splits.items()},
    }
    config = {**describe(model), "data": described, "options": options.spec()}
    if start:
        config["start"] = start
    if ended:
        config["ended"] = ended
    return {**config, "seed_group": seed_group(config)}


def _train(
    model: Model,
    data: Dataset,
    options: Options,
    folder: Path,
    callbacks: tuple[Callback, ...],
    start: str | None,
    resume: bool,
    ended: dict[str, Any] | None = None,
    ends: bool = False,
) -> Run:
    config = _config(model, data, options, start, ended)
    of_a_run = ("data", "options", "start", "ended", "seed_group")
    more: dict[str, Any] = {name: config[name] for name in of_a_run if name in config}
    try:
        launch(Job(model, data, options, folder, callbacks, more, folder / ck.NAME if resume else None, ends))
    except Interrupted:
        if interactive():
            log.warning(
                "interrupted: this is the run as far as it was trained; go on with simulacra.resume(%r)",
                str(folder),
            )
            return Run(folder, so_far(model, folder), data, config)
        go_on, end = unfinished(folder)
        log.warning("interrupted; nothing is lost: go on with %s, or end it as it is with %s", go_on, end)
        raise KeyboardInterrupt from None
    finally:
        model.has_history = model.has_history or (folder / ck.NAME).is_file()
    return Run(folder, load_into(model, folder), data, config)


def load_into(model: Model, folder: Path) -> Model:
    """Loads the trained weights of a run into a model, in evaluation mode.

    Args:
        model: model of the run.
        folder: run folder.
    """
    load_weights(model, folder / WEIGHTS)
    model.has_history = True
    return model.eval()
