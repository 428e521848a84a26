"""Conversion of texts to rows of tokens: strings, lists of tokens of any length, padded or cut arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from simulacra.core.inputs.arrays import as_tensor
from simulacra.core.spaces.abstract import Space
from simulacra.core.spaces.tokens import Tokens


def strings_in(x: Any) -> list[str] | None:
    """Returns x as strings if it is one, or a list, an array or a column of them; otherwise None.

    Args:
        x: anything that a user gives as rows.

    Example:
        >>> strings_in("a man"), strings_in(np.array(["a", "b"])), strings_in([1, 2])
        (['a man'], ['a', 'b'], None)
    """
    if isinstance(x, str):
        return [x]
    if isinstance(x, Tensor):
        return None
    column = x.tolist() if callable(getattr(x, "tolist", None)) else x
    texts = isinstance(column, (list, tuple)) and len(column) and all(isinstance(s, str) for s in column)
    return list(column) if texts else None


def token_rows(space: Tokens, x: Any, name: str = "x") -> Tensor:
    """Returns rows of T tokens, shape (B, T): shorter ones are padded with the end, further ends are cut off.

    Args:
        space: space of the tokens.
        x: strings, or tokens as numbers: shape (B, L), or a list of rows of differing lengths.
        name: name of x in messages.

    Raises:
        ValueError: if a row is longer than T, or a string has tokens that the vocabulary lacks.

    Example:
        >>> space = Tokens((3,), 3, ("<end>", "a", "b"))
        >>> token_rows(space, ["ab"]).tolist(), token_rows(space, [[1], [2, 1, 0, 0]]).tolist()
        ([[1, 2, 0]], [[1, 0, 0], [2, 1, 0]])
    """
    texts = strings_in(x)
    if texts is not None:
        return space.rows(texts, name)
    ragged = isinstance(x, (list, tuple)) and len({np.ndim(row) and len(row) for row in x}) > 1
    if not ragged:
        rows = as_tensor(x, name)
        return _fitted(space, rows, name) if rows.dim() == 2 else rows
    pieces = [as_tensor(row, name) for row in x]
    if any(piece.dim() != 1 for piece in pieces):
        raise ValueError(f"{name} mixes single numbers and rows: give a list of texts, or of rows of tokens.")
    padded = torch.nn.utils.rnn.pad_sequence(pieces, batch_first=True, padding_value=float(space.end))
    return _fitted(space, padded, name)


def _fitted(space: Tokens, rows: Tensor, name: str) -> Tensor:
    """Pads rows with the end to T tokens, or cuts off ends beyond T."""
    width = rows.shape[1]
    if width < space.steps:
        return torch.nn.functional.pad(rows, (0, space.steps - width), value=space.end)
    long = (rows[:, space.steps :] != space.end).any(1)
    if bool(long.any()):
        row = int(long.nonzero()[0])
        raise ValueError(
            f"row {row} of {name} (from 0) has more than the {space.steps:,} tokens that the model takes: "
            "give a shorter text, or its parts as rows."
        )
    return rows[:, : space.steps]


def beginnings(space: Space, x: Any) -> Tensor | None:
    """Returns True for the tokens of texts, behind which a model goes on, shape (B, T); None for other data.

    Args:
        space: space of the rows.
        x: strings or rows of tokens.

    Example:
        >>> beginnings(Tokens((3,), 3, ("<end>", "a", "b")), ["ab", "b"]).tolist()
        [[True, True, False], [True, False, False]]
    """
    if not isinstance(space, Tokens):
        return None
    rows = token_rows(space, x)
    space.check(rows)
    return torch.arange(space.steps) < space.lengths(rows).cpu().unsqueeze(1)


def check_behind(space: Space, x: Tensor, known: Tensor | None, owner: str) -> None:
    """Checks that a model that draws all tokens at once completes texts behind their beginning only.

    Args:
        space: space of the rows.
        x: rows, shape (B, T).
        known: True where known, shape of x, or None.
        owner: name of the model, for the message.

    Raises:
        ValueError: if a known token, other than the end, stands behind a gap, which may then not hold an end.
    """
    if not isinstance(space, Tokens) or known is None:
        return
    tokens = known & (x != space.end)
    if bool((tokens[:, 1:] & ~known.cumprod(1).bool()[:, 1:]).any()):
        raise ValueError(
            f"known has gaps before known tokens, and {owner} draws all tokens of a text at once: keep the "
            "beginning of a text, or take a model that draws token by token, such as a WaveNet."
        )
