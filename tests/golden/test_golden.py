"""Golden numbers: the first losses of every model from a fixed seed, and what it then says.

A change that is not meant to change numbers must not. One that is meant to regenerates them:

    SIMULACRA_UPDATE_GOLDEN=1 python -m pytest tests/golden

and the difference is read in the review. CPUs differ in the last bits, hence the tolerance.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch

from contract.cases import CASES, Case
from contract.harness import train
from contract.use import answers

FILE = Path(__file__).with_name("golden.json")
UPDATE = bool(os.environ.get("SIMULACRA_UPDATE_GOLDEN"))
STEPS = 5  # rounding grows with the steps of Adam
TOLERANCE = 1e-5


def numbers(case: Case) -> dict:
    """Losses of the first steps of each stage, and the mean size of each answer after a start."""
    losses: list[dict[str, float]] = []

    def hook(loop) -> None:
        loop.callbacks += (
            lambda loop, ended: losses.append(loop.position.last) if loop.position.step <= STEPS else None,
        )

    model = train(case, hook=hook)
    if losses:
        return {"losses": losses[:STEPS]}
    closed = answers(model, case)
    return {"answers": {word: float(t.double().abs().mean()) for word, t in closed.items()}}


def rounded(value):
    """Eight digits: what the file holds."""
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    return [rounded(v) for v in value] if isinstance(value, list) else float(f"{value:.8g}")


@pytest.fixture(scope="module")
def golden():
    """The file's content; rewritten at the end where that was asked."""
    content = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    yield content
    if UPDATE:
        kept = {name: content[name] for name in sorted(content) if name in {case.name for case in CASES}}
        FILE.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_golden_numbers(case, golden):
    found = numbers(case)
    if UPDATE:
        golden[case.name] = rounded(found)
    assert case.name in golden, (
        "no golden numbers yet: SIMULACRA_UPDATE_GOLDEN=1 python -m pytest tests/golden"
    )
    expected = golden[case.name]
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        for got, want in zip(_listed(found[name]), _listed(value), strict=True):
            assert got == pytest.approx(want, rel=TOLERANCE, abs=1e-6)


def _listed(value) -> list[dict]:
    return value if isinstance(value, list) else [value]


@pytest.mark.skipif(UPDATE, reason="the file is being rewritten")
def test_no_golden_number_is_left_over(golden):
    assert set(golden) == {case.name for case in CASES}


def test_golden_numbers_notice_a_change(golden, monkeypatch):
    """The tolerance is not so wide that another seed would pass."""
    case = next(case for case in CASES if case.name == "vae")
    other = numbers(Case(case.name, case.kind, case.data, case.arguments, case.options | {"seed": 1}))
    first, second = other["losses"][0], golden["vae"]["losses"][0]
    assert first != pytest.approx(second, rel=TOLERANCE)
    assert torch.get_num_threads() == 1
