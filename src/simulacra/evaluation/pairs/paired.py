"""Scores of translations y of held-out sources c beside the truth x, and beside references without a model.

    score_i = mean over the draws y_ij of the score of y_ij beside x_i                              (1)
    gain_i  = score_i - score of the reference's answer, with the other sign where lower is better  (2)
    diversity = E |y_i1 - y_i2| / E |x_i - x_j|,   i and j two pairs                                (3)

A translation is a draw of p(x|c). The mean E[x|c] has the least squared error, and an honest draw twice as
much: 3 dB less PSNR. (1) does not rank blurred answers and sharp ones by their looks, therefore, and (3) is
beside it: 0 of a model that always answers the same, and 1 of one whose draws differ as two x do. Distances
of (3) are Euclidean, in the features of the raw space.

Reference: Isola et al. 2017; Zhu et al. 2017 (diversity); Wang et al. 2004. Rows G18, G20, G21, G23.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.core.storage.records import Record
from simulacra.data.dataset import Dataset
from simulacra.evaluation.interval import WIDE, Interval, mean_of
from simulacra.evaluation.pairs.references import Reference, references_of
from simulacra.evaluation.pairs.row_scores import RowScore, row_scores_of
from simulacra.evaluation.pairs.translated import Translated

ROWS = 16  # rows that are scored at once


@dataclass(frozen=True)
class PairScore:
    """One score of translations and of each reference.

    Args:
        name: such as `PSNR`.
        unit: such as `dB`; empty if it has none.
        higher: True if higher is better.
        model: mean of equation (1) over the pairs whose scores are finite; None for fewer than two.
        references: the same of each reference.
        exact: number of pairs that are left out, as a translation is equal to the truth.
    """

    name: str
    unit: str
    higher: bool
    model: Interval | None
    references: tuple[Interval | None, ...]
    exact: int


@dataclass(frozen=True)
class Paired(Record):
    """Scores of translations; comparable if the data and all fields down to `condition` are equal.

    Args:
        split: split of the pairs.
        seed: seed of the choice of pairs and of the draws.
        pairs: number of pairs.
        draws: translations of each source.
        condition: how the sources were made, in words, or their space.
        references: names of the references.
        scores: the scores; the first decides comparisons of models.
        best: name of the best reference.
        by: name of the score that decides: the first that is finite for all pairs.
        gain: mean of equation (2) over the best reference, by that score.
        diversity: equation (3); None if all x are equal.
    """

    split: str
    seed: int
    pairs: int
    draws: int
    condition: str
    references: tuple[str, ...]
    scores: tuple[PairScore, ...]
    best: str
    by: str
    gain: Interval
    diversity: Interval | None


def paired(found: Translated, data: Dataset, split: str = "test", seed: int = 0) -> Paired:
    """Returns equations (1) to (3) of translations.

    Args:
        found: pairs of the split, and translations.
        data: data set of pairs, whose training rows give the references.
        split: name of the split.
        seed: seed of the choice of pairs.

    Example:
        >>> import simulacra
        >>> from simulacra.evaluation.pairs.translated import translated
        >>> x = torch.randint(0, 256, (60, 1, 4, 4), dtype=torch.uint8)
        >>> data = simulacra.from_tensors(x, simulacra.Levels((1, 4, 4), 256), c=255 - x)
        >>> one = paired(translated(simulacra.GAN(data.space, data.condition), data), data)
        >>> one.pairs, one.references, [score.name for score in one.scores]
        (6, ('the source', 'the mean'), ['PSNR', 'SSIM', 'L1'])
    """
    scores, references = row_scores_of(data, split), references_of(data)
    ours = _blocks(found, scores, lambda at: found.y[at])
    theirs = [_blocks(found, scores, _answers_of(reference, found)) for reference in references]
    listed = tuple(_scored(score, ours[:, i], [t[:, i] for t in theirs]) for i, score in enumerate(scores))
    k, scored = _deciding(torch.stack([ours, *theirs])), zip(references, theirs)
    sign = 1.0 if scores[k].higher else -1.0
    best, beside = max(scored, key=lambda pair: sign * float(pair[1][:, k].mean()))
    return Paired(
        *(split, seed, len(found.x), found.y.shape[1], condition_in_words(data)),
        *(tuple(reference.name for reference in references), listed, best.name, scores[k].name),
        # (2)
        mean_of(sign * (ours[:, k] - beside[:, k])),
        diversity(found, data.preprocessing.raw, seed),
    )


def _deciding(scores: Tensor) -> int:
    """Returns the number of the first score that is finite for all pairs, or that of the last.

    Args:
        scores: scores of translations and references, shape (answers, B, scores).
    """
    finite = scores.isfinite().all(0).all(0)
    return int(finite.int().argmax()) if bool(finite.any()) else len(finite) - 1


def _answers_of(reference: Reference, found: Translated) -> Callable[[slice], Tensor]:
    return lambda at: reference.answer(found.c[at]).unsqueeze(1)


def _blocks(found: Translated, scores: tuple[RowScore, ...], answers: Callable[[slice], Tensor]) -> Tensor:
    """Returns the scores of all answers, averaged over those of one source, float64, shape (B, scores)."""
    parts = []
    for start in range(0, len(found.x), ROWS):
        at = slice(start, min(start + ROWS, len(found.x)))
        y = answers(at)
        x = found.x[at].unsqueeze(1).expand(-1, y.shape[1], *found.x.shape[1:])
        flat = [one.of(y.flatten(0, 1), x.flatten(0, 1)).view(y.shape[:2]).mean(1) for one in scores]
        parts.append(torch.stack(flat, 1))
    return torch.cat(parts)


def _scored(score: RowScore, ours: Tensor, theirs: list[Tensor]) -> PairScore:
    exact = int((ours == math.inf).sum()) if score.higher else 0
    means = [_mean_of_finite(t) for t in (ours, *theirs)]
    return PairScore(score.name, score.unit, score.higher, means[0], tuple(means[1:]), exact)


def _mean_of_finite(values: Tensor) -> Interval | None:
    finite = values[values.isfinite()]
    return mean_of(finite) if len(finite) > 1 else None


def diversity(found: Translated, raw: Space, seed: int = 0) -> Interval | None:
    """Returns equation (3) with the error of a ratio of means; None with one draw, or if all x are equal.

    Args:
        found: pairs and translations.
        raw: raw space of x.
        seed: seed of the pairs i and j.
    """
    if found.y.shape[1] < 2:
        return None
    order = Rng(seed, "other pairs").permutation("order", len(found.x))
    other = torch.empty_like(order)
    other[order] = order.roll(1)  # one circle: no pair is beside itself
    within = _far(found.y[:, 0], found.y[:, 1], raw)
    between = _far(found.x, found.x[other], raw)
    spread = float(between.mean())
    if spread == 0:
        return None
    ratio = float(within.mean()) / spread
    # delta method
    error = float((within - ratio * between).std()) / (spread * math.sqrt(len(within)))
    return Interval(ratio, error, max(0.0, ratio - WIDE * error), ratio + WIDE * error)


def _far(a: Tensor, b: Tensor, raw: Space) -> Tensor:
    """Returns the distances of rows in the features of the raw space, shape (B,)."""
    rows = range(0, len(a), ROWS)
    parts = [
        raw.measured(a[i : i + ROWS], torch.float64) - raw.measured(b[i : i + ROWS], torch.float64)
        for i in rows
    ]
    return torch.cat([part.flatten(1).norm(dim=1) for part in parts])


def condition_in_words(data: Dataset) -> str:
    """Returns how the sources of a data set were made, such as `downscale:4`, or their space.

    Args:
        data: data set of pairs.
    """
    given = (data.spec or {}).get("condition")
    if not isinstance(given, str):
        return str(data.condition)
    kind = given.partition(":")[0]
    # the place of a folder is no part of what its files hold
    return kind if kind in ("folder", "mix") else given
