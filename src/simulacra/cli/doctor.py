"""`simulacra doctor RUN`: one finding a line, warnings first."""

from __future__ import annotations

from collections.abc import Sequence

from simulacra.cli.command import call
from simulacra.cli.said import say, shown
from simulacra.cli.times import in_seconds


def run(words: Sequence[str]) -> int:
    """Examine a run."""
    return call("doctor", doctor, words)


def doctor(
    run: str, *, split: str = "test", limit: int = 1000, k: int = 100, seed: int = 0, budget: str = "30s"
) -> int:
    """Say what is wrong with a run and what to try, one finding a line, warnings first.

    Args:
        split: `train`, `valid` or `test`.
        limit: rows that are looked at.
        k: importance samples of a bound.
        seed: same seed, same findings.
        budget: time, such as 30s or 2m, that annealing and samples of chains go by; `none` for no limit.
    """
    if k < 1:
        raise ValueError(f"--k is {k}, but a bound needs at least one importance sample.")
    seconds = in_seconds(budget)
    from simulacra.evaluation.doctor import findings
    from simulacra.evaluation.history import keeps_best, read_metrics
    from simulacra.training.fit import open_run

    trained = open_run(run)
    if trained.data is None:
        raise ValueError(
            f"{run} was trained on data from memory: load it in Python and call "
            "simulacra.evaluation.findings(run.model, data)."
        )
    metrics, best_kept = read_metrics(trained.path), keeps_best(trained.path)
    with shown(trained.path):
        found = findings(trained.model, trained.data, metrics, split, k, seed, limit, best_kept, seconds)
    say(*map(str, found))
    return 0
