"""A counter-based generator: number i of a stream is a function of the stream's state and of i.

    m(z): z ^= z >> 30, z *= a, z ^= z >> 27, z *= b, z ^= z >> 31              (1)
    word i of the stream s = m(s + (i + 1) g)   mod 2^64                        (2)
    x, y = r cos(2 pi v), r sin(2 pi v),   r = sqrt(-2 log u)                   (3)

A stream needs no set-up, so a thousand streams of ten numbers cost as much as one of ten thousand.
A number in single precision takes half a word.

Reference: Steele, Lea and Flood 2014 (SplitMix64), (1) and (2); Salmon et al. 2011; Box and Muller 1958, (3).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

GAMMA = np.uint64(0x9E3779B97F4A7C15)  # g: 2^64 over the golden ratio, odd
ROUNDS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))  # shifts, and a and b
LAST = np.uint64(31)
TILE = 2**13  # words computed at once, so that they fit into the cache
BITS = {torch.float64: 53, torch.float32: 24, torch.float16: 11, torch.bfloat16: 8}  # of a uniform number


def mixed(z: np.ndarray) -> np.ndarray:
    """Applies equation (1) to each 64-bit word in place, and returns z.

    Args:
        z: words, uint64, any shape; overwritten.

    Example:
        >>> mixed(np.array([0x9E3779B97F4A7C15], dtype=np.uint64)).tolist() == [0xE220A8397B1DCDAF]
        True
    """
    spare = np.empty_like(z)
    for shift, factor in ROUNDS:
        np.right_shift(z, np.uint64(shift), out=spare)
        np.bitwise_xor(z, spare, out=z)
        np.multiply(z, np.uint64(factor), out=z)
    np.right_shift(z, LAST, out=spare)
    return np.bitwise_xor(z, spare, out=z)


def tiles(rows: int, words: int) -> Iterator[tuple[slice, slice, np.ndarray]]:
    """Yields the tiles of a table as slices of its rows and words, with (i + 1) g of each tile's words.

    Args:
        rows: number of rows of the table.
        words: number of 64-bit words in a row.
    """
    wide = min(words, TILE)
    for first in range(0, words, max(1, wide)):
        last = min(first + wide, words)
        steps = np.arange(first + 1, last + 1, dtype=np.uint64) * GAMMA
        many = max(1, TILE // (last - first))
        for row in range(0, rows, many):
            yield slice(row, min(row + many, rows)), slice(first, last), steps


def uniforms(states: np.ndarray, width: int, dtype: torch.dtype) -> Tensor:
    """Returns the first numbers of each stream in [0, 1), multiples of 2^-bits as in `torch.rand`.

    Args:
        states: state s of each stream, uint64, shape (B,).
        width: numbers drawn from each stream.
        dtype: floating-point type of the numbers; it sets the number of random bits.

    Returns:
        shape (B, width).

    Example:
        >>> streams = np.arange(3, dtype=np.uint64)
        >>> few, many = (uniforms(streams, n, torch.float32) for n in (2, 50))
        >>> bool((few == many[:, :2]).all())
        True
    """
    double, bits = dtype == torch.float64, BITS[dtype]
    found = np.empty((len(states), width), np.float64 if double else np.float32)
    for rows, columns, numbers in _numbers(states, width, double):
        found[rows, columns] = _whole(numbers, bits)[:, : columns.stop - columns.start]
    found *= found.dtype.type(2.0**-bits)
    return torch.from_numpy(found).to(dtype)


def normals(states: np.ndarray, width: int, dtype: torch.dtype) -> Tensor:
    """Returns the first standard normal numbers of each stream, a pair from two words by equation (3).

    Args:
        states: state s of each stream, uint64, shape (B,).
        width: numbers drawn from each stream.
        dtype: floating-point type of the numbers.

    Returns:
        shape (B, width).

    Example:
        >>> z = normals(np.arange(1000, dtype=np.uint64), 50, torch.float64)
        >>> abs(float(z.mean())) < 0.02, abs(float(z.var()) - 1) < 0.03
        (True, True)
    """
    double = dtype == torch.float64
    found = np.empty((len(states), width), np.float64 if double else np.float32)
    for rows, columns, numbers in _numbers(states, width + width % 2, double):
        pairs = _pairs(numbers[:, ::2], numbers[:, 1::2], double).reshape(len(numbers), -1)
        found[rows, columns] = pairs[:, : min(columns.stop, width) - columns.start]
    return torch.from_numpy(found).to(dtype)


def _numbers(states: np.ndarray, width: int, double: bool) -> Iterator[tuple[slice, slice, np.ndarray]]:
    """Yields row slices, column slices and raw integers of a table, tile by tile.

    The integers are 64-bit words, or 32-bit halves of them in single precision.
    """
    each = 1 if double else 2
    for rows, words, steps in tiles(len(states), -(-width // each)):
        # (2)
        z = mixed(states[rows, None] + steps)
        columns = slice(words.start * each, min(words.stop * each, width))
        yield rows, columns, z if double else z.view(np.uint32)


def _whole(numbers: np.ndarray, bits: int) -> np.ndarray:
    """Returns the highest bits of the integers as signed integers, which are quick to convert to floats."""
    size = 8 * numbers.itemsize
    signed = np.int64 if size == 64 else np.int32
    return np.right_shift(numbers, numbers.dtype.type(size - bits)).view(signed)


def _pairs(a: np.ndarray, b: np.ndarray, double: bool) -> np.ndarray:
    """Returns equation (3), shape (rows, pairs, 2), with u in (0, 1] from `a` and v in [0, 1) from `b`."""
    fine, coarse = (53, 53) if double else (31, 24)
    kind: Any = np.float64 if double else np.float32
    # u needs many bits: small u give the tails of the normal distribution
    r = (_whole(np.ascontiguousarray(a), fine).astype(kind) + kind(1)) * kind(2.0**-fine)
    r = np.sqrt(np.log(r) * kind(-2))
    angle = _whole(np.ascontiguousarray(b), coarse).astype(kind) * kind(2 * math.pi * 2.0**-coarse)
    found = np.empty((*r.shape, 2), kind)
    # (3)
    np.multiply(r, np.cos(angle), out=found[..., 0])
    np.multiply(r, np.sin(angle), out=found[..., 1])
    return found
