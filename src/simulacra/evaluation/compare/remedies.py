"""Finds the command that would make two scores comparable."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from simulacra.core.artifact.rebuild import argument_from
from simulacra.core.artifact.save import CONFIG
from simulacra.core.preprocessing.chain import Preprocessing, preprocessing_from
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Real
from simulacra.core.storage.files import read_json
from simulacra.data.load import usual_options
from simulacra.evaluation.compare.entries import CompareEntry, typed
from simulacra.models.catalog import find


def mend(a: CompareEntry, b: CompareEntry) -> str:
    """Returns a sentence with the command that scores b as a was scored; empty if there is none.

    Args:
        a: entry with the wanted protocol.
        b: entry to score again.
    """
    ours, theirs = a.protocol, b.protocol
    if ours is None or theirs is None or b.path is None:
        return ""
    unlike = set(ours.differences(theirs)) - {"data"}
    # same data set, other rows: the split's name contains limit and seed
    if unlike == {"split"} and "[:" in ours.split:
        return f"Score both again with{_split(ours.split)}: older reports are of the first rows."
    if unlike == {"split"}:
        return f"Score both on one split: `simulacra evaluate {typed(b.path)}{_split(ours.split)}`."
    ours_spec, theirs_spec = _load_arguments(a.path), _load_arguments(b.path)
    config = _config(b.path)
    own = config and config.get("own") and not config.get("extension")
    if ours_spec is not None and theirs_spec is not None:
        ours_spec = _with_own_steps(ours_spec, theirs_spec, ours.space)
    fits = ours_spec is not None and (theirs_spec is None or _transfers(a, b, ours_spec, theirs_spec))
    if ours_spec is None or own or not fits or not _taken(_config(a.path), config, ours_spec):
        return "Train and evaluate both on one data set with the same options."
    return (
        f"Train both on the same data: `simulacra train {_train_arguments(b.path, ours_spec, theirs_spec)}`."
    )


def _with_own_steps(wanted: dict[str, Any], given: Mapping[str, Any], space: str) -> dict[str, Any]:
    """Returns the wanted options, with those of the run for steps that no protocol knows.

    A step with an inverse, such as dequantization, changes what a model sees and not what is scored: each
    model keeps those that it needs.

    Args:
        wanted: arguments of `load_data` of the other run.
        given: those of the run.
        space: space in which the other run was scored.
    """
    if wanted.get("binarize") or wanted.get("mu_law"):
        # levels or bits take the place of real numbers
        return wanted
    # of a table, `standardize` replaces normal scores, which have no inverse
    names = ("dequantize",) if space.startswith("Table") else ("dequantize", "standardize")
    return {**wanted, **{name: given[name] for name in names if name in given}}


def _taken(
    other: Mapping[str, Any] | None, config: Mapping[str, Any] | None, wanted: Mapping[str, Any]
) -> bool:
    """Returns True if the model of a run can be built for data that are loaded as another run's.

    Args:
        other: configuration of the other run.
        config: configuration of the run.
        wanted: arguments of `load_data`.
    """
    if other is None or config is None or config.get("passed"):
        return True
    chain = preprocessing_from(other["preprocessing"])
    lossy = Preprocessing(chain.raw, tuple(step for step in chain.steps if step.lossy))
    space = chain.space if isinstance(chain.raw, Table) else lossy.space
    space = Real(chain.raw.shape) if wanted.get("dequantize") else space
    condition = other["arguments"].get("condition") if wanted.get("condition") else None
    changed = {"space": {"space": space.spec()}, **({"condition": condition} if condition else {})}
    arguments = {**config["arguments"], **changed}
    if not condition:
        arguments.pop("condition", None)
    try:
        kind = find(str(config["model"])).load()
        kind(**{name: argument_from(value) for name, value in arguments.items()})
    except (ValueError, TypeError):
        return False
    return True


def _transfers(a: CompareEntry, b: CompareEntry, wanted: Mapping[str, Any], given: Mapping[str, Any]) -> bool:
    """Returns True if the options of b's run, in its config.yaml, can be repeated on the data of a."""
    assert a.protocol is not None and b.protocol is not None
    if wanted["name_or_path"] == given["name_or_path"]:
        return True
    usual = usual_options()
    refused = [n for n in given if n not in wanted and given[n] != usual.get(n) and n != "name_or_path"]
    return not refused and a.protocol.space == b.protocol.space


def measured_alike(unlike: Mapping[str, tuple[Any, Any]]) -> str:
    """Returns a sentence with the options of `evaluate` that make two scores of samples comparable.

    Args:
        unlike: both values of each difference, by name.

    Example:
        >>> measured_alike({"samples": (500, 200), "seed": (0, 1)})
        'Evaluate both with the same --samples and --seed.'
    """
    options = {"samples": "--samples", "seed": "--seed", "weights": "--extractor FILE"}
    options["pairs"] = "--limit"
    options["sampling"] = "options of drawing (--sampling.NAME, or none)"
    given = [option for name, option in options.items() if name in unlike]
    return f"Evaluate both with the same {' and '.join(given)}." if given else ""


def _split(told: str) -> str:
    """Returns options of `evaluate` for a split such as `test[100 of 1,000, seed 0]` or `test[:100]`."""
    name, _, rows = told.rstrip("]").partition("[")
    limit = rows.lstrip(":").split(" of ")[0].replace(",", "")
    seed = rows.partition(", seed ")[2]
    said = f" --split {name}" + (f" --limit {limit}" if limit else "")
    return said + (f" --seed {seed}" if seed not in ("", "0") else "")


def _config(path: Path | None) -> dict[str, Any] | None:
    return read_json(path / CONFIG) if path is not None and (path / CONFIG).is_file() else None


def _load_arguments(path: Path | None) -> dict[str, Any] | None:
    """Returns the arguments of `load_data` of a run; None for data from memory."""
    config = _config(path)
    spec = config["data"].get("spec") if config else None
    return dict(spec) if spec and isinstance(spec.get("name_or_path"), str) else None


def _train_arguments(path: Path, wanted: dict[str, Any], given: dict[str, Any] | None) -> str:
    """Returns the arguments of `simulacra train` for the model of a run on other data.

    Args:
        path: run folder.
        wanted: arguments of `load_data` of the other data.
        given: those of the run; None for data from memory.
    """
    usual = usual_options()
    file = path / "config.yaml"
    # with the run's config.yaml, list the options that differ from it; without, those that are no defaults
    before = given if file.is_file() and given is not None else usual
    options = {n: value for n, value in wanted.items() if value != before.get(n, usual.get(n))}
    options.pop("name_or_path", None)
    said = [f"--data.{name} {shlex.quote(_as_typed(value))}" for name, value in options.items()]
    names = f"{_name(path)} {shlex.quote(wanted['name_or_path'])}"
    repeated = [] if before is usual else [f"--config {typed(file)}"]
    return " ".join([names, *repeated, *said])


def _as_typed(value: Any) -> str:
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _name(path: Path) -> str:
    """Returns the model's name on the command line."""
    config = _config(path)
    extension = (config or {}).get("extension")
    if isinstance(extension, dict) and extension.get("name"):
        return shlex.quote(str(extension["name"]))
    found = str(config.get("model")) if config else "MODEL"
    try:
        return find(found).name
    except ValueError:
        return re.sub(r"\s", "", found)
