"""`simulacra evaluate RUN`: writes scores and the doctor's findings to a report in the run folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from simulacra.cli.options.command import call
from simulacra.cli.options.durations import in_seconds
from simulacra.cli.output import INTERRUPTED, say, shown


def run(words: Sequence[str]) -> int:
    """Runs `simulacra evaluate` with the given command-line words."""
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
    refine: bool = False,
    dimension: bool = False,
    budget: str = "1m",
    sampling: Mapping[str, Any] | None = None,
) -> int:
    """Score a run on held-out rows, print the report and write report.json and report.md to the run folder.

    Args:
        run: run folder.
        k: number of importance samples of a bound.
        split: `train`, `valid` or `test`.
        limit: use only so many rows, chosen at random by the seed; the protocol then says so.
        seed: random seed; the same seed gives the same report.
        temperatures: number of temperatures of annealed importance sampling, used where log Z of an energy
            cannot be summed: at most 1,000, or 100 where over 100 frames or conditions each have their own
            log Z; fewer where the budget is short.
        chains: number of annealing chains in each direction: at most 100, or 10.
        sweeps: Gibbs sweeps before annealing in reverse: at most 1,000, or 100.
        extractor: file with a network whose outputs are the features in which samples are scored:
            TorchScript, which runs code (take it only from a source that you trust), or a .safetensors file
            kept from another score, which runs none. By default, where the model has no likelihood, a small
            network is trained once on the training rows.
        samples: number of samples to score: 10,000, and at most the number of held-out rows. If given for a
            model with a likelihood, its samples are scored too.
        tasks: also score by downstream tasks: a classifier trained on labelled samples, and one trained on
            100 labels and the model's codes or features. It may take minutes.
        refine: also optimize q(z|x) for each of up to 200 rows, where the model has a Gaussian posterior, and
            report the refined ELBO and the amortization gap. It may take minutes.
        dimension: also report the local dimension of training rows and of samples, of data of numbers.
        budget: time limit, such as 90s, 20m or 1.5h, from which the length of annealing and the number of
            samples from Markov chains are chosen; `none` for no limit. An interrupt keeps what was measured.
        sampling: options of drawing by name; None: the model's own. Scores of samples then say so, and are
            compared with none of the model's own samples.

    Returns:
        0, or 130 after an interrupt.

    Raises:
        ValueError: if k is below 1 or `budget` is no time.
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
    if trained.data is None:
        raise ValueError(
            f"{run} was trained on data from memory: score it in Python, as in evaluate({run!r}, data)."
        )
    options: dict[str, Any] = {"split": split, "k": k, "seed": seed, "limit": limit, "annealing": annealing}
    options |= {"extractor": extractor, "samples": samples, "tasks": tasks, "refine": refine}
    options |= {"dimension": dimension, "budget": seconds, "sampling": sampling}
    options["keep"] = False  # the report is written below, where a write error ends the command
    code = 0
    try:
        with shown(trained.path):
            report = score(trained, **options)
    except CutShort as short:
        report, code = short.done, INTERRUPTED
    try:
        # print the scores, which may have taken hours, before a full disk can make the write fail
        say(report.table(), "")
    finally:
        # a reader that closes the pipe, such as `head`, does not prevent the write
        written = report.write(trained.path)
        if code == 0:
            forget(trained.path)
    say(f"report: {written['page']}, {written['report']}")
    return code
