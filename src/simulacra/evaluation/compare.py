"""Which model is likelier, where the numbers decide: a partial order.

Exact beats exact by the paired difference and its standard error; a lower bound above an exact
value wins, one below it is undecided, and so are two lower bounds. Scores of unequal protocols
(other data, binarisation or scaling) are refused, not ranked. Rows I4, I5, I6.

Reference: Deep Learning, section 20.14.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from statistics import mean, stdev

from simulacra.core.artifact import CONFIG
from simulacra.core.estimate import Comparison, Estimate, compare_estimates
from simulacra.core.files import read_json
from simulacra.evaluation.report import Report, read_report
from simulacra.training.seeds import seed_group

log = logging.getLogger("simulacra")
Scored = Report | Estimate | str | Path

SAMPLING = "the errors cover the sampling of test rows, not retraining: train three seeds or more for that."
ENOUGH = 3  # seeds that say how much retraining changes


@dataclass
class Retrained:
    """Runs of one experiment, whose options differ by their seed only.

    Args:
        scores: mean log-likelihood of each run in nats, by name.
    """

    scores: dict[str, float]

    @property
    def mean(self) -> float:
        """Over the seeds, in nats."""
        return mean(self.scores.values())

    @property
    def deviation(self) -> float:
        """Standard deviation over the seeds, in nats."""
        return stdev(self.scores.values())

    def __str__(self) -> str:
        return (
            f"retrained with {len(self.scores)} seeds ({', '.join(self.scores)}): {self.mean:.2f} +- "
            f"{self.deviation:.2f} nats, mean and standard deviation over seeds"
        )


@dataclass
class Ranking:
    """The verdicts on all pairs.

    Args:
        estimates: by name, the likeliest mean first.
        verdicts: of the pairs of names in that order.
        retrained: the experiments that were given with three seeds or more.
    """

    estimates: dict[str, Estimate]
    verdicts: dict[tuple[str, str], Comparison]
    retrained: list[Retrained] = field(default_factory=list)

    def better(self, a: str, b: str) -> bool | None:
        """Whether a is likelier than b; None where the numbers do not decide.

        Raises:
            ValueError: if a name was not compared.
        """
        if (a, b) not in self.verdicts and (b, a) not in self.verdicts:
            raise ValueError(f"{a!r} and {b!r} were not compared; the names are {', '.join(self.estimates)}.")
        turned = (a, b) not in self.verdicts
        verdict = self.verdicts[(b, a) if turned else (a, b)].better
        return None if verdict == "undecided" else (verdict == "first") != turned

    @property
    def best(self) -> list[str]:
        """The models that no other one is known to beat."""
        names = list(self.estimates)
        return [a for a in names if not any(self.better(b, a) for b in names if b != a)]

    @property
    def warnings(self) -> list[str]:
        """What to know before the numbers are believed."""
        kinds = sorted({e.kind for e in self.estimates.values()})
        unlike = [f"kinds differ ({', '.join(kinds)}): a bound does not decide against what lies beyond it."]
        loose = [f"{n} has no protocol." for n, e in self.estimates.items() if e.protocol is None]
        return [*(unlike if len(kinds) > 1 else []), *loose]

    @property
    def notes(self) -> list[str]:
        """The warnings, and what the errors do not cover: retraining, unless every model has its seeds."""
        covered = {name for experiment in self.retrained for name in experiment.scores}
        return [*self.warnings, *([] if covered >= set(self.estimates) else [SAMPLING])]

    def __str__(self) -> str:
        width = max(map(len, self.estimates))
        scores = [f"{name:<{width}}  {estimate}" for name, estimate in self.estimates.items()]
        pairs = [_sentence(a, b, verdict) for (a, b), verdict in self.verdicts.items()]
        seeds = [f"{experiment}." for experiment in self.retrained]
        parts = (scores, pairs, seeds, [f"note: {note}" for note in self.notes])
        return "\n\n".join("\n".join(part) for part in parts if part)


def _sentence(a: str, b: str, verdict: Comparison) -> str:
    if verdict.better == "undecided":
        return f"{a} or {b}: undecided, {verdict.reason}."
    winner, loser = (a, b) if verdict.better == "first" else (b, a)
    return f"{winner} beats {loser}: {verdict.reason}."


def compare(*models: Scored, **named: Scored) -> Ranking:
    """The partial order of models by their log-likelihoods.

    Args:
        models: reports, estimates, or folders with a written report; one mapping or list of
            these is taken apart.
        named: the same under names of your own.

    Raises:
        ValueError: if there are fewer than two, a report has no likelihood, or the protocols
            differ.

    Example:
        >>> import torch
        >>> exact = Estimate(torch.tensor([-2.0, -2.1, -1.9]), "exact", 1, "exact")
        >>> bound = Estimate(torch.tensor([-3.0, -3.1, -2.9]), "lower", 1, "ELBO")
        >>> ranking = compare(flow=exact, vae=bound)
        >>> ranking.better("flow", "vae") is None, ranking.best
        (True, ['flow', 'vae'])
    """
    items = _named(models, named)
    estimates = {name: _estimate(name, item) for name, item in items.items()}
    if len(estimates) < 2:
        raise ValueError(f"compare needs at least two models, but got {len(estimates)}.")
    ordered = dict(sorted(estimates.items(), key=lambda pair: -pair[1].mean))
    verdicts = {(a, b): _verdict(a, b, ordered) for a, b in combinations(ordered, 2)}
    ranking = Ranking(ordered, verdicts, _retrained(items, ordered))
    for sentence in ranking.warnings:
        log.warning("%s", sentence)
    return ranking


def _retrained(items: Mapping[str, Scored], estimates: Mapping[str, Estimate]) -> list[Retrained]:
    """Experiments with three seeds or more among the runs, the likeliest first; one run for each seed."""
    groups: dict[str, dict[int, str]] = {}
    for name in estimates:
        item = items[name]
        if isinstance(item, (str, Path)) and (Path(item) / CONFIG).is_file():
            config = read_json(Path(item) / CONFIG)
            # a saved model is no run and says neither data nor options
            if all(isinstance(config.get(part), dict) for part in ("data", "options")):
                seeds = groups.setdefault(config.get("seed_group") or seed_group(config), {})
                seeds.setdefault(config["options"].get("seed"), name)
    many = [seeds.values() for seeds in groups.values() if len(seeds) >= ENOUGH]
    return [Retrained({name: estimates[name].mean for name in names}) for names in many]


def _verdict(a: str, b: str, estimates: Mapping[str, Estimate]) -> Comparison:
    try:
        return compare_estimates(estimates[a], estimates[b])
    except ValueError as error:
        raise ValueError(f"{a} against {b}: {error}") from error


def _named(models: Sequence[Scored], named: Mapping[str, Scored]) -> dict[str, Scored]:
    items: list[tuple[str, Scored]] = []
    for model in models:
        if isinstance(model, Mapping):
            items += model.items()
        else:
            many = model if isinstance(model, (list, tuple)) else [model]
            items += [(_name_of(one), one) for one in many]
    found: dict[str, Scored] = {}
    for name, item in [*items, *named.items()]:
        tries = (name, *(f"{name} ({i})" for i in range(2, len(items) + len(named) + 2)))
        found[next(t for t in tries if t not in found)] = item
    return found


def _name_of(item: Scored) -> str:
    if isinstance(item, Report):
        return item.model
    return item.method if isinstance(item, Estimate) else Path(item).name


def _estimate(name: str, item: Scored) -> Estimate:
    if isinstance(item, Estimate):
        return item
    report = item if isinstance(item, Report) else read_report(Path(item))
    if report.likelihood is None:
        raise ValueError(f"{name} has no likelihood to compare: it has neither density nor bound.")
    return report.likelihood
