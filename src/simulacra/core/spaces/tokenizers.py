"""Tokenizers: cut a text into tokens and put tokens together again, in one of four units.

    characters    each character is a token
    words         words, and the punctuation at their ends; a point within a word stays (`u.s.`, `3.5`)
    spaces        what stands between white space, for texts that are cut into tokens already
    smiles        atoms, bonds, ring numbers and brackets of a molecule's SMILES

`joined(split(text))` is the text itself for characters and SMILES, and for the others the text with single
spaces.

Reference: the atoms of SMILES as in Schwaller et al. 2018.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

Unit = Literal["characters", "words", "spaces", "smiles"]
UNITS: tuple[Unit, ...] = ("characters", "words", "spaces", "smiles")

_ATOM = re.compile(r"\[[^\]]*\]|Br|Cl|%\d\d|.", re.DOTALL)
OPENING, CLOSING = "([{\u201c\u2018\u00ab", ".,;:!?)]}\u201d\u2019\u00bb%"
_QUOTES = '"'


def split(text: str, unit: Unit) -> list[str]:
    """Returns the tokens of a text.

    Args:
        text: the text.
        unit: what a token is.

    Example:
        >>> split("Two dogs, running.", "words")
        ['Two', 'dogs', ',', 'running', '.']
        >>> split("CC(=O)Cl", "smiles")
        ['C', 'C', '(', '=', 'O', ')', 'Cl']
    """
    if unit == "characters":
        return list(text)
    if unit == "smiles":
        return _ATOM.findall(text.strip())
    pieces = text.split()
    return pieces if unit == "spaces" else [token for piece in pieces for token in _apart(piece)]


def _apart(piece: str) -> list[str]:
    """Returns a word and the punctuation at its two ends, each mark a token."""
    before, after = [], []
    while len(piece) > 1 and piece[0] in OPENING + _QUOTES:
        before.append(piece[0])
        piece = piece[1:]
    while len(piece) > 1 and piece[-1] in CLOSING + _QUOTES:
        # the last point of an abbreviation belongs to it
        if piece[-1] == "." and "." in piece[:-1].rstrip("."):
            break
        after.append(piece[-1])
        piece = piece[:-1]
    return [*before, piece, *after[::-1]]


def joined(tokens: Iterable[str], unit: Unit) -> str:
    """Returns the text of tokens; before closing and after opening punctuation words have no space.

    Args:
        tokens: the tokens, in order.
        unit: what a token is.

    Example:
        >>> joined(["Two", "dogs", ",", "running", "."], "words")
        'Two dogs, running.'
    """
    if unit in ("characters", "smiles"):
        return "".join(tokens)
    if unit == "spaces":
        return " ".join(tokens)
    text, open_quote, glued = "", False, True
    for token in tokens:
        quote = token in _QUOTES
        closes = token in CLOSING or (quote and open_quote)
        text += token if glued or closes else f" {token}"
        glued = token in OPENING or (quote and not open_quote)
        open_quote ^= quote
    return text
