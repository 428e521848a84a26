"""Compares models: one table for each protocol, with reasons for scores that cannot share a table.

Likelihoods of one protocol are a partial order (`evaluation.compare.ranking`); scores that need no
likelihood, such as distances of samples, have tables of their own (`evaluation.compare.score_tables`).
Scores of different protocols (other data, split, binarization or scaling, other numbers of samples or
extractors) never share a table: the differences are listed with the command that would make them comparable.
Rows I4, I5, I6.

Reference: Deep Learning, section 20.14; Theis, van den Oord and Bethge 2016.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

from simulacra.core.scores.estimate import Comparison, Estimate, check_comparable
from simulacra.evaluation.compare.entries import Comparable, CompareEntry, entries
from simulacra.evaluation.compare.ranking import Ranking, Retrained, rank
from simulacra.evaluation.compare.remedies import measured_alike, mend
from simulacra.evaluation.compare.score_tables import Scores, ScoreTable


@dataclass
class Compared:
    """The result of comparing several models.

    Args:
        rankings: partial order of likelihoods for each protocol with at least two models.
        tables: tables of other scores, also with at least two models each.
        refusals: sentences about scores that cannot share a table, each with the reason and a remedy.
        without: sentences about models without a likelihood, by name of the model.
        notes: further sentences about single models.
        folders: run folders, by name of the model.
    """

    rankings: list[Ranking] = field(default_factory=list)
    tables: list[ScoreTable] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    without: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    folders: dict[str, Path] = field(default_factory=dict)

    @property
    def ranking(self) -> Ranking:
        """The only ranking.

        Raises:
            ValueError: if there are several rankings, or none.
        """
        if len(self.rankings) == 1:
            return self.rankings[0]
        raise ValueError(
            f"there are {len(self.rankings)} tables of likelihoods, one for each protocol: use `rankings`."
        )

    @property
    def estimates(self) -> dict[str, Estimate]:
        """Estimates of the only ranking, the likeliest first."""
        return self.ranking.estimates

    @property
    def verdicts(self) -> dict[tuple[str, str], Comparison]:
        """Verdicts of the only ranking, by pair of names."""
        return self.ranking.verdicts

    @property
    def best(self) -> list[str]:
        """Models of the only ranking that no other one is known to beat."""
        return self.ranking.best

    @property
    def retrained(self) -> list[Retrained]:
        """Experiments of the only ranking with at least three seeds."""
        return self.ranking.retrained

    @property
    def warnings(self) -> list[str]:
        """Caveats about the comparison, such as estimates of different kinds."""
        return [sentence for ranking in self.rankings for sentence in ranking.warnings]

    def better(self, a: str, b: str) -> bool | None:
        """Compares two models of the only ranking.

        Args:
            a: name of a model.
            b: name of another.

        Returns:
            True if a is likelier than b, False if b is; None if the difference is not significant.
        """
        return self.ranking.better(a, b)

    def __str__(self) -> str:
        from simulacra.evaluation.compare.page import as_text

        return as_text(self)


def compare(*models: Comparable | Mapping[str, Comparable], **named: Comparable) -> Compared:
    """Compare models: the partial order of their likelihoods, and tables of their other scores.

    Args:
        models: runs, run folders, reports or estimates; a mapping or list of these is unpacked.
        named: the same, under names of your own.

    Raises:
        ValueError: if there are fewer than two, a folder is no evaluated run or was changed since its
            report, or nothing can be compared; the message then names the differences and a remedy.

    Example:
        >>> import torch
        >>> exact = Estimate(torch.tensor([-2.0, -2.1, -1.9]), "exact", 1, "exact")
        >>> bound = Estimate(torch.tensor([-3.0, -3.1, -2.9]), "lower", 1, "ELBO")
        >>> found = compare(flow=exact, vae=bound)
        >>> found.better("flow", "vae") is None, found.best
        (True, ['flow', 'vae'])
    """
    given = entries(models, named)
    names = list(dict.fromkeys(c.name for c in given))
    if len(names) < 2:
        alone = f": {names[0]}" if names else ""
        raise ValueError(f"compare needs at least two models, but got {len(names)}{alone}.")
    found = Compared(folders={c.name: c.path for c in given if c.path is not None})
    found.notes = list(dict.fromkeys(f"{c.name} {note}" for c in given for note in c.notes))
    _add_rankings(given, found)
    _add_score_tables(given, found)
    if not found.rankings and not found.tables:
        raise ValueError(" ".join([*found.refusals, *found.without.values()]))
    return found


def _add_rankings(given: list[CompareEntry], found: Compared) -> None:
    """Adds a ranking for each protocol, and a refusal for each pair of groups that cannot be compared."""
    scored = [c for c in given if c.estimate is not None]
    found.without = {
        c.name: f"{c.name} has no likelihood to compare: it has neither density nor bound."
        for c in given
        if c.estimate is None
    }
    groups: list[list[CompareEntry]] = []
    for c in scored:
        home = next((g for g in groups if _fits_in(c, g)), None)
        if home is None:
            groups.append([c])
        else:
            home.append(c)
    found.rankings = [rank(group) for group in groups if len(group) > 1]
    placed = {c.name for group in groups if len(group) > 1 for c in group}
    # ignore further protocols of a run that already is in a ranking
    standing = [g for g in groups if len(g) > 1 or g[0].name not in placed]
    for a, b in combinations(standing, 2):
        x, y, why = next(p for x in a for y in b if (p := (x, y, _reason_incomparable(x, y)))[2] is not None)
        found.refusals.append(f"{_names_of(a)} against {_names_of(b)}: {why} {mend(x, y)}".strip())


def _fits_in(c: CompareEntry, group: list[CompareEntry]) -> bool:
    return all(c.name != other.name and _reason_incomparable(other, c) is None for other in group)


def _names_of(group: list[CompareEntry]) -> str:
    return ", ".join(c.name for c in group)


def _reason_incomparable(a: CompareEntry, b: CompareEntry) -> str | None:
    """Returns the reason why two likelihoods cannot be compared, or None."""
    assert a.estimate is not None and b.estimate is not None
    try:
        check_comparable(a.estimate, b.estimate)
    except ValueError as error:
        return str(error)
    return None


def _add_score_tables(given: list[CompareEntry], found: Compared) -> None:
    """Adds a table for each kind of score and protocol, and refusals for scores that cannot share one."""
    tables: list[ScoreTable] = []
    who = {c.name: c for c in given}
    for c in given:
        for scores in c.report.columns() if c.report else []:
            home = next((t for t in tables if _belongs_to(t, c.name, scores)), None)
            if home is None:
                tables.append(ScoreTable({c.name: scores}))
            else:
                home.rows[c.name] = scores
    found.tables = [table for table in tables if len(table.rows) > 1]
    told = {c.name for c in given if c.estimate is not None}
    for a, b in combinations(tables, 2):
        apart = [(x, y) for x in a.rows for y in b.rows if x not in b.rows and y not in a.rows]
        # skip pairs that were already refused because of their likelihoods
        news = [pair for pair in apart if not set(pair) <= told]
        if a.first.kind == b.first.kind and news:
            found.refusals.append(_refusal(a, b, who[news[0][0]], who[news[0][1]]))
            # a difference of protocols is reported once, for all kinds of scores
            told |= set().union(*news) if "protocol" in a.first.unlike(b.first) else set()


def _belongs_to(table: ScoreTable, name: str, scores: Scores) -> bool:
    return table.first.kind == scores.kind and not table.first.unlike(scores) and name not in table.rows


def _refusal(a: ScoreTable, b: ScoreTable, x: CompareEntry, y: CompareEntry) -> str:
    """Returns a sentence: the differences of two tables of one kind, and a remedy."""
    unlike = a.first.unlike(b.first)
    differ = "; ".join(f"{name}: {one} against {other}" for name, (one, other) in unlike.items())
    drawn_alike = "sampling" not in unlike
    how = mend(x, y) if drawn_alike and {"on", "protocol"} & set(unlike) else measured_alike(unlike)
    both = f"{', '.join(a.rows)} against {', '.join(b.rows)}"
    return f"{both}: {a.first.kind} were not measured alike ({differ}). {how}".strip()
