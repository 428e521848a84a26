"""Ancestral sampling: the frequencies of what is drawn, parents before children, are the enumerated ones."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from oracles import states

from simulacra.core.spaces.plain import Binary, Levels
from simulacra.models.autoregressive import FVBN, MADE, NADE

DRAWS = 40_000


def made(kind, space, **options):
    torch.manual_seed(5)
    model = kind(space, **options)
    with torch.no_grad():
        for p in model.parameters():
            p.normal_(std=1.2)
    return model


@pytest.mark.system("C10")
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (FVBN, {"order": (2, 0, 4, 1, 3)}),
        (NADE, {"hidden": 3, "order": (4, 3, 1, 0, 2)}),
        (MADE, {"hidden": (7,), "order": (1, 3, 0, 2, 4)}),
    ],
)
def test_frequencies_are_those_of_enumeration(float64, kind, options):
    model = made(kind, Binary((5,)), **options)
    x = torch.tensor(states(5))
    p = model.log_density(x).exp().detach().numpy()
    drawn = model.sample(DRAWS, seed=3).numpy().astype(int)
    found = np.bincount(drawn @ (1 << np.arange(5)), minlength=32)
    number = states(5).astype(int) @ (1 << np.arange(5))
    expected = np.empty(32)
    expected[number] = p
    error = np.sqrt(DRAWS * expected * (1 - expected))
    np.testing.assert_array_less(np.abs(found - DRAWS * expected), 4.5 * error + 1)


@pytest.mark.system("C10")
def test_each_entry_is_drawn_by_its_conditional_given_its_parents(float64):
    """Where the parents took a value, the child's frequencies are those of p(child | parents)."""
    model = made(FVBN, Levels((2,), 3), order=(1, 0))
    drawn = model.sample(DRAWS, seed=4).numpy()
    grid = torch.tensor([(a, b) for b in range(3) for a in range(3)])
    joint = model.log_density(grid).exp().detach().numpy().reshape(3, 3)
    for parent in range(3):
        given = drawn[drawn[:, 1] == parent, 0]
        conditional = joint[parent] / joint[parent].sum()
        error = np.sqrt(conditional * (1 - conditional) / len(given))
        found = np.bincount(given.astype(int), minlength=3) / len(given)
        np.testing.assert_array_less(np.abs(found - conditional), 4.5 * error + 1e-9)
