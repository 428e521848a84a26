"""Every model declares what the record says of it: capabilities, updates, space and settings."""

from __future__ import annotations

import json
import os

import pytest

from contract.cases import CASES, Case
from contract.declared import FILE, Declared, record
from contract.harness import stages_of
from simulacra.core.capabilities.general import Samples, TakesCondition
from simulacra.core.model import Model
from simulacra.core.optimizers import SGD
from simulacra.core.spaces.composite import Sequence, Table
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Stage
from simulacra.models.catalog import CATALOG
from simulacra.nets.layers import Dropout

UPDATE = bool(os.environ.get("SIMULACRA_UPDATE_GOLDEN"))


def shape_of_stage(stage: Stage) -> tuple[str, ...]:
    """The words that describe how a stage updates the parameters."""
    updates = stage.updates
    players = "+".join(sorted(update.name for update in updates))
    words = {
        "closed form": not updates,
        "one update": len(updates) == 1,
        f"game of {players}": len(updates) > 1,
        "moves before an update": any(update.before for update in updates),
        "moves after an update": any(update.after for update in updates),
        "repeated update": any(update.repeat > 1 for update in updates),
        "weights of rows": any(update.weights for update in updates),
        "coupled rows": any(update.coupled for update in updates),
        "momentum": any(isinstance(update.optimizer, SGD) for update in updates),
        "start": stage.start is not None,
        "view": stage.view is not None,
        "further stream": stage.streams is not None,
    }
    return tuple(word for word, holds in words.items() if holds)


def kind_of(space: Space) -> str:
    """The name of a space with the kind of its shape."""
    if isinstance(space, (Table, Sequence)):
        return type(space).__name__
    return f"{type(space).__name__} {'image' if len(space.shape) == 3 else 'vector'}"


def traits_of(case: Case, model: Model) -> tuple[str, ...]:
    """Family, space and settings of a case."""
    rows = case.data().train
    settings = {
        "condition": model.supports(TakesCondition),
        "labels": rows.c is not None and not model.supports(TakesCondition),
        "missing entries": rows.known is not None,
        "missing labels": rows.c_known is not None,
        "rows of differing lengths": rows.lengths is not None,
        "dropout": any(isinstance(module, Dropout) and module.p > 0 for module in model.modules()),
    }
    family = CATALOG[case.catalogued].family if case.catalogued else "toy"
    return (
        f"family: {family}",
        f"space: {kind_of(model.preprocessing.raw)}",
        *(name for name, holds in settings.items() if holds),
    )


def measured(case: Case) -> Declared:
    """The choices of a case, from the model itself."""
    model, past = case.build(), stages_of(case)
    return Declared(
        frozenset(capability.__name__ for capability in model.capabilities()),
        bool(getattr(model, "entry_by_entry", False)),
        isinstance(model, Samples) and model.supports(Samples) and model.looks() > 1,
        tuple(shape_of_stage(model.stage(i, past[:i])) for i in range(len(past))),
        bool(past[-1]["steps"]),
        traits_of(case, model),
    )


@pytest.fixture(scope="module")
def written():
    """The record's content; rewritten at the end where that was asked."""
    content = {name: choices.json() for name, choices in record().items()}
    yield content
    if UPDATE:
        kept = {case.name: content[case.name] for case in CASES}
        lines = [f"{json.dumps(name)}: {json.dumps(entry)}" for name, entry in kept.items()]
        FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_model_declares_what_the_record_says(case, written):
    found = measured(case).json()
    if UPDATE:
        written[case.name] = found
    assert written.get(case.name) == found, (
        "if that is meant: SIMULACRA_UPDATE_GOLDEN=1 python -m pytest tests/contract/test_declared.py"
    )


@pytest.mark.skipif(UPDATE, reason="the file is being rewritten")
def test_no_entry_of_the_record_is_left_over():
    assert list(record()) == [case.name for case in CASES]
