"""The cases of a test, chosen by what they declare: none of them is built before it is used."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import pytest

from contract.cases import CASES, CATALOGUED, Case
from contract.declared import supports
from contract.representatives import quick, representatives, represented

__all__ = ["catalogued", "every", "having", "lacking", "quick", "represented", "supports", "where"]


@cache
def brief() -> frozenset[str]:
    """The names of the cases of the quick tier: the first of each model, and the representatives."""
    first: dict[str, str] = {}
    for case in CASES:
        first.setdefault(case.source, case.name)
    return frozenset(first.values()) | representatives().keys()


def where(holds: Callable[[Case], bool], cases: Sequence[Case] = CASES, proves: bool = False) -> Any:
    """The cases for which `holds` is true; variants of a model are `thorough`, unless a row is proven."""
    found = [case for case in cases if holds(case)]
    all_names = {case.name for case in found}
    names = all_names if proves else all_names & brief() or {case.name for case in found[:1]}
    return pytest.mark.parametrize("case", quick(found, lambda case: case.name in names))


every = where(lambda case: True)
catalogued = where(lambda case: True, CATALOGUED)


def having(*capabilities: type, cases: Sequence[Case] = CASES, proves: bool = False) -> Any:
    """Cases whose models declare one of the capabilities."""
    return where(lambda case: supports(case.name, *capabilities), cases, proves)


def lacking(*capabilities: type, cases: Sequence[Case] = CASES, proves: bool = False) -> Any:
    """Cases whose models declare none of the capabilities."""
    return where(lambda case: not supports(case.name, *capabilities), cases, proves)
