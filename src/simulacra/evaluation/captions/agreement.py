"""Agreement of pictures with the captions that they were drawn from, beside that of real pictures.

    search       share of pictures x whose caption c has the highest s(x, c) among K, its own and K - 1
                 others of held-out rows, all different                                                (1)
    attribute    share of pictures that show the word of their caption, of each group of words         (2)

The scores of held-out pictures with their own captions are the reference: what a perfect model has. 1 / K and
the share of the most frequent word are what chance has. Both are judged by `judge`.

Reference: Xu et al., AttnGAN, 2018 (R-precision, which is (1)). Rows G16, G17.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from simulacra.core.model import Model
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.tokens import Tokens
from simulacra.core.storage.records import Record
from simulacra.data.dataset import Dataset
from simulacra.evaluation.captions.judge import UNTOLD, Judge, trained_judge, words_told
from simulacra.evaluation.interval import Interval, share_of
from simulacra.evaluation.rows import lent, points, samples_like, subset

ROWS, CANDIDATES, FEWEST = 500, 10, 20  # most rows; captions of a search; fewest rows


@dataclass(frozen=True)
class Attribute:
    """Equation (2) of one group of words.

    Args:
        name: such as `colour`.
        model: share of samples that show the word.
        real: share of held-out pictures that do.
        chance: share of the most frequent word.
        rows: number of captions that say one.
    """

    name: str
    model: Interval
    real: Interval
    chance: float
    rows: int


@dataclass(frozen=True)
class Agreement(Record):
    """Agreement of samples with their captions.

    Args:
        split: split of the captions.
        seed: seed of the judge, of the samples and of the choice of captions.
        rows: number of captions, each with a sample and a real picture.
        candidates: number K of captions of a search.
        search: equation (1) of samples.
        real: equation (1) of held-out pictures.
        attributes: equation (2) of each group that the data set declares.
    """

    split: str
    seed: int
    rows: int
    candidates: int
    search: Interval
    real: Interval
    attributes: tuple[Attribute, ...] = ()


def captioned(model: Model) -> bool:
    """Returns True if a model draws pictures given texts of named tokens.

    Args:
        model: any model.
    """
    chain = model.conditioning
    named = chain is not None and isinstance(chain.raw, Tokens) and bool(chain.raw.names)
    return named and model.preprocessing.raw.image


def agreement(
    model: Model,
    data: Dataset,
    split: str = "test",
    n: int = ROWS,
    seed: int = 0,
    limit: int | None = None,
    judge: Judge | None = None,
) -> Agreement | None:
    """Evaluates equations (1) and (2) for at most 500 captions of a split.

    Args:
        model: model that draws pictures from captions.
        data: pictures with captions.
        split: `train`, `valid` or `test`.
        n: most samples.
        seed: seed of the judge and of all draws.
        limit: use only so many rows, chosen at random; None: all.
        judge: the judge; None: one is trained on the training rows.

    Returns:
        the scores; None for fewer than 20 rows, or one caption alone.
    """
    assert data.conditioning is not None
    held_out, tokens = subset(data[split], limit, seed), data.conditioning.raw
    if held_out.c_known is not None:
        held_out = held_out.select(held_out.c_known.cpu().nonzero()[:, 0])
    n = min(n, ROWS, len(held_out))
    if n < FEWEST:
        return None
    assert isinstance(tokens, Tokens)
    drawn, rows = samples_like(model, held_out, n, seed).cpu(), held_out.rows(lent(held_out, n, seed))
    assert rows.c is not None
    c = rows.c.cpu()
    every, own = torch.unique(c, dim=0, return_inverse=True)
    if len(every) < 2:
        return None
    judge = judge or trained_judge(data, seed)
    views = [judge.views(points(data.preprocessing, x.cpu(), seed)) for x in (drawn, rows.x)]
    among = candidates(own, len(every), seed)
    of_model, of_real = (share_of(found_among(judge.fits(v, every), own, among)) for v in views)
    attributes = tuple(_attribute(judge, tokens, name, c, *views) for name in judge.groups)
    told = tuple(one for one in attributes if one is not None)
    return Agreement(split, seed, n, int(among.sum(1)[0]), of_model, of_real, told)


def candidates(own: Tensor, captions: int, seed: int = 0) -> Tensor:
    """Returns True for the captions of each search, its own among them, shape (B, captions).

    Args:
        own: number of the caption of each row, shape (B,).
        captions: number of different captions.
        seed: seed of the choice.

    Example:
        >>> among = candidates(torch.tensor([0, 2]), 30)
        >>> among.sum(1).tolist(), among[0, 0].item(), among[1, 2].item()
        ([10, 10], True, True)
    """
    order = Rng(seed, "candidates", rows=range(len(own))).uniform("order", captions, dtype=torch.float64)
    order[torch.arange(len(own)), own] = -1
    place = order.argsort(1).argsort(1)
    return place < CANDIDATES


def found_among(scores: Tensor, own: Tensor, among: Tensor) -> Tensor:
    """Returns True where a row's own caption has a higher score than all others of its search, shape (B,).

    Args:
        scores: s of each row with each caption, shape (B, captions).
        own: number of the caption of each row, shape (B,).
        among: captions of each search, shape (B, captions).

    Example:
        >>> s, among = torch.tensor([[1.0, 0.5, 2.0], [0.0, 3.0, 1.0]]), torch.ones(2, 3, dtype=torch.bool)
        >>> found_among(s, torch.tensor([0, 1]), among).tolist()
        [False, True]
    """
    row = torch.arange(len(own))
    others = scores.masked_fill(~among, -torch.inf)
    others[row, own] = -torch.inf
    return scores[row, own] > others.amax(1)


def _attribute(
    judge: Judge, tokens: Tokens, name: str, c: Tensor, drawn: Tensor, real: Tensor
) -> Attribute | None:
    """Returns equation (2) of a group; None where no caption says a word of it."""
    word = words_told(tokens, c, judge.groups[name])
    told = word != UNTOLD
    if not bool(told.any()):
        return None
    ours, theirs = (share_of(judge.shown(v[told], name) == word[told]) for v in (drawn, real))
    counts = word[told].bincount()
    return Attribute(name, ours, theirs, float(counts.max() / counts.sum()), int(told.sum()))
