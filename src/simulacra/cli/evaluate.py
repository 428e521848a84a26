"""`simulacra evaluate RUN`: typed scores, the doctor's findings, and a report in the run folder."""

from __future__ import annotations

from collections.abc import Sequence

from simulacra.cli.command import call
from simulacra.cli.said import say


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
) -> int:
    """Score a run on held-out rows, print the report and write report.json and report.md beside it.

    Args:
        k: importance samples of a bound.
        split: `train`, `valid` or `test`.
        limit: use only so many rows, chosen at random by the seed; the protocol then says so.
        seed: same seed, same report.
        temperatures: of annealing, where log Z of an energy cannot be summed: 1,000, or 100 where over
            100 frames or conditions have each their own.
        chains: of annealing, in each direction: 100, or 10.
        sweeps: Gibbs sweeps before annealing in reverse: 1,000, or 100.
        extractor: file with a network whose outputs are the features in which samples are scored:
            TorchScript, which runs code (take it only from a source that you trust), or a .safetensors that
            was kept from another score, which runs none. By default a small network is trained on the
            training rows, once, where the model has no likelihood.
        samples: number of samples that are scored so: 10,000, and at most that of held-out rows. Given for a
            model with a likelihood, it is scored by its samples too.
        tasks: score by tasks too: a classifier that learned from labelled samples, and one that sees 100
            labels and the model's codes or features. It may take minutes.
    """
    if k < 1:
        raise ValueError(f"--k is {k}, but a bound needs at least one importance sample.")
    from simulacra.evaluation.annealing import Annealing
    from simulacra.evaluation.scoring import evaluate as score
    from simulacra.training.fit import open_run

    annealing = Annealing(temperatures, chains, sweeps)
    trained = open_run(run)
    report = score(
        trained,
        split=split,
        k=k,
        seed=seed,
        limit=limit,
        annealing=annealing,
        extractor=extractor,
        samples=samples,
        tasks=tasks,
    )
    written = report.write(trained.path)
    say(report.table(), "", f"report: {written['page']}, {written['report']}")
    return 0
