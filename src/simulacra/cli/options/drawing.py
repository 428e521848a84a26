"""Options of drawing on the command line: `--sampling.NAME`, those of the model in RUN."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from simulacra.cli.options.arguments import Pair
from simulacra.cli.options.typed import Typed

UNDER = "sampling"
LISTED = "--sampling.NAME sets an option of drawing: `simulacra {} RUN --help` lists those of RUN's model."


def add_drawing(options: Typed, run: str | None, pairs: Collection[Pair], word: str = "sample") -> None:
    """Adds the options of drawing of the model in a run.

    Args:
        options: parser of the command.
        run: run folder or saved model; None: none was given.
        pairs: options as given.
        word: name of the command.

    Raises:
        ValueError: if an option of drawing is given and the model has none, or there is no model.
    """
    asked = [name for name, _ in pairs if name.partition(".")[0] == UNDER]
    try:
        kind = None if run is None else _class_in(Path(run))
    except ValueError:
        # the command says what is wrong with the run, unless its options cannot be read without it
        if asked:
            raise
        return
    if kind is None:
        return
    if not add_fields(options, kind, word) and asked:
        does = "completes" if word == "complete" else "draws"
        raise ValueError(f"option '--{asked[0]}' is unknown: {kind.__name__} {does} without options.")


def add_fields(options: Typed, kind: Any, word: str = "sample") -> bool:
    """Adds the options of drawing of a class of models; returns True if it has any.

    Args:
        options: parser.
        kind: class of the model.
        word: name of the command.
    """
    from simulacra.core.capabilities.sampling import names_of, options_of

    if not names_of(options_of(kind, word)):
        return False
    options.add(options_of(kind, word), UNDER)
    options.title(UNDER, f"Options of drawing from {kind.__name__}")
    return True


def given(values: Mapping[str, Any], pairs: Collection[Pair]) -> dict[str, Any] | None:
    """Returns the options of drawing that were given, by name; None for none.

    Args:
        values: values of all of them, by name.
        pairs: options as given.
    """
    asked = {name.partition(".")[2] for name, _ in pairs if name.partition(".")[0] == UNDER}
    return {name: value for name, value in values.items() if name in asked} or None


def _class_in(path: Path) -> Any:
    """Returns the class of the model in a run folder or file; raises ValueError if there is none."""
    from simulacra.core.artifact.save import open_artifact
    from simulacra.training.run import class_of

    return class_of(open_artifact(path).config, None, path)
