"""Held-out pairs (x, c) with translations y of their sources c, on which all scores of pairs are computed.

The draws of a source depend on its values, the seed and the number of the draw alone, so that a pair has the
same translations in any choice of rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from simulacra.core.capabilities import general as can
from simulacra.core.capabilities.sampling import in_words, present_unlike
from simulacra.core.methods.rows import chunks_of, evaluating
from simulacra.core.model import Model
from simulacra.core.progress.tasks import stage
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.paired import observed
from simulacra.core.storage.records import Record
from simulacra.data.dataset import Dataset, Split
from simulacra.evaluation.measures.kept_parts import TENSOR, once
from simulacra.evaluation.rows import chosen, condition_of, count

DRAWS = 2  # translations of each source
PAIRS = 500  # largest number of pairs
AT_ONCE = 128  # sources that are translated at once
ENTRIES = 2**26  # largest number of entries of all translations together


@dataclass(frozen=True)
class Translated:
    """Pairs and translations in raw units, on the CPU.

    Args:
        x: the truth, shape (B, *).
        c: the sources, shape (B, *).
        y: translations of each source, shape (B, n, *).
        noisy: True if the model draws random numbers for a translation.
    """

    x: Tensor
    c: Tensor
    y: Tensor
    noisy: bool


def of_pairs(model: Model) -> bool:
    """Returns True if a model translates its condition, an observation itself, to one target.

    Args:
        model: the model.

    Example:
        >>> from simulacra import GAN, Categorical, Levels
        >>> space = Levels((1, 4, 4), 256)
        >>> of_pairs(GAN(space, space)), of_pairs(GAN(space, Categorical((), 3)))
        (True, False)
    """
    if not (model.supports(can.Translates) and observed(model.condition)):
        return False
    translates = can.able(model, can.Translates)
    return translates.targets is None and translates.source == model.condition


@dataclass(frozen=True)
class TooFew(Record):
    """Pairs that are too few for scores of translations.

    Args:
        split: split of the pairs.
        pairs: number of its pairs whose source is known.
    """

    split: str
    pairs: int


def too_few(data: Dataset, split: str = "test", limit: int | None = None) -> TooFew | None:
    """Returns the number of pairs of a split, if there are fewer than two; None otherwise.

    Args:
        data: data set of pairs.
        split: `train`, `valid` or `test`.
        limit: largest number of rows; None: all.
    """
    known = data[split].c_known
    pairs = min(count(data[split], limit), len(data[split]) if known is None else int(known.sum()))
    return TooFew(split, pairs) if pairs < 2 else None


def too_few_rows(found: TooFew) -> list[tuple[str, str]]:
    """Returns one line that says why translations have no scores.

    Args:
        found: the number of pairs.
    """
    there = f"{found.split} has {found.pairs or 'none'}"
    return [("translations", f"not measured: their scores need at least 2 pairs, but {there}.")]


def translated(
    model: Model,
    data: Dataset,
    split: str = "test",
    seed: int = 0,
    limit: int | None = None,
    most: int = DRAWS * PAIRS,
    draws: int = DRAWS,
) -> Translated | None:
    """Translates the sources of random pairs of a split.

    Args:
        model: model of p(x|c) whose c is an observation.
        data: data set of pairs.
        split: `train`, `valid` or `test`.
        seed: seed of the choice of pairs and of the draws.
        limit: largest number of pairs; None: 500.
        most: largest number of translations.
        draws: translations of each source.

    Returns:
        the pairs whose source is known; None if there are fewer than two.

    Raises:
        ValueError: if the rows have no source, or one of another kind or size than the model's.

    Example:
        >>> import simulacra
        >>> x = torch.rand(40, 1, 4, 4)
        >>> data = simulacra.from_tensors(x, simulacra.Real((1, 4, 4)), c=1 - x)
        >>> model = simulacra.GAN(data.space, data.condition)
        >>> translated(model, data, limit=3).y.shape
        torch.Size([3, 2, 1, 4, 4])
    """
    index = chosen(data[split], number_of(data[split], limit, most, draws), seed)
    if (known := data[split].c_known) is not None:
        index = index[known.to(index.device)[index]]
    if len(index) < 2:
        return None
    rows = data[split].rows(index)
    c = condition_of(model, rows.c)
    assert c is not None
    drawn = translations(model, c, draws, seed)
    return Translated(_truth(data[split], rows.x), c.cpu(), drawn, takes_noise(model, c[:1]))


def number_of(split: Split, limit: int | None, most: int, draws: int = DRAWS) -> int:
    """Returns the number of pairs: as many as there are, unless they or their translations are too many.

    Args:
        split: pairs.
        limit: largest number of pairs; None: 500.
        most: largest number of translations.
        draws: translations of each source.
    """
    entries = ENTRIES // (draws * split.preprocessing.raw.dims)
    least = min(2, count(split, limit))
    return max(least, min(count(split, PAIRS if limit is None else limit), most // draws, entries))


def translations(model: Model, c: Tensor, draws: int = DRAWS, seed: int = 0) -> Tensor:
    """Returns translations of raw sources, in raw units on the CPU, shape (B, n, *).

    Args:
        model: model of p(x|c).
        c: raw sources on the model's device, shape (B, *).
        draws: number n of translations of each source.
        seed: seed of the draws.
    """
    unlike = present_unlike(model)
    of = (model, draws, seed, c, *((in_words(unlike),) if unlike else ()))
    return once("translations", of, lambda: _drawn(model, c, draws, seed), TENSOR)


def _drawn(model: Model, c: Tensor, draws: int, seed: int) -> Tensor:
    parts = []
    with stage("translations", len(c), "pair") as progress:
        for rows in chunks_of(len(c), AT_ONCE):
            progress.part = len(rows)
            y = model.translate(c[rows.start : rows.stop], n=draws, seed=seed).cpu()
            parts.append(y.unsqueeze(1) if draws == 1 else y)
            progress.advance(len(rows))
    return torch.cat(parts)


def takes_noise(model: Model, c: Tensor) -> bool:
    """Returns True if the model draws at least one random number for a translation.

    Args:
        model: model of p(x|c).
        c: raw sources on the model's device, shape (B, *).
    """
    sizes: list[int] = []

    def counting(key: tuple[object, ...], kind: str, draw: Callable[[], Tensor]) -> Tensor:
        numbers = draw()
        sizes.append(numbers.numel())
        return numbers

    assert model.conditioning is not None
    rng = Rng(0, "noise", device=model.device, source=counting).by_content(c)
    with evaluating(model):
        can.able(model, can.Translates).carry(model.conditioning.of_condition(c, model.device), rng)
    return any(sizes)


def _truth(split: Split, x: Tensor) -> Tensor:
    """Returns raw rows; after a lossy preprocessing, such as binarization, what it leaves of them."""
    chain = split.preprocessing
    if not any(step.lossy for step in chain.steps):
        return x.cpu()
    return chain.inverse(chain.apply(x, Rng(0, "truth").by_content(x))).cpu()
