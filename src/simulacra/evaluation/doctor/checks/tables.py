"""Checks of columns: names the columns, dependences and classes that samples do not reproduce.

Differences that chance explains are subtracted (`tables.kept`); held-out rows serve as reference.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from simulacra.core.errors.finding import Finding, Severity
from simulacra.evaluation.doctor.advice import Option
from simulacra.evaluation.doctor.facts import setting
from simulacra.evaluation.doctor.reach import CERTAIN, Reach, well
from simulacra.evaluation.measures.checked import ENTRIES
from simulacra.evaluation.measures.measure import Evidence
from simulacra.evaluation.measures.registry import TABLE
from simulacra.evaluation.tables.fidelity import LostClass
from simulacra.evaluation.tables.kept_columns import ALPHA, FREQUENT, Kept, KeptColumn, KeptPair

OFF, LOST = 0.1, 0.25  # excess difference of a column's distribution, for a note and a warning
STRONG = 0.3  # association whose loss is a warning
HALF = 0.5  # share of an association whose loss counts
PART = 0.05  # share of entries or pairs of vectors and images that must be lost; in tables, one suffices
PARTLY = f"or worse in fewer than {PART:.0%}"
SHOWN = 3  # number of names to list
PAGE = "docs/doctor.md"


def kept_in(evidence: Evidence) -> Kept | None:
    """Returns the comparison of columns, for a table or for the entries of vectors and images."""
    table = evidence[TABLE]
    return evidence[ENTRIES] if table is None else table.kept


def columns(evidence: Evidence) -> Finding | None:
    """Columns whose samples are distributed differently than the data."""
    found = kept_in(evidence)
    if found is None or not found.columns:
        return None
    name, see = "lost columns", f"{PAGE}#lost-columns"
    worst = sorted((*found.columns, *found.grouped), key=lambda column: -column.excess)
    beyond = _off(worst)
    # vectors and images: columns of all rows and columns within groups are judged separately
    several = any(len(_off(part)) >= PART * len(part) > 0 for part in (found.columns, found.grouped))
    enough = setting(evidence).columns or several
    off = beyond if enough else [column for column in beyond if column.constant]
    normal = f"at most {OFF:.0%} less than real rows"
    if not setting(evidence).columns:
        normal += f", {PARTLY} of the columns, none of them constant in the data"
    if not beyond:
        least = max(worst, key=lambda column: _missed(column) - column.chance)
        measured = f"all {len(worst)} columns are kept, the least of them {_column(least)}"
        return well(name, measured, normal, "no column is lost", see, _reach_of_columns(worst))
    named = off + [column for column in beyond if column not in off]
    measured = f"of {len(worst)} columns {_are(len(beyond))} off: {_listed([_column(c) for c in named])}"
    if not off:
        return well(name, measured, normal, "nearly all columns are kept", see, _reach_of_columns(worst))
    severity: Severity = "warning" if off[0].excess > LOST else "note"
    meaning = "the samples of these columns lie elsewhere than the data"
    kinds = "another kind for the column (types=), such as classes for numbers of few values"
    suggestion, _ = setting(evidence).ways(
        "more epochs", kinds if setting(evidence).columns else "a larger model"
    )
    return Finding(severity, name, measured, normal, meaning, suggestion, see)


def dependences(evidence: Evidence) -> Finding | None:
    """Pairs of columns whose association in samples is less than half of that in the data."""
    found = kept_in(evidence)
    if found is None or not found.pairs:
        return None
    name, see, pairs = "lost dependences", f"{PAGE}#lost-dependences", found.pairs
    # only associations that are significant in the data
    sure = [pair for pair in pairs if abs(pair.data) > pair.chance]
    lost = [pair for pair in sure if pair.excess > 0 and pair.loss > HALF * abs(pair.data)]
    lost.sort(key=lambda pair: -pair.excess)
    normal = f"at least {HALF:.0%} of each association, within chance"
    if not setting(evidence).columns:
        normal += f", {PARTLY} of those beyond chance"
    if not lost:
        return well(name, _all_kept(pairs), normal, "no dependence is lost", see, _reach_of_pairs(pairs))
    of = f"of {len(pairs):,} pairs" + ("" if setting(evidence).columns else f", {len(sure):,} beyond chance,")
    measured = f"{of} {_are(len(lost))} lost: {_listed([_pair(p) for p in lost])}"
    with_condition = lambda pair: bool(set(pair.pair) & set(found.given))
    # likewise: pairs with a column of the condition are few among all pairs, and are judged separately
    kinds = [
        [[p for p in of if with_condition(p) is among] for of in (lost, sure)] for among in (True, False)
    ]
    few = not any(len(gone) >= PART * len(there) > 0 for gone, there in kinds)
    if not setting(evidence).columns and few:
        meaning = "nearly all dependences are kept"
        return well(name, measured, normal, meaning, see, _reach_of_pairs(pairs))
    severity: Severity = "warning" if max(abs(pair.data) for pair in lost) >= STRONG else "note"
    meaning = "the model draws these columns as if they had less to do with each other"
    weaker = Option("kl_warmup", 0.5, "for a weaker KL")
    suggestion, options = setting(evidence).ways("more epochs", "a larger model", weaker)
    return Finding(severity, name, measured, normal, meaning, suggestion, see, options)


def classes(evidence: Evidence) -> Finding | None:
    """Frequent classes of the data that do not occur in the samples."""
    found = evidence[TABLE]
    if found is None or not found.kept.classes:
        return None
    kept = found.kept
    name, see = "lost classes", f"{PAGE}#lost-classes"
    sure = [lost for lost in kept.lost if lost.chance < ALPHA / kept.classes]
    normal = f"each class of at least {FREQUENT:.0%} of the training rows is drawn"
    if sure:
        never = "never occurs" if len(sure) == 1 else "never occur"
        measured = f"in {kept.drawn:,} samples {len(sure)} of {kept.classes} frequent classes {never}: "
        measured += _listed([_class(lost) for lost in sure])
        meaning, (suggestion, _) = (
            "the model cannot draw these classes",
            setting(evidence).ways("more epochs", "a larger model"),
        )
        return Finding("warning", name, measured, normal, meaning, suggestion, see)
    if kept.lost:
        measured = f"without {_listed([_class(lost) for lost in kept.lost])} in {kept.drawn:,} samples"
        return well(name, measured, normal, "", see, Reach("they may be missing by chance", "samples"))
    measured = f"all {kept.classes} frequent classes occur in {kept.drawn:,} samples"
    return well(name, measured, normal, "no class is lost", see, CERTAIN)


def _off(columns: Sequence[KeptColumn]) -> list[KeptColumn]:
    """Returns the columns that are off by more than a note allows."""
    return [column for column in columns if column.excess > OFF]


def _reach_of_columns(columns: Sequence[KeptColumn]) -> Reach:
    """Returns what could be seen: a difference of half of a distribution."""
    most = max(columns, key=lambda column: column.chance)
    short = f"{most.chance:.0%} of {most.name} could differ by chance"
    return Reach(short if most.chance > HALF else "")


def _reach_of_pairs(pairs: Sequence[KeptPair]) -> Reach:
    """Returns what could be seen: the loss of an association of one half."""
    chance = min(pair.chance for pair in pairs)
    return Reach(f"an association of {chance:.2f} could be lost by chance" if chance > HALF else "")


def _all_kept(pairs: Sequence[KeptPair]) -> str:
    """Names the strongest association, preferably one of which samples keep half."""
    held = [pair for pair in pairs if pair.loss <= HALF * abs(pair.data)]
    strongest = max(held or pairs, key=lambda pair: abs(pair.data))
    return (
        f"{_pair(strongest)}; of {len(pairs):,} pairs none lost more than half of its association beyond "
        f"chance ({strongest.chance:.2f}) and beyond what held-out rows lack"
    )


def _missed(column: KeptColumn) -> float:
    return 1.0 if math.isnan(column.drawn) else 1 - column.drawn


def _column(column: KeptColumn) -> str:
    drawn, least = 1 - _missed(column), max(0.0, 1 - column.chance)
    alone = " (constant in the data)" if column.constant else ""
    return f"{column.name}{alone} {drawn:.0%} kept, where as many real rows keep {least:.0%} or more"


def _pair(pair: KeptPair) -> str:
    return f"{' and '.join(pair.pair)} have {pair.drawn:.2f} in samples and {pair.data:.2f} in the data"


def _class(lost: LostClass) -> str:
    return f"{lost.column}={lost.level} ({lost.share:.1%} of the rows, by chance {lost.chance:.1g})"


def _are(n: int) -> str:
    return f"{n} {'is' if n == 1 else 'are'}"


def _listed(said: Sequence[str]) -> str:
    more = f" and {len(said) - SHOWN} more" if len(said) > SHOWN else ""
    return ", ".join(said[:SHOWN]) + more


CHECKS = (columns, dependences, classes)
