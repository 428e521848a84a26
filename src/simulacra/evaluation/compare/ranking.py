"""Ranks models by likelihood under one protocol: a partial order of significant differences.

Exact beats exact by the paired difference and its standard error; a lower bound above an exact
value wins, one below it is undecided, and so are two lower bounds. A density that can grow without
limit never wins (row I7). Tests of all decidable pairs are corrected for their number (`core.scores.chance`),
so that for equal models fewer than 5 % of tables decide any pair by chance. All pairs have the same number of
rows, so the order is transitive: if a beats b and b beats c, the test of a and c has at least the smaller
significance of the two. Rows I4, I5, I6.

Reference: Deep Learning, section 20.14; Holm 1979.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from statistics import mean, stdev

from simulacra.core.artifact.save import CONFIG
from simulacra.core.scores.chance import beyond_chance, said_of
from simulacra.core.scores.estimate import Comparison, Estimate, can_decide, can_win, compare_estimates
from simulacra.core.storage.files import read_json
from simulacra.evaluation.compare.entries import CompareEntry
from simulacra.training.state.seeds import seed_group

SAMPLING = "the errors cover the sampling of test rows, not retraining: train three seeds or more for that."
ENOUGH = 3  # seeds needed to estimate the variation between trainings


@dataclass
class Retrained:
    """Runs of one experiment that differ in their seed only.

    Args:
        scores: mean log-likelihood of each run in nats, by name.
    """

    scores: dict[str, float]

    @property
    def mean(self) -> float:
        """Mean over the seeds, in nats."""
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
    """Verdicts on all pairs of models.

    Args:
        estimates: estimates by name, the largest mean first.
        verdicts: verdicts by pair of names, in that order.
        retrained: experiments with three or more seeds.
        decidable: number of pairs whose kinds of estimates permit a decision; tests are corrected for it.
    """

    estimates: dict[str, Estimate]
    verdicts: dict[tuple[str, str], Comparison]
    retrained: list[Retrained] = field(default_factory=list)
    decidable: int = 0

    @property
    def protocol(self) -> str:
        """The common protocol in words."""
        named = [str(e.protocol) for e in self.estimates.values() if e.protocol is not None]
        return named[0] if named else "unnamed data"

    def better(self, a: str, b: str) -> bool | None:
        """Compares two models.

        Args:
            a: name of a model.
            b: name of another.

        Returns:
            True if a is likelier than b, False if b is; None if the difference is not significant.

        Args:
            a, b: names of two models.

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
        """The models that no other one is known to beat, without those whose mean is NaN."""
        names = [name for name, e in self.estimates.items() if not math.isnan(e.mean)]
        return [a for a in names if not any(self.better(b, a) for b in names if b != a)]

    @property
    def warnings(self) -> list[str]:
        """Caveats: pairs left undecided by estimates of different kinds, and estimates without a protocol."""
        # the higher estimate of a pair stands first
        pairs = [(self.estimates[a], self.estimates[b]) for a, b in self.verdicts]
        open_pairs = [(a.kind, b.kind) for a, b in pairs if a.kind != b.kind and not can_win(a, b)]
        kinds = sorted({kind for pair in open_pairs for kind in pair})
        unlike = [f"kinds differ ({', '.join(kinds)}): a bound does not decide against what lies beyond it."]
        loose = [f"{n} has no protocol." for n, e in self.estimates.items() if e.protocol is None]
        return [*(unlike if kinds else []), *loose]

    @property
    def notes(self) -> list[str]:
        """The warnings, the correction for the number of pairs, and a note if retraining is not covered."""
        covered = {name for experiment in self.retrained for name in experiment.scores}
        together = [said_of(self.decidable)] if self.decidable > 1 else []
        return [*self.warnings, *together, *([] if covered >= set(self.estimates) else [SAMPLING])]

    @property
    def sentences(self) -> list[str]:
        """One sentence for each pair: which is better and why, or why it is undecided."""
        return [_sentence(a, b, verdict) for (a, b), verdict in self.verdicts.items()]

    def __str__(self) -> str:
        width = max(map(len, self.estimates))
        scores = [f"{name:<{width}}  {estimate}" for name, estimate in self.estimates.items()]
        pairs = self.sentences
        seeds = [f"{experiment}." for experiment in self.retrained]
        parts = (scores, pairs, seeds, [f"note: {note}" for note in self.notes])
        return "\n\n".join("\n".join(part) for part in parts if part)


def _sentence(a: str, b: str, verdict: Comparison) -> str:
    if verdict.better == "undecided":
        return f"{a} or {b}: undecided, {verdict.reason}."
    winner, loser = (a, b) if verdict.better == "first" else (b, a)
    return f"{winner} beats {loser}: {verdict.reason}."


def rank(entries: Sequence[CompareEntry]) -> Ranking:
    """Returns the partial order of entries with comparable likelihoods.

    Example:
        >>> import torch
        >>> sure = Estimate(torch.tensor([-2.0, -2.1, -1.9]), "exact", 1, "exact")
        >>> bound = Estimate(torch.tensor([-3.0, -3.1, -2.9]), "lower", 1, "ELBO")
        >>> ranking = rank([CompareEntry("flow", sure), CompareEntry("vae", bound)])
        >>> ranking.better("flow", "vae") is None, ranking.best
        (True, ['flow', 'vae'])
    """
    found = {c.name: c for c in entries}
    scores = {name: c.estimate for name, c in found.items() if c.estimate is not None}
    # NaN last
    ordered = dict(sorted(scores.items(), key=lambda pair: (math.isnan(pair[1].mean), -pair[1].mean)))
    doubts = {name: why for name, c in found.items() if (why := c.unbounded)}
    verdicts = {(a, b): _verdict(a, b, ordered, doubts) for a, b in combinations(ordered, 2)}
    pairs = sum(can_decide(ordered[a], ordered[b]) and not {a, b} <= set(doubts) for a, b in verdicts)
    return Ranking(ordered, _corrected(verdicts, pairs), _retrained(found, ordered), pairs)


def _corrected(
    verdicts: Mapping[tuple[str, str], Comparison], pairs: int
) -> dict[tuple[str, str], Comparison]:
    """Returns the verdicts, undecided where they are not significant among so many pairs."""
    alone = {names: verdict for names, verdict in verdicts.items() if verdict.better != "undecided"}
    kept = dict(zip(alone, beyond_chance([verdict.chance for verdict in alone.values()], pairs)))
    return {
        names: verdict if kept.get(names, True) else _as_undecided(verdict, pairs)
        for names, verdict in verdicts.items()
    }


def _as_undecided(verdict: Comparison, pairs: int) -> Comparison:
    """Returns the verdict as undecided, with the reason."""
    reason = f"{verdict.reason} is beyond chance alone, but not among {pairs} pairs"
    return replace(verdict, better="undecided", reason=reason)


def _verdict(a: str, b: str, estimates: Mapping[str, Estimate], doubts: Mapping[str, str]) -> Comparison:
    """Compares two estimates; a winner in `doubts`, whose density is unbounded, becomes undecided."""
    found = compare_estimates(estimates[a], estimates[b])
    winner = {"first": a, "second": b, "undecided": ""}[found.better]
    if winner not in doubts:
        return found
    return replace(found, better="undecided", reason=f"{found.reason}, but {winner} {doubts[winner]}")


def _retrained(found: Mapping[str, CompareEntry], estimates: Mapping[str, Estimate]) -> list[Retrained]:
    """Returns the experiments with at least three seeds, the likeliest first; one run for each seed."""
    groups: dict[str, dict[int, str]] = {}
    for name in estimates:
        path = found[name].path
        if path is not None and (path / CONFIG).is_file():
            config = read_json(path / CONFIG)
            # the configuration of a saved model that is no run has neither data nor options
            if all(isinstance(config.get(part), dict) for part in ("data", "options")):
                seeds = groups.setdefault(config.get("seed_group") or seed_group(config), {})
                seeds.setdefault(config["options"].get("seed"), name)
    many = [seeds.values() for seeds in groups.values() if len(seeds) >= ENOUGH]
    return [Retrained({name: estimates[name].mean for name in names}) for names in many]
