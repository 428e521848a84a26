"""Trains a new run from a plan; if it fails before the first checkpoint, its folder is removed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from simulacra.cli.options import config
from simulacra.cli.options.nearest_name import hint
from simulacra.cli.options.plan import Plan, takes_condition
from simulacra.cli.output import say
from simulacra.core.artifact.save import CONFIG
from simulacra.core.errors.suggestion import Refusal, command
from simulacra.core.model import Model
from simulacra.core.size import size_of
from simulacra.core.storage.folders import check_output
from simulacra.core.storage.nested import make_folder
from simulacra.data import Dataset, load_data
from simulacra.models.catalog import find
from simulacra.training.options import Options, stage_names
from simulacra.training.run import LOCK, Run, locked, new_folder
from simulacra.training.state import checkpoint


def start(plan: Plan) -> Run:
    """Trains a new run.

    Args:
        plan: model, data and options.

    Raises:
        ValueError: if data, model and options do not fit each other; then no folder is left.
        KeyboardInterrupt: after an interrupt, with the command that resumes the run.
    """
    if plan.out:
        check_output(Path(plan.out), folder=True)
    options = Options(**plan.training)
    data = load_data(plan.data, **plan.data_options)
    model = build(plan, data, options)
    _check_stages(model, options)
    # imported late, because `simulacra data inspect` needs `build` only
    from simulacra.api import fit
    from simulacra.exploration.live.watch import SamplePictures
    from simulacra.training.fit import check_fits

    check_fits(model, data)
    say(f"{plan.model} ({size_of(model)}) on {data}")
    with claimed(plan, data) as path:
        say(f"run folder: {path}")
        return fit(model, data, out=path, options=options, callbacks=(SamplePictures(),))


def build(plan: Plan, data: Dataset, options: Options) -> Model:
    """Returns the untrained model for the data.

    Args:
        plan: name and options of the model.
        data: data set, which gives space and condition.
        options: training options, whose seed initializes the weights.

    Raises:
        ValueError: if the data have a condition that the model does not take, or the model refuses the data.
    """
    entry = find(plan.model)
    kind = entry.load()
    given = dict(plan.model_options)
    if data.condition is not None:
        if not takes_condition(kind):
            raise ValueError(f"{plan.model} takes no condition: leave out --data.condition.")
        given["condition"] = data.condition
    model: Model = kind(data.space, **{"seed": options.seed, **given})
    return model


def _check_stages(model: Model, options: Options) -> None:
    """Raises ValueError, with the nearest name, if epochs are given for an unknown stage."""
    names = stage_names(model) if options.stages else []
    for name in options.stages:
        if name not in names:
            raise ValueError(f"option '--stages.{name}.epochs' is unknown; {hint(name, names)}")


@contextlib.contextmanager
def claimed(plan: Plan, data: Dataset) -> Iterator[Path]:
    """Context with a new, locked run folder that holds `config.yaml`.

    The folder is removed again if an error occurs before the first checkpoint.

    Args:
        plan: plan with the folder, or None for a new one.
        data: data set, whose name becomes part of a new folder's name.

    Raises:
        ValueError: if the folder already holds a run.
    """
    name = data.spec.get("name_or_path", plan.data)
    path = Path(plan.out) if plan.out else new_folder(plan.model, data.name)
    made = [] if not plan.out else [p for p in (path, *path.parents) if not p.exists()]
    make_folder(path)
    try:
        # of several processes that start at once, only the one with the lock writes
        with locked(path):
            _check_free(path)
            kept = {p.name for p in path.iterdir()} - {LOCK}
            try:
                config.write(plan.at(str(name)), path / config.NAME)
                yield path
            except BaseException:
                _remove_files(path, kept)
                raise
    except BaseException:
        with contextlib.suppress(OSError):
            for folder in made if plan.out else [path, path.parent]:
                folder.rmdir()
        raise


def _check_free(path: Path) -> None:
    """Raises ValueError, with the command that resumes, if the folder holds a run."""
    if (path / CONFIG).exists():
        go_on = command("train", "--resume", path)
        raise Refusal(f"{path} already holds a run: go on with {go_on}, or choose another --out.", go_on)


def _remove_files(path: Path, kept: set[str]) -> None:
    """Removes the files of a run that has no checkpoint.

    Args:
        path: run folder.
        kept: names of files that were there before, which stay.
    """
    if not (path / checkpoint.NAME).exists():
        for name in {CONFIG, config.NAME, "metrics.csv", LOCK} - kept:
            with contextlib.suppress(OSError):
                (path / name).unlink(missing_ok=True)
