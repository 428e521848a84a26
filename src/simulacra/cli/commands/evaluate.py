"""`simulacra evaluate RUN`: typed scores, the doctor's findings, and a report in the run folder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from simulacra.cli.options.command import call
from simulacra.cli.options.times import in_seconds
from simulacra.cli.output import INTERRUPTED, say, shown


def run(words: Sequence[str]) -> int:
    """Score a run."""
    return call("evaluate", evaluate, words)


def evaluate(
    run: str,
    *,
    k: int = 1000,
    split: str = "test",
    limit: int | None = None,
    seed: int = 0,
    temperatures: int | None = None,
    chains: int | None = None,
    sweeps: int | None = None,
    extractor: str | None = None,
    samples: int | None = None,
    tasks: bool = False,
    budget: str = "1m",
) -> int:
    """Score a run on held-out rows, print the report and write report.json and report.md beside it.

    Args:
        k: importance samples of a bound.
        split: `train`, `valid` or `test`.
        limit: use only so many rows, chosen at random by the seed; the protocol then says so.
        seed: same seed, same report.
        temperatures: of annealing, where log Z of an energy cannot be summed: at most 1,000, or 100 where
            over 100 frames or conditions have each their own; fewer where the budget is short.
        chains: of annealing, in each direction: at most 100, or 10.
        sweeps: Gibbs sweeps before annealing in reverse: at most 1,000, or 100.
        extractor: file with a network whose outputs are the features in which samples are scored:
            TorchScript, which runs code (take it only from a source that you trust), or a .safetensors that
            was kept from another score, which runs none. By default a small network is trained on the
            training rows, once, where the model has no likelihood.
        samples: number of samples that are scored so: 10,000, and at most that of held-out rows. Given for a
            model with a likelihood, it is scored by its samples too.
        tasks: score by tasks too: a classifier that learned from labelled samples, and one that sees 100
            labels and the model's codes or features. It may take minutes.
        budget: time, such as 90s, 20m or 1.5h. Annealing is as long, and samples of chains are as many, as it
            pays for; `none` takes as long as it takes. An interrupt keeps what was measured.
    """
    if k < 1:
        raise ValueError(f"--k is {k}, but a bound needs at least one importance sample.")
    seconds = in_seconds(budget)
    from simulacra.core.scores.likelihood import CutShort
    from simulacra.evaluation.evaluate import evaluate as score
    from simulacra.evaluation.likelihood.annealing import Annealing
    from simulacra.evaluation.measures.kept_parts import forget
    from simulacra.training.fit import load_run

    annealing = Annealing(temperatures, chains, sweeps)
    trained = load_run(run)
    options: dict[str, Any] = {"split": split, "k": k, "seed": seed, "limit": limit, "annealing": annealing}
    options |= {"extractor": extractor, "samples": samples, "tasks": tasks, "budget": seconds}
    options["keep"] = False  # written below, where a folder that cannot be written to is an error
    code = 0
    try:
        with shown(trained.path):
            report = score(trained, **options)
    except CutShort as short:
        report, code = short.done, INTERRUPTED
    # hours of scoring are done: they are told before a disk that is full can refuse them
    say(report.table(), "")
    written = report.write(trained.path)
    say(f"report: {written['page']}, {written['report']}")
    if code == 0:
        forget(trained.path)
    return code
