"""The scores of translations in words."""

from __future__ import annotations

from simulacra.core.scores.chance import LEVEL, chance_of
from simulacra.evaluation.interval import Interval, in_words
from simulacra.evaluation.pairs.paired import Paired, PairScore


def paired_rows(found: Paired) -> list[tuple[str, str]]:
    """Returns name and value of each score of translations, in words.

    Args:
        found: the scores.
    """
    lines = [(f"{score.name} of translations", _in_words(score, found)) for score in found.scores]
    lines.append(("translations", verdict(found)))
    if found.diversity is not None:
        told = in_words(found.diversity, ".1%")
        lines.append(("diversity of translations", f"two of one source differ by {told} of what two x do"))
    return lines


def headline(found: Paired) -> str:
    """Returns the first score of translations as one clause.

    Args:
        found: the scores.
    """
    return f"{found.scores[0].name} of translations {_number(found.scores[0], found.scores[0].model)}"


def verdict(found: Paired) -> str:
    """Returns one sentence: whether a reference without a model is nearer to the truth.

    Args:
        found: the scores.
    """
    (by,), gain = [score for score in found.scores if score.name == found.by], found.gain
    size = f"{_plain(by, abs(gain.value))} of {by.name}"
    if chance_of(gain.value, gain.error, found.pairs - 1) >= LEVEL:
        return f"neither better nor worse than {found.best} beyond chance ({size})"
    if gain.value > 0:
        return f"better than {found.best}, the best answer without a model, by {size}"
    return f"worse than {found.best}, an answer without a model, by {size}"


def _in_words(score: PairScore, found: Paired) -> str:
    beside = [f"{name} {_number(score, one, False)}" for name, one in zip(found.references, score.references)]
    exact = f"; {score.exact:,} come back exactly and are left out" if score.exact else ""
    return (
        f"{_number(score, score.model)}, {found.pairs:,} pairs of {found.split}{exact}; {', '.join(beside)}"
    )


def _number(score: PairScore, value: Interval | None, whole: bool = True) -> str:
    if value is None:
        return "infinite" if score.higher else "unknown"
    return f"{in_words(value, _digits(score))}{_unit(score)}" if whole else _plain(score, value.value)


def _plain(score: PairScore, value: float) -> str:
    return f"{value:{_digits(score)}}{_unit(score)}"


def _unit(score: PairScore) -> str:
    return f" {score.unit}" if score.unit else ""


def _digits(score: PairScore) -> str:
    """Returns the format of a score: decibels and levels with two decimals, numbers of any unit otherwise."""
    return ".2f" if score.unit else ".4f" if score.higher else ".4g"
