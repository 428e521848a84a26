"""Splits by stratum and by group, such that every split gets its share.

Strata: of stratum s with n_s rows, a split that wants w of N rows gets n_s w / N, rounded by largest
remainder. Groups: in a random order, each group goes to the split that lacks its rows most, where a row of
stratum s counts as much as the split lacks of s; the best of several orders is kept.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from simulacra.core.random.keyed import Rng

ORDERS, WORK = 64, 20_000  # most random orders that are tried; most groups placed in all of them


def by_stratum(strata: np.ndarray, wish: Mapping[str, int], rng: Rng) -> dict[str, Tensor]:
    """Splits rows such that every split has its share of each stratum.

    Args:
        strata: number of each row's stratum, shape (N,).
        wish: number of rows that each split should have; they add up to N.
        rng: the generator of the random order.

    Example:
        >>> rows = by_stratum(np.array([0] * 20 + [1] * 10), {"train": 24, "valid": 3, "test": 3}, Rng(0))
        >>> {split: int((index < 20).sum()) for split, index in rows.items()}
        {'valid': 2, 'test': 2, 'train': 16}
    """
    order = rng.permutation("rows", len(strata)).numpy()
    order = order[np.argsort(strata[order], kind="stable")]
    sizes = np.bincount(strata)
    rank = np.arange(len(strata)) - (np.cumsum(sizes) - sizes)[strata[order]]
    begin, pieces = np.zeros_like(sizes), {}
    for split in [name for name in wish if name != "train"]:
        end = begin + _shares(sizes * wish[split] / len(strata), wish[split], sizes - begin)
        inside = (rank >= begin[strata[order]]) & (rank < end[strata[order]])
        pieces[split] = torch.from_numpy(order[inside])
        begin = end
    return pieces | {"train": torch.from_numpy(order[rank >= begin[strata[order]]])}


def _shares(quota: np.ndarray, total: int, room: np.ndarray) -> np.ndarray:
    """Rounds quotas to whole numbers that add up to `total`, by largest remainder."""
    whole = np.floor(quota).astype(np.int64)
    remainder = np.where(room > whole, quota - whole, -1.0)
    largest = np.argsort(-remainder, kind="stable")[: total - whole.sum()]
    whole[largest[remainder[largest] >= 0]] += 1
    return whole


def by_group(groups: np.ndarray, strata: np.ndarray, wish: Mapping[str, int], rng: Rng) -> dict[str, Tensor]:
    """Splits rows such that groups stay whole and splits have nearly the wished numbers of rows.

    Args:
        groups: number of each row's group, shape (N,).
        strata: number of each row's stratum, shape (N,).
        wish: number of rows that each split should have; there are at least as many groups as splits.
        rng: the generator of the random orders.
    """
    held = np.zeros((groups.max() + 1, strata.max() + 1))
    np.add.at(held, (groups, strata), 1)
    wanted = np.outer(list(wish.values()), held.sum(0)) / len(groups)
    orders = max(1, min(ORDERS, WORK // len(held)))
    tried = (_place(held, wanted, rng.permutation(f"groups/{i}", len(held)).tolist()) for i in range(orders))
    _, place = min(tried, key=lambda found: found[0])
    return {split: torch.from_numpy(np.flatnonzero(place[groups] == k)) for k, split in enumerate(wish)}


def _place(held: np.ndarray, wanted: np.ndarray, order: list[int]) -> tuple[float, np.ndarray]:
    """Assigns each group to a split; returns the total deviation from the wanted rows, and the splits.

    Args:
        held: number of rows of each group in each stratum.
        wanted: number of rows of each split in each stratum.
        order: order in which the groups are placed.
    """
    lacking, place = wanted.copy(), np.empty(len(held), np.int64)
    empty = set(range(len(wanted)))
    for left, group in zip(range(len(order), 0, -1), order):
        missed = lacking @ held[group]
        if left <= len(empty):
            # the last groups go to empty splits
            missed[[k for k in range(len(wanted)) if k not in empty]] = -np.inf
        k = int(missed.argmax())
        place[group] = k
        lacking[k] -= held[group]
        empty.discard(k)
    return float(np.abs(lacking).sum()), place
