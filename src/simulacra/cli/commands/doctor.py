"""`simulacra doctor RUN`: prints one finding per line, warnings first."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from simulacra.cli.options.command import call
from simulacra.cli.options.durations import in_seconds
from simulacra.cli.output import say, shown

if TYPE_CHECKING:
    from simulacra.core.errors.finding import Finding
    from simulacra.training.run import Run

log = logging.getLogger("simulacra")


def run(words: Sequence[str]) -> int:
    """Runs `simulacra doctor` with the given command-line words."""
    return call("doctor", doctor, words)


def doctor(
    run: str,
    *,
    k: int | None = None,
    split: str | None = None,
    limit: int | None = None,
    seed: int | None = None,
    temperatures: int | None = None,
    chains: int | None = None,
    sweeps: int | None = None,
    extractor: str | None = None,
    samples: int | None = None,
    tasks: bool | None = None,
    budget: str = "30s",
) -> int:
    """Say what is wrong with a run and what to try, one finding a line, warnings first.

    Findings of the last `simulacra evaluate` with the same options are reused if the run has not changed;
    otherwise the run is measured at moderate cost.

    Args:
        run: run folder.
        k: number of importance samples of a bound; 100 by default.
        split: `train`, `valid` or `test`; `test` by default.
        limit: number of rows to use; 1,000 by default.
        seed: random seed; the same seed gives the same findings; 0 by default.
        temperatures: number of temperatures of annealed importance sampling, used where log Z of an energy
            cannot be summed; 300 by default.
        chains: number of annealing chains in each direction; 30 by default.
        sweeps: Gibbs sweeps before annealing in reverse; 300 by default.
        extractor: file with a network whose outputs are the features in which samples are scored.
        samples: number of samples to score in these features.
        tasks: also compute scores by downstream tasks, which may take minutes.
        budget: time limit, such as 30s or 2m, of annealing and of sampling by Markov chains; `none` for no
            limit.

    Raises:
        ValueError: if k is below 1, `budget` is no time, or the run was trained on data from memory.
    """
    if k is not None and k < 1:
        raise ValueError(f"--k is {k}, but a bound needs at least one importance sample.")
    seconds = in_seconds(budget)
    from pathlib import Path

    from simulacra.evaluation.evaluate import asked_of
    from simulacra.evaluation.fresh import fresh_report
    from simulacra.evaluation.likelihood.annealing import Annealing
    from simulacra.evaluation.report import REPORT

    annealing = Annealing(temperatures, chains, sweeps)
    asked = asked_of(k, split, limit, seed, annealing, extractor, samples, tasks)
    report = fresh_report(Path(run), asked)
    if report is not None:
        log.info("the findings are those of %s, %s", Path(run) / REPORT, report.protocol)
        found = report.findings
    else:
        from simulacra.training.fit import load_run

        found = measured(load_run(run), run, asked, seconds)
    say(*map(str, found))
    return 0


def measured(trained: Run, name: str, asked: dict[str, Any], budget: float | None) -> list[Finding]:
    """Measures a run and returns the findings.

    Args:
        trained: the run.
        name: run folder as typed, for messages.
        asked: options of `evaluate` by name; None: the doctor's default.
        budget: time limit in seconds; None: no limit.

    Raises:
        ValueError: if the run was trained on data from memory.
    """
    if trained.data is None:
        raise ValueError(
            f"{name} was trained on data from memory: score it in Python, as in "
            f"evaluate({name!r}, data), whose report has the findings."
        )
    from simulacra.evaluation.doctor.diagnose import findings
    from simulacra.evaluation.likelihood.annealing import Annealing
    from simulacra.evaluation.measures.history import keeps_best, options_in, read_metrics
    from simulacra.evaluation.samples.implicit import SAMPLES, Judging

    extractor, samples = asked["extractor"], asked["samples"]
    given = {name: asked[name] for name in ("split", "k", "seed", "limit") if asked[name] is not None}
    more: dict[str, Any] = {
        "best_kept": keeps_best(trained.path),
        "options": options_in(trained.path),
        "budget": budget,
        "annealing": Annealing(*(asked[name] for name in ("temperatures", "chains", "sweeps"))),
        "judging": Judging(extractor, samples or SAMPLES) if extractor or samples else None,
        "asked": frozenset({"tasks"} if asked["tasks"] else ()),
    }
    with shown(trained.path):
        return findings(trained.model, trained.data, read_metrics(trained.path), **given, **more)
