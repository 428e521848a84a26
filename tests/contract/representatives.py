"""The cases that stand for all others where a check is expensive, and why each of them does.

A feature is a family, a kind of space, a setting of the data or the model, a capability, or a shape of
update: all that is said of the updates of a stage together (`declared.py`). The first representative is
the case with most features, the next one that with most features that are not represented yet, and so on
until all are. `make test` runs the expensive checks on the representatives, `make test-all` on every case.

What repeats a check in another setting of the training, such as rare checkpoints, depends on the moves of the
training alone: `move_represented` takes the cases that represent these, about a third of all representatives.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

import pytest

from contract.cases import CASES, Case
from contract.declared import declared

# features that say nothing about a single move of a training
OTHER = ("can: ", "family: ", "shape of update: ", "space: ")
Item = TypeVar("Item", bound=Hashable)


def cover(features: Mapping[Item, frozenset[str]]) -> dict[Item, frozenset[str]]:
    """Items that have every feature between them, each with the features that it adds."""
    missing = frozenset().union(*features.values())
    chosen = {}
    while missing:
        best = max(features, key=lambda item: len(features[item] & missing))
        chosen[best] = features[best] & missing
        missing -= features[best]
    return chosen


@cache
def representatives() -> dict[str, frozenset[str]]:
    """The names of the cases that stand for all others, each with the features that it adds."""
    return cover({case.name: declared(case.name).features for case in CASES})


@cache
def of_moves() -> frozenset[str]:
    """The names of the cases that stand for every move of a training and every kind of batch."""
    moves = {
        case.name: frozenset(f for f in declared(case.name).features if not f.startswith(OTHER))
        for case in CASES
    }
    return frozenset(cover(moves))


def quick(
    items: Iterable[Item],
    is_quick: Callable[[Item], bool],
    values: Callable[[Item], tuple[Any, ...]] = lambda item: (item,),
) -> list:
    """Parameters of a test, of which all but the quick ones are marked `thorough`."""
    return [
        pytest.param(*values(item), id=str(item), marks=[] if is_quick(item) else [pytest.mark.thorough])
        for item in items
    ]


def represented(cases: Sequence[Case] = CASES, where: Callable[[Case], bool] = lambda case: True) -> Any:
    """Parametrize by the cases for which `where` holds; those that represent no other are `thorough`.

    What the chosen cases have in common is represented among them: where no representative of all
    cases is one of them, the first stands for them.
    """
    found = [case for case in cases if where(case)]
    names = {case.name for case in found} & representatives().keys() or {case.name for case in found[:1]}
    return pytest.mark.parametrize("case", quick(found, lambda case: case.name in names))


def move_represented(cases: Sequence[Case] = CASES, where: Callable[[Case], bool] = lambda case: True) -> Any:
    """Parametrize by the cases for which `where` holds; those that represent no move are `thorough`."""
    found = [case for case in cases if where(case)]
    names = {case.name for case in found} & of_moves() or {case.name for case in found[:1]}
    return pytest.mark.parametrize("case", quick(found, lambda case: case.name in names))
