"""Blocks of preprocessed rows, on which all scores are computed."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from simulacra.core.capabilities import general as can
from simulacra.core.capabilities.sampling import in_words, present_unlike
from simulacra.core.errors.suggestion import Refusal, load_with
from simulacra.core.inputs.chunks import Rows, prepared
from simulacra.core.interface import CHUNK
from simulacra.core.model import Model
from simulacra.core.preprocessing.chain import Preprocessing
from simulacra.core.random.keyed import Rng, some_of
from simulacra.core.spaces.tokens import Tokens
from simulacra.data.dataset import Split
from simulacra.evaluation.measures.kept_parts import TENSOR, once


def count(split: Split, limit: int | None) -> int:
    """Returns the number of rows to use.

    Args:
        split: rows.
        limit: largest number of rows; None: all.

    Raises:
        ValueError: if there are no rows.

    Example:
        >>> from simulacra.core.spaces.plain import Real
        >>> from simulacra.data.sources.tensors import from_tensors
        >>> count(from_tensors(torch.zeros(10, 2), Real((2,))).train, 5)
        5
    """
    n = len(split) if limit is None else min(limit, len(split))
    if n < 1:
        raise ValueError(f"limit is {limit} and the split has {len(split)} rows: there is nothing to score.")
    return n


def chosen(split: Split, limit: int | None = None, seed: int = 0) -> Tensor:
    """Returns the indices of the rows of `subset`, in order.

    Args:
        split: rows.
        limit: largest number of rows; None: all.
        seed: seed of the choice.
    """
    return some_of(len(split), count(split, limit), Rng(seed, "scored rows"))


def subset(split: Split, limit: int | None = None, seed: int = 0) -> Split:
    """Returns all rows, or random ones in the order of the split.

    The first rows of a file would not be representative, for example if it is sorted by class. A smaller
    subset is part of a larger one with the same seed.

    Args:
        split: rows.
        limit: largest number of rows; None: all.
        seed: seed of the choice.

    Raises:
        ValueError: if there are no rows.

    Example:
        >>> from simulacra.core.spaces.plain import Real
        >>> from simulacra.data.sources.tensors import from_tensors
        >>> rows = from_tensors(torch.arange(10.0).unsqueeze(1), Real((1,)), valid=0, test=0).train
        >>> len(subset(rows, 3)), bool((subset(rows, 3).x[1:] > subset(rows, 3).x[:-1]).all())
        (3, True)
    """
    return split if count(split, limit) == len(split) else split.select(chosen(split, limit, seed))


def blocks(model: Model, split: Split, seed: int = 0, limit: int | None = None) -> Iterator[Rows]:
    """Yields blocks of the rows of `subset`, preprocessed with the noise of `model.log_prob(..., seed=seed)`.

    Args:
        model: model whose preprocessing is applied.
        split: rows.
        seed: seed of the choice of rows and of the preprocessing.
        limit: largest number of rows; None: all.

    Raises:
        ValueError: if the rows do not fit the model, lack its condition, or have missing entries that the
            model does not support.
    """
    rng = Rng(seed, "score", device=model.device)
    split = subset(split, limit, seed)
    n = len(split)
    for start in range(0, n, CHUNK):
        raw = split.rows(torch.arange(start, min(start + CHUNK, n)))
        known = None if raw.known is None else raw.known.to(model.device)
        if known is not None and not any(map(model.supports, can.LEAVES_OUT)):
            raise ValueError(f"the split misses entries of x, which {type(model).__name__} cannot leave out.")
        model.preprocessing.raw.check(raw.x)
        keyed = rng.by_content(raw.x, raw.known)
        held = model.preprocessing.held(raw.x, model.device)
        yield from prepared(model, held, known, keyed, CHUNK, prepared_condition(model, raw.c))


def condition_of(model: Model, c: Tensor | None) -> Tensor | None:
    """Returns the rows' raw conditions if the model takes one, otherwise None.

    Args:
        model: the model.
        c: conditions of the rows, shape (B, *), or None.

    Raises:
        ValueError: if the model takes a condition and the rows have none.
    """
    if not model.supports(can.TakesCondition):
        return None
    if c is None:
        given = load_with(condition="label")
        raise Refusal(
            f"{type(model).__name__} models p(x|c), but the rows have no condition: "
            f"load the data with {given}.",
            given,
        )
    assert model.conditioning is not None
    model.conditioning.raw.check(c, "the condition of the rows")
    return model.conditioning.held(c, model.device)


def prepared_condition(model: Model, c: Tensor | None) -> Tensor | None:
    """Returns the rows' conditions in the model's condition space if the model takes one, otherwise None.

    Args:
        model: the model.
        c: raw conditions of the rows, shape (B, *), or None.

    Raises:
        ValueError: as `condition_of`.
    """
    raw, chain = condition_of(model, c), model.conditioning
    return None if raw is None or chain is None else chain.of_condition(raw, model.device)


def lent(split: Split, n: int, seed: int = 0) -> Tensor:
    """Returns the indices of the rows whose conditions `samples_like` gives to n samples, shape (n,).

    Args:
        split: rows: a `subset` of them, or all in turn for a larger n.
        n: number of samples.
        seed: seed of the choice of rows.

    Example:
        >>> import simulacra
        >>> data = simulacra.from_tensors(torch.randn(3, 2), simulacra.Real((2,)), valid=0, test=0)
        >>> lent(data.train, 5).tolist()
        [0, 1, 2, 0, 1]
    """
    first = chosen(split, max(1, min(n, len(split))), seed)
    return first[torch.arange(n) % len(first)]


def samples_like(model: Model, split: Split, n: int, seed: int = 0) -> Tensor:
    """Draws samples in raw units; a model with a condition is given the conditions of rows.

    Args:
        model: model to sample from.
        split: rows whose conditions are used, in the order of `lent`.
        n: number of samples.
        seed: seed of the samples and the choice of rows.

    Example:
        >>> from simulacra.core.spaces.plain import Real
        >>> from simulacra.data.sources.tensors import from_tensors
        >>> from simulacra.models.autoencoders.ppca import PPCA
        >>> data = from_tensors(torch.randn(50, 3), Real((3,)))
        >>> samples_like(PPCA(data.space, 1), data.test, 7).shape
        torch.Size([7, 3])
    """
    # under `drawing_with`, the options that differ from the model's own
    how = present_unlike(model)
    drawn = (in_words(how),) if how else ()
    if not model.supports(can.TakesCondition):
        return once("samples", (model, n, seed, *drawn), lambda: model.sample(n, seed=seed), TENSOR)
    c = condition_of(model, split.rows(lent(split, n, seed)).c)
    of = (model, n, seed, c, *drawn)
    return once("samples", of, lambda: model.sample(n, condition=c, seed=seed), TENSOR)


def features(model: Model, raw: Tensor, seed: int = 0) -> Tensor:
    """Returns raw rows as points of a feature space in which distances are measured, shape (B, features).

    Samples and data pass through the same preprocessing, and all pairs of different classes have equal
    distances; texts are compared by their n-grams (`Space.compact`). Dequantization is omitted, because its
    noise would hide that two rows are nearly equal. The result is on the CPU.

    Args:
        model: model whose preprocessing is applied.
        raw: rows in raw units, shape (B, *).
        seed: seed of a random preprocessing.
    """
    chain = model.preprocessing
    if isinstance(chain.raw, Tokens):
        return chain.raw.compact(raw.cpu(), model.dtype)
    return points(chain, raw, seed, model.dtype, model.device).flatten(1).cpu()


def points(
    chain: Preprocessing,
    raw: Tensor,
    seed: int = 0,
    dtype: torch.dtype | None = None,
    device: torch.device | str = "cpu",
) -> Tensor:
    """Returns `features` in the shape that networks take, (B, *features_shape), for any preprocessing.

    Texts are vectors here, too.

    Args:
        chain: preprocessing from the raw space to that of the model.
        raw: rows in raw units, shape (B, *).
        seed: seed of a random preprocessing.
        dtype: type of the result; None: that of the space.
        device: device of the preprocessing.
    """
    if isinstance(chain.raw, Tokens):
        # one-hot codes of texts would not fit into memory
        return chain.raw.compact(raw, dtype)
    if not chain.exact:
        return chain.raw.features(raw, dtype)
    rng = Rng(seed, "features", device=device).by_content(raw)
    return chain.space.features(chain.apply(chain.held(raw, device), rng), dtype)


def feature_blocks(model: Model, split: Split, seed: int = 0, limit: int | None = None) -> Iterator[Tensor]:
    """Yields `features` of the rows of `subset`, block by block.

    Args:
        model: model whose preprocessing is applied.
        split: rows.
        seed: seed of the choice of rows and of the preprocessing.
        limit: largest number of rows; None: all.
    """
    split = subset(split, limit, seed)
    for start in range(0, len(split), CHUNK):
        stop = min(start + CHUNK, len(split))
        yield features(model, split.rows(torch.arange(start, stop)).x, seed)
