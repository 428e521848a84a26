"""Vocabularies: the tokens of the training rows, with one for the end and one for all that is unknown.

    class 0    the end
    class 1    unknown: tokens that training rows hold too rarely, or not at all
    2, 3, ...  the tokens of training rows, the most frequent first

Texts are read with a number for each of their tokens, before it is known which rows train. Once the splits
are cut, the vocabulary is counted on training rows alone, and all rows get its classes: test rows add
nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from simulacra.core.errors.suggestion import Refusal, load_with
from simulacra.core.spaces.tokenizers import Unit
from simulacra.core.spaces.tokens import END, UNKNOWN, Tokens, name_of
from simulacra.data.sources.source import Part, Source

RARE: Mapping[Unit, int] = {"words": 2, "spaces": 2, "characters": 1, "smiles": 1}


@dataclass(frozen=True)
class Numbered:
    """Texts with a number for each token: 0 for the end, then tokens in the order of their occurrence.

    Args:
        unit: what a token is.
        names: the tokens of all texts; the first is that of number 1.
        most: most tokens of the vocabulary; None: all.
        least: fewest occurrences of a token of the vocabulary; None: that of the unit.
    """

    unit: Unit
    names: tuple[str, ...]
    most: int | None = None
    least: int | None = None

    def space(self, steps: int) -> Tokens:
        """Returns the space of rows of such numbers.

        Args:
            steps: most tokens of a text.
        """
        return Tokens((steps,), len(self.names) + 1, unit=self.unit)

    def settled(self, source: Source) -> Source:
        """Returns the source with the classes of the vocabulary of its training rows.

        Args:
            source: the source after its splits were cut.

        Raises:
            ValueError: if the vocabulary is empty.
        """
        counts = _counts(source.parts["train"], len(self.names) + 1)
        kept = self._kept(counts, source)
        classes = np.ones(len(self.names) + 1, np.int64)
        classes[0] = 0
        classes[kept] = np.arange(len(kept)) + 2
        names = (END, UNKNOWN, *(name_of(self.names[number - 1]) for number in kept))
        space = Tokens(source.space.shape, len(names), names, unknown=1, unit=self.unit)
        parts = {
            name: replace(part, rows=_recoded(_rows(part), classes, len(names)))
            for name, part in source.parts.items()
        }
        told = replace(source, parts=parts, space=space)
        return told.noted("vocabulary", self._words(space, parts))

    def _kept(self, counts: np.ndarray, source: Source) -> np.ndarray:
        """Returns the numbers of the tokens of the vocabulary, the most frequent first."""
        least = RARE[self.unit] if self.least is None else self.least
        # `<unknown>` in a text is what is unknown
        numbers = [
            n for n in (np.flatnonzero(counts[1:] >= least) + 1).tolist() if self.names[n - 1] != UNKNOWN
        ]
        order = sorted(numbers, key=lambda number: (-counts[number], self.names[number - 1]))
        kept = np.array(order[: self.most], np.int64)
        if not len(kept):
            one = load_with(least=1)
            raise Refusal(
                f"no token of {source.name} occurs {least} times in its {len(source.parts['train']):,} "
                f"training rows, so that the vocabulary is empty: load it with {one}.",
                one,
            )
        return kept

    def _words(self, space: Tokens, parts: Mapping[str, Part]) -> str:
        what = {"spaces": "tokens", "smiles": "atoms and bonds"}.get(self.unit, self.unit)
        told = f"{space.classes - 2:,} {what} of the training rows, with {END} and {UNKNOWN}"
        for name, part in parts.items():
            rows = _rows(part)
            tokens, strange = int((rows != 0).sum()), int((rows == 1).sum())
            told += f"; {strange / max(1, tokens):.2%} of {tokens:,} {name} tokens are unknown"
        return told


def numbered(texts: Sequence[Sequence[str]]) -> tuple[list[np.ndarray], tuple[str, ...]]:
    """Returns the numbers of the tokens of each text, and the tokens in the order of their occurrence.

    Args:
        texts: the tokens of each text.

    Example:
        >>> rows, names = numbered([["a", "b"], ["b"]])
        >>> [row.tolist() for row in rows], names
        ([[1, 2], [2]], ('a', 'b'))
    """
    found: dict[str, int] = {}
    rows = [np.array([found.setdefault(t, len(found) + 1) for t in text], np.int32) for text in texts]
    return rows, tuple(found)


def padded(rows: Sequence[np.ndarray], steps: int) -> Tensor:
    """Returns rows of numbers, padded with 0 to `steps` tokens, int32, shape (N, steps)."""
    x = np.zeros((len(rows), steps), np.int32)
    for line, row in zip(x, rows):
        line[: len(row)] = row
    return torch.from_numpy(x)


def _rows(part: Part) -> Tensor:
    assert isinstance(part.rows, Tensor), "texts are held in memory"
    return part.rows


def _counts(part: Part, numbers: int) -> np.ndarray:
    return np.bincount(_rows(part).numpy().reshape(-1), minlength=numbers)


def _recoded(rows: Tensor, classes: np.ndarray, number: int) -> Tensor:
    """Returns rows in the classes of a vocabulary, in the narrowest type that holds them."""
    kind = np.uint8 if number <= 2**8 else np.int16 if number <= 2**15 else np.int32
    return torch.from_numpy(classes.astype(kind)[rows.numpy()])
