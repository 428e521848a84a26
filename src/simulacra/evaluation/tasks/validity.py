"""Validity of the texts that a model draws: the share of samples that belong to the language of the data.

    valid     share of n samples that the check accepts                                           (1)
    distinct  share of different texts among the valid samples                                    (2)
    new       share of those that are no training row                                             (3)

The share of valid held-out rows stands beside (1): a check that refuses rows of the data is wrong about the
language of these data.

Reference: Gomez-Bombarelli et al. 2018; Kusner et al. 2017; Brown et al. 2019 (GuacaMol). Row E24.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from simulacra.core.spaces.tokens import Tokens
from simulacra.core.storage.records import Record
from simulacra.core.texts.validity import Check, validity
from simulacra.data.dataset import Dataset
from simulacra.evaluation.interval import Interval, in_words, share_of

ROWS = 1000  # held-out rows that are checked


@dataclass(frozen=True)
class Validity(Record):
    """Validity of samples.

    Args:
        check: description of the rules that are checked.
        samples: number of samples.
        valid: equation (1).
        distinct: equation (2); NaN without a valid sample.
        new: equation (3), likewise.
        held_out: share of valid texts among held-out rows.
    """

    check: str
    samples: int
    valid: Interval
    distinct: float
    new: float
    held_out: float


def check_of(data: Dataset) -> Check | None:
    """Returns the check of a data set's texts; None for data without one.

    Args:
        data: data set.
    """
    raw = data.preprocessing.raw
    return validity(data.name, raw.unit) if isinstance(raw, Tokens) and raw.names else None


def validity_of(data: Dataset, split: str, drawn: Tensor) -> Validity | None:
    """Checks samples by equations (1) to (3); returns None for data without a check.

    Args:
        data: data set of texts.
        split: `train`, `valid` or `test`: split of the rows whose validity stands beside that of the samples.
        drawn: samples in raw units, shape (n, T).

    Example:
        >>> import simulacra
        >>> space = simulacra.Tokens((3,), 5, ("<end>", "C", "O", "(", ")"), unit="smiles")
        >>> data = simulacra.from_tensors(space.rows(["CCO", "CO", "C"] * 20), space)
        >>> found = validity_of(data, "test", space.rows(["CC", "CO", "CC", "C("]))
        >>> found.valid.value, round(found.distinct, 3), found.new, found.held_out
        (0.75, 0.667, 0.5, 1.0)
    """
    check, raw = check_of(data), data.preprocessing.raw
    if check is None or not len(drawn):
        return None
    assert isinstance(raw, Tokens)
    texts = raw.texts(drawn)
    accepted = torch.tensor([check.accepts(text) for text in texts])
    valid = [text for text, fine in zip(texts, accepted.tolist()) if fine]
    different = set(valid)
    known = set(raw.texts(data.train.x))
    new = len(different - known) / len(different) if different else math.nan
    distinct = len(different) / len(valid) if valid else math.nan
    return Validity(check.about, len(texts), share_of(accepted), distinct, new, _held_out(data, split, check))


def _held_out(data: Dataset, split: str, check: Check) -> float:
    raw = data.preprocessing.raw
    assert isinstance(raw, Tokens)
    texts = raw.texts(data[split].x[:ROWS])
    return sum(map(check.accepts, texts)) / len(texts)


def validity_rows(found: Validity) -> list[tuple[str, str]]:
    """Returns name and value of the scores, in words.

    Args:
        found: the scores.
    """
    valid = f"{in_words(found.valid)} of {found.samples:,} samples; of held-out rows {found.held_out:.1%}"
    rest = "" if math.isnan(found.new) else f"; different {found.distinct:.1%}, of these new {found.new:.1%}"
    return [("valid texts", f"{valid}{rest} (by {found.check})")]
