"""Tokens: rows of text that carry their own end.

A row of T entries is a text of L <= T tokens, and behind it only the end:

    x = (x_1, ..., x_L, end, ..., end)                                                            (1)

The end is drawn once and then certain, so a distribution of rows is one of texts of up to T tokens,

    p(x) = prod_(t <= min(L + 1, T)) p(x_t | x_<t),     sum over all texts of up to T tokens = 1,       (2)

and a score is a sum over the text and its first end: it does not depend on how far a row is padded. A text
of T tokens has no end; it is cut.

Distances look at n-grams, not at one-hot codes, which would need (classes x T) numbers a row. With the
n-grams g of 1, 2 and 3 tokens of a row, hashes h(g) to d buckets and signs s(g) = +-1,

    f_j = sum_(g with h(g) = j) s(g)                                                              (3)

has in expectation the squared distances of the counts of all n-grams. The last entries of f are a digest of
the whole row, small against a single n-gram, so that different rows never have distance 0.

A text may hold words that look like the two classes without a token. `<unknown>` in a text is the class of
all that is unknown, where there is one. `<end>` in a text is a token like others: its name is `<end>_`, that
of `<end>_` is `<end>__`, and texts come back as they were.

Reference: Weinberger et al., Feature hashing for large scale multitask learning, 2009 (3).
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor

from simulacra.core.errors.calls import WrongCall
from simulacra.core.random.contents import contents_of
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.tokenizers import UNITS, Unit, joined, split

log = logging.getLogger("simulacra")

END, UNKNOWN = "<end>", "<unknown>"
MORE = "_"  # behind the name of a token that is written like the end
LIKE_END = re.compile(f"{END}{MORE}*")
BUCKETS, DIGESTS = 256, 4  # entries of (3), and of the digest behind them
GRAMS = 3  # most tokens of an n-gram
DIGEST_SIZE = 0.25  # largest entry of the digest; a single n-gram moves an entry by 1
MIX = (-7046029254386353131, -4417276706812531889, 1609587929392839161)  # odd numbers
ENTRIES = 2**21  # tokens whose n-grams are hashed at once


@dataclass(frozen=True, repr=False)
class Tokens(Categorical):
    """Texts of up to T tokens, each padded with the end to a row of T; counting measure on texts.

    Rows know their length. A score counts the tokens of the text and its first end. A text goes in as a
    string wherever rows do, and `texts` gives it back.

    Args:
        shape: (T,), the most tokens of a text; () for a single token.
        classes: number of tokens, with those for the end and for what is unknown.
        names: the tokens, in order; empty: tokens have no text.
        end: class of the end.
        unknown: class that stands for tokens outside of the vocabulary; None: they are refused.
        unit: how a text is cut into tokens: `characters`, `words`, `spaces` or `smiles`.

    Raises:
        ValueError: if the shape is not that of one text, the end or the unknown is no class, or names are
            not as many as classes, or not all different.

    Example:
        >>> space = Tokens((4,), 3, ("<end>", "a", "b"))
        >>> rows = space.rows(["ab", "abba"])
        >>> rows.tolist(), space.lengths(rows).tolist(), space.texts(rows)
        ([[1, 2, 0, 0], [1, 2, 2, 1]], [2, 4], ['ab', 'abba'])
    """

    per: ClassVar[str] = "token"
    end: int = 0
    unknown: int | None = None
    unit: Unit = "characters"

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.shape) > 1 or 0 in self.shape:
            raise WrongCall(f"the shape of tokens is {self.shape}, but it must be (T,), such as (40,).")
        for name, place in (("end", self.end), ("unknown", self.unknown)):
            if place is not None and not 0 <= place < self.classes:
                raise WrongCall(
                    f"{name} is {place}, but the {self.classes} tokens are 0 to {self.classes - 1}."
                )
        if self.names and (len(self.names) != self.classes or len(set(self.names)) != self.classes):
            raise WrongCall(
                f"there are {len(self.names)} names, {len(set(self.names))} of them different, for "
                f"{self.classes} tokens: give each a name of its own, the end too."
            )
        if self.unit not in UNITS:
            raise WrongCall(f"unit is {self.unit!r}, but it must be one of {', '.join(UNITS)}.")

    def __repr__(self) -> str:
        """Returns a short description: a vocabulary of thousands of words by a digest."""
        told = f", {self.unit}, vocabulary {self.vocabulary}" if self.names else ""
        return f"Tokens({self.shape}, classes={self.classes}{told})"

    @cached_property
    def vocabulary(self) -> str:
        """Digest of the tokens, in order, in six digits."""
        content = "\n".join(map(repr, (self.end, self.unknown, *self.names)))
        return hashlib.sha256(content.encode()).hexdigest()[:6]

    @property
    def steps(self) -> int:
        """Most tokens T of a text."""
        return self.shape[0]

    @property
    def placeholder(self) -> float:  # type: ignore[override]
        """The first token that is not the end, since behind an end nothing else may stand."""
        return float(self.end == 0 and self.classes > 1)

    # ---- rows

    def lengths(self, x: Tensor) -> Tensor:
        """Returns the number of tokens before the end, shape (B,).

        Args:
            x: rows, shape (B, T).
        """
        return (counted(x, self.end) & (x != self.end)).sum(-1)

    def counted(self, x: Tensor) -> Tensor | None:
        """Returns True for the tokens of each text and its first end, shape (B, T).

        Args:
            x: rows, shape (B, T).
        """
        return counted(x, self.end) if self.shape else None

    def closed(self, x: Tensor) -> Tensor:
        """Returns rows with the end in all entries behind the first end, shape of x.

        Args:
            x: tokens, shape (B, T).

        Example:
            >>> Tokens((4,), 3).closed(torch.tensor([[1, 0, 2, 1]])).tolist()
            [[1, 0, 0, 0]]
        """
        return torch.where(counted(x, self.end), x, torch.full_like(x, self.end)) if self.shape else x

    def filled(self, x: Tensor, known: Tensor) -> Tensor:
        """Returns x with a token that is not the end where `known` is False, and the end behind a known end.

        Args:
            x: rows, shape (B, T).
            known: booleans, shape of x.
        """
        return self.closed(torch.where(known, x, torch.full_like(x, self.placeholder)))

    def _check_support(self, x: Tensor, name: str) -> None:
        super()._check_support(x, name)
        if self.shape and bool((self.closed(x) != x).any()):
            row = int((self.closed(x) != x).any(-1).nonzero()[0])
            raise ValueError(
                f"row {row} of {name} (from 0) goes on behind its end, the token {self.end}: put the end "
                "behind the text only, as Tokens.closed does."
            )

    # ---- distances

    def compact(self, x: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """Returns the hashed n-grams of each row by equation (3), shape (B, 260) whatever T and the classes.

        Args:
            x: rows, shape (B, T).
            dtype: floating-point type; None: torch's default.
        """
        rows = x.reshape(len(x), -1).long()
        block = max(1, ENTRIES // rows.shape[1])
        grams = torch.cat([_hashed_grams(part, self.end) for part in rows.split(block)]) if len(x) else None
        digests = torch.from_numpy(contents_of(rows).digests.astype("int64")).to(x.device)
        parts = [(digests >> 16 * i & 0xFFFF) * (DIGEST_SIZE / 2**16) for i in range(DIGESTS)]
        f = torch.stack(parts, 1)
        return torch.cat([f.new_zeros(0, BUCKETS) if grams is None else grams.to(f), f], 1).to(
            dtype or torch.get_default_dtype()
        )

    # ---- texts

    @cached_property
    def codes(self) -> dict[str, int]:
        """Class of each token by its name, without the end and the unknown."""
        special = (self.end, self.unknown)
        return {name: code for code, name in enumerate(self.names) if code not in special}

    def rows(self, texts: Sequence[str], name: str = "x") -> Tensor:
        """Returns texts as rows, shape (B, T); tokens outside of the vocabulary are the unknown one.

        Args:
            texts: the texts.
            name: name of the texts in messages.

        Raises:
            ValueError: if a text is longer than T tokens, or its tokens are not in the vocabulary.
        """
        if not self.names:
            raise ValueError(f"{name} is text, but the tokens of {self} have no names: give their numbers.")
        cut = [split(text, self.unit) for text in texts]
        _check_lengths(self, cut, name)
        self._check_unknown(cut, name)
        found = torch.full((len(cut), self.steps), self.end, dtype=torch.long)
        other = -1 if self.unknown is None else self.unknown
        for row, tokens in zip(found, cut):
            row[: len(tokens)] = torch.tensor([self._code(t, other) for t in tokens], dtype=torch.long)
        return found

    def _code(self, token: str, other: int) -> int:
        """Returns the class of a token of a text, or `other`."""
        return self.codes.get(name_of(token) if self.names[self.end] == END else token, other)

    def _check_unknown(self, cut: list[list[str]], name: str) -> None:
        unknown = None if self.unknown is None else self.names[self.unknown]
        every = (token for tokens in cut for token in tokens)
        strange = [token for token in every if token != unknown and self._code(token, -1) < 0]
        total = sum(map(len, cut))
        if not strange:
            return
        shown = ", ".join(map(repr, dict.fromkeys(strange).keys()))
        shown = shown if len(shown) < 80 else f"{shown[:80]}..."
        if self.unknown is None or len(strange) == total:
            known = ", ".join(map(repr, list(self.codes)[:10]))
            raise ValueError(
                f"{name} holds {'only ' * (len(strange) == total)}tokens that are not in the vocabulary "
                f"({shown}): give texts of {self.unit} such as {known}."
            )
        log.warning(
            "%s: %d of %d tokens are not in the vocabulary and count as %s: %s",
            *(name, len(strange), total, self.names[self.unknown], shown),
        )

    def texts(self, x: Tensor) -> list[str]:
        """Returns rows as texts, without their ends.

        Args:
            x: rows, shape (B, T).

        Raises:
            ValueError: if the tokens have no names.
        """
        if not self.names:
            raise ValueError(f"the tokens of {self} have no names: use the rows as numbers.")
        lengths = self.lengths(x).tolist()
        written = [token_of(name) for name in self.names] if self.names[self.end] == END else self.names
        return [
            joined([written[code] for code in row[:n]], self.unit)
            for row, n in zip(x.long().tolist(), lengths)
        ]


def name_of(token: str) -> str:
    """Returns the name of a token of a text, which is never that of the end.

    Example:
        >>> name_of("word"), name_of("<end>"), name_of("<end>_")
        ('word', '<end>_', '<end>__')
    """
    return f"{token}{MORE}" if LIKE_END.fullmatch(token) else token


def token_of(name: str) -> str:
    """Returns the token of a text that has a name in a vocabulary; that of the end stays.

    Example:
        >>> [token_of(name_of(token)) for token in ("word", "<end>", "<end>_")]
        ['word', '<end>', '<end>_']
    """
    return name.removesuffix(MORE) if LIKE_END.fullmatch(name) else name


def counted(x: Tensor, end: int) -> Tensor:
    """Returns True up to the first end of each row, and False behind it, shape of x.

    Args:
        x: tokens, shape (*, T).
        end: class of the end.

    Example:
        >>> counted(torch.tensor([[1, 0, 0]]), 0).tolist()
        [[True, True, False]]
    """
    ends = (x == end).long()
    return ends.cumsum(-1) == ends


def _check_lengths(space: Tokens, cut: list[list[str]], name: str) -> None:
    longest = max(map(len, cut), default=0)
    if longest > space.steps:
        row = next(i for i, tokens in enumerate(cut) if len(tokens) > space.steps)
        raise ValueError(
            f"row {row} of {name} (from 0) has {len(cut[row]):,} {_plural(space.unit)}, but the model takes "
            f"up to {space.steps:,}: give a shorter text, or its parts as rows."
        )


def _plural(unit: Unit) -> str:
    return {"characters": "characters", "words": "words", "spaces": "tokens", "smiles": "tokens"}[unit]


def _hashed_grams(rows: Tensor, end: int) -> Tensor:
    """Returns equation (3) of each row, float32, shape (B, BUCKETS)."""
    inside = counted(rows, end)
    f = rows.new_zeros(len(rows), BUCKETS, dtype=torch.float32)
    key = torch.zeros_like(rows)
    for n in range(min(GRAMS, rows.shape[1])):
        # the n-gram of n + 1 tokens that ends at each entry; the first token is its oldest
        key = (key[:, :-1] if n else key) * MIX[0] + (rows[:, n:] + 1) * MIX[1]
        mixed = key + n + 1
        mixed = (mixed ^ (mixed >> 31)) * MIX[2]
        mixed = mixed ^ (mixed >> 29)
        sign = ((mixed >> 8 & 1) * 2 - 1) * inside[:, n:]
        f.scatter_add_(1, mixed & BUCKETS - 1, sign.float())
    return f
