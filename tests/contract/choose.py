"""The cases of a test, chosen by what they declare: none of them is built before it is used."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from contract.cases import CASES, CATALOGUED, Case
from contract.declared import supports
from contract.representatives import quick, represented

__all__ = ["catalogued", "every", "having", "lacking", "quick", "represented", "supports", "where"]

every = pytest.mark.parametrize("case", CASES, ids=str)
catalogued = pytest.mark.parametrize("case", CATALOGUED, ids=str)


def where(holds: Callable[[Case], bool], cases: Sequence[Case] = CASES) -> Any:
    """The cases for which `holds` is true."""
    return pytest.mark.parametrize("case", [case for case in cases if holds(case)], ids=str)


def having(*capabilities: type, cases: Sequence[Case] = CASES) -> Any:
    """Cases whose models declare one of the capabilities."""
    return where(lambda case: supports(case.name, *capabilities), cases)


def lacking(*capabilities: type, cases: Sequence[Case] = CASES) -> Any:
    """Cases whose models declare none of the capabilities."""
    return where(lambda case: not supports(case.name, *capabilities), cases)
