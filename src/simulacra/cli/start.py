"""From a plan to a run: data, model, folder, training; what fails early leaves nothing behind."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from simulacra.cli.options import config
from simulacra.cli.options.nearest import hint
from simulacra.cli.options.plan import Plan, takes_condition
from simulacra.cli.output import say
from simulacra.core.artifact.save import CONFIG
from simulacra.core.errors.suggestion import Refusal, command
from simulacra.core.model import Model
from simulacra.data import Dataset, load_data
from simulacra.models.catalog import find
from simulacra.training.options import Options, stage_names
from simulacra.training.run import LOCK, Run, locked, new_folder
from simulacra.training.state import checkpoint


def start(plan: Plan) -> Run:
    """Train a new run.

    Raises:
        ValueError: if the plan does not hold together; then no folder is left.
        KeyboardInterrupt: saying how to go on.
    """
    options = Options(**plan.training)
    data = load_data(plan.data, **plan.data_options)
    model = build(plan, data, options)
    _check_stages(model, options)
    # imported where training starts
    from simulacra.api import fit
    from simulacra.exploration.live.watch import SamplePictures
    from simulacra.training.fit import check_fits

    check_fits(model, data)
    size = sum(p.numel() for p in model.parameters())
    say(f"{plan.model} with {size:,} parameters on {data}")
    with claimed(plan, data) as path:
        say(f"run folder: {path}")
        return fit(model, data, out=path, options=options, callbacks=(SamplePictures(),))


def build(plan: Plan, data: Dataset, options: Options) -> Model:
    """The untrained model for these data, seeded.

    Raises:
        ValueError: if a condition was loaded that the model does not take, or the model refuses.
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
    """Raise ValueError, with the nearest name, if lengths are given for stages that are not there."""
    names = stage_names(model) if options.stages else []
    for name in options.stages:
        if name not in names:
            raise ValueError(f"option '--stages.{name}.epochs' is unknown; {hint(name, names)}")


@contextlib.contextmanager
def claimed(plan: Plan, data: Dataset) -> Iterator[Path]:
    """The run folder with its `config.yaml`; given up again if training never began.

    Raises:
        ValueError: if it holds a run already.
    """
    name = data.spec.get("name_or_path", plan.data)
    path = Path(plan.out) if plan.out else new_folder(plan.model, data.name)
    made = [] if not plan.out else [p for p in (path, *path.parents) if not p.exists()]
    path.mkdir(parents=True, exist_ok=True)
    try:
        # of several that begin at once, one has the lock: the others write nothing
        with locked(path):
            _check_free(path)
            kept = {p.name for p in path.iterdir()} - {LOCK}
            try:
                config.write(plan.at(str(name)), path / config.NAME)
                yield path
            except BaseException:
                _give_up(path, kept)
                raise
    except BaseException:
        with contextlib.suppress(OSError):
            for folder in made if plan.out else [path, path.parent]:
                folder.rmdir()
        raise


def _check_free(path: Path) -> None:
    if (path / CONFIG).exists():
        go_on = command("train", "--resume", path)
        raise Refusal(f"{path} already holds a run: go on with {go_on}, or choose another --out.", go_on)


def _give_up(path: Path, kept: set[str]) -> None:
    """Remove what we wrote, unless there is a checkpoint."""
    if not (path / checkpoint.NAME).exists():
        for name in {CONFIG, config.NAME, "metrics.csv", LOCK} - kept:
            with contextlib.suppress(OSError):
                (path / name).unlink(missing_ok=True)
