"""`simulacra compare RUN RUN ...`: which one is likelier, where the numbers decide."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from simulacra.cli.command import call
from simulacra.cli.said import say


def run(words: Sequence[str]) -> int:
    """Compare runs."""
    return call("compare", compare, words)


def compare(*runs: str) -> int:
    """Compare the likelihoods of evaluated runs; scores of unequal protocols are refused."""
    for path in runs:
        if Path(path).is_dir() and not (Path(path) / "report.json").is_file():
            raise ValueError(f"{path} has no report: run `simulacra evaluate {path}` first.")
    from simulacra.evaluation.compare import compare as ranking

    say(str(ranking(*runs)))
    return 0
