"""`simulacra explore RUN`: the pictures that the model's capabilities and its data allow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from simulacra.cli.command import call
from simulacra.cli.said import say, table


def run(words: Sequence[str]) -> int:
    """Draw a run."""
    return call("explore", explore, words)


def explore(run: str, *, out: str | None = None, seed: int = 0) -> int:
    """Draw what a run can do: samples, latent map, manifold, interpolations, reconstructions, curves.

    Args:
        out: folder of the pictures; by default the run folder. What shows rows of the data goes to
            its `private` folder.
        seed: same seed, same pictures.
    """
    from simulacra.exploration.pictures import pictures
    from simulacra.training.fit import open_run

    trained = open_run(run)
    if trained.data is None:
        raise ValueError(f"{run} was trained on data from memory: draw it in Python with pictures().")
    metrics = trained.metrics if (trained.path / "metrics.csv").is_file() else []
    drawn = pictures(trained.model, trained.data, out or trained.path, seed, metrics)
    say(listed(drawn))
    return 0


def listed(drawn: Mapping[str, Path]) -> str:
    """Name and path of each picture."""
    return table([(f"  {name.replace('_', ' ')}", str(path)) for name, path in drawn.items()])
