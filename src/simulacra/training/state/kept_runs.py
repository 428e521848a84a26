"""Trainings in a permanent folder: starts, resumes or loads the training there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Unpack

from simulacra.core.artifact.save import CONFIG, WEIGHTS, describe
from simulacra.core.model import Model
from simulacra.data.dataset import Dataset
from simulacra.data.reopening import check_unchanged
from simulacra.training.fit import go_on, load_into, start_of, train
from simulacra.training.options import OptionKeywords, Options
from simulacra.training.run import Run, run_config
from simulacra.training.state.preparation import prepare_as

# entries of the configuration that, with the options and `start`, determine the weights of a run
SAME = ("model", "arguments", "preprocessing", "conditioning")


def epochs_begun(folder: Path) -> float | None:
    """Returns the epochs of the run in a folder; None if there is none."""
    if not (folder / CONFIG).is_file():
        return None
    passes: float = run_config(folder)["options"]["epochs"]
    return passes


def fit_or_resume(model: Model, data: Dataset, out: Path, **settings: Unpack[OptionKeywords]) -> Run:
    """Trains in a folder, resumes the same training there, or loads it if it is finished.

    Args:
        model: as for `fit`.
        data: as for `fit`.
        out: run folder.
        settings: as for `fit`.

    Raises:
        ValueError: as `fit` and `resume`, or if the folder holds another training.

    Example:
        >>> import simulacra, tempfile
        >>> data, out = simulacra.load_data("ring"), Path(tempfile.mkdtemp()) / "run"
        >>> first, second = (fit_or_resume(simulacra.PPCA(data.space, latent=1), data, out) for _ in range(2))
        >>> first.model.W.equal(second.model.W)
        True
    """
    if not (out / CONFIG).is_file():
        return train(model, data, out=out, options=Options(**settings))
    prepare_as(model, data)
    options = Options(**settings).for_model(model, data.valid is not None)
    now = {**{name: describe(model).get(name) for name in SAME}, "options": options.spec()}
    now["start"] = start_of(model)
    # the same form as in the file: lists instead of tuples
    config = run_config(out)
    differs = differences(config, json.loads(json.dumps(now, default=str)))
    if differs:
        raise ValueError(
            f"{out} holds another training ({', '.join(differs)} differ): choose another folder, or remove "
            "this one and train again."
        )
    if not (out / WEIGHTS).is_file():
        return go_on(out, data=data, kind=type(model))
    check_unchanged(data, config["data"], str(out))
    return Run(out, load_into(model, out), data, config)


def differences(then: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Returns the names of the entries in which two configurations differ.

    Args:
        then: configuration of the folder; options and arguments that its version did not have are ignored.
        now: configuration of the present training.

    Example:
        >>> differences({"model": "VAE", "options": {"lr": 1}}, {"model": "VAE", "options": {"lr": 2}})
        ['lr']
    """
    known = then.get("arguments") or {}
    if "arguments" in now:
        now = {**now, "arguments": {k: v for k, v in now["arguments"].items() if k in known}}
    # an entry that says nothing, such as no preprocessing of conditions, may be left out
    found = [name for name in now if name != "options" and (then.get(name) or None) != (now[name] or None)]
    options = then.get("options", {})
    return found + [name for name, value in now["options"].items() if options.get(name, value) != value]
