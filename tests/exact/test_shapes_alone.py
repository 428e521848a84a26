"""Building for shapes alone gives the shapes and types of a real build, and takes no memory."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from contract.cases import CATALOGUED
from simulacra.core.artifact.shapes_alone import shapes_alone

PROGRAMS = {
    "drawn": lambda: torch.randn(3, 2) * torch.rand(2).double(),
    "initialized": lambda: nn.init.normal_(torch.empty(3, 2)).mul_(2).clamp_(0),
    "orthogonal": lambda: nn.init.xavier_uniform_(torch.empty(4, 3)),
    "eye": lambda: torch.eye(3, 5) + torch.eye(5)[:3],
    "counted": lambda: torch.arange(2, 11, 3),
    "counted back": lambda: torch.arange(7, 1, -2) / 2,
    "counted finely": lambda: torch.arange(0.0, 1.0, 0.3),
    "nothing": lambda: torch.arange(0),
    "whole by number": lambda: torch.arange(3) * 2.5,
    "whole by whole": lambda: torch.arange(3) / torch.arange(1, 4),
    "floor": lambda: torch.arange(6) // torch.full((2, 1), 4),
    "half and whole": lambda: torch.ones(3, dtype=torch.float16) + torch.ones((), dtype=torch.float64),
    "compared": lambda: torch.rand(4, 1) < torch.rand(3),
    "chosen": lambda: torch.where(torch.rand(3) < 0.5, torch.zeros(3), torch.zeros(2, 1)),
    "power": lambda: 2 ** torch.arange(3),
    "joined": lambda: torch.cat([torch.ones(2, 3), torch.ones(2, 1)], -1),
    "joined types": lambda: torch.cat([torch.ones(2), torch.arange(3)]),
    "stacked": lambda: torch.stack([torch.ones(2, 3)] * 4, 1),
    "repeated": lambda: torch.arange(6).view(2, 3).repeat(2, 1, 4),
    "sorted": lambda: torch.rand(3, 4).sort(1).indices,
    "added": lambda: torch.rand(3, 4, 2).sum((0, -1)),
    "added and kept": lambda: (torch.rand(3, 4) < 0.5).sum(1, keepdim=True),
    "all added": lambda: torch.rand(3, 4).sum(),
    "long": lambda: torch.rand(3, 4).norm(dim=1, keepdim=True),
    "running": lambda: torch.rand(3, 4).softmax(-1).cumsum(-1),
    "running counts": lambda: (torch.rand(3) < 0.5).cumsum(0),
    "linear": lambda: nn.Linear(3, 5)(torch.zeros(2, 3)),
    "like": lambda: torch.zeros_like(torch.arange(3), dtype=torch.bool),
    "convolved": lambda: F.conv2d(torch.ones(2, 4, 9, 8), torch.ones(6, 2, 3, 2), None, (2, 1), 1, 1, 2),
    "dilated": lambda: nn.Conv1d(3, 5, 3, padding="same", dilation=2)(torch.ones(2, 3, 11)),
    "transposed": lambda: nn.ConvTranspose2d(4, 6, 4, 2, 1, 1, groups=2)(torch.ones(2, 4, 5, 3)),
}
WRONG = {
    "shapes": lambda: torch.ones(3) + torch.ones(2),
    "in place": lambda: torch.ones(3).add_(torch.ones(2, 3)),
    "joined": lambda: torch.cat([torch.ones(2, 3), torch.ones(1, 2)]),
    "linear": lambda: nn.Linear(3, 5)(torch.zeros(2, 4)),
    "channels": lambda: nn.Conv2d(3, 5, 3)(torch.ones(2, 2, 9, 9)),
    "kernel": lambda: nn.Conv2d(3, 5, 3)(torch.ones(2, 3, 2, 2)),
    "repeated": lambda: torch.ones(2, 3).repeat(2),
}


@pytest.mark.fault("scores 3.1")
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_shape_and_a_type_are_those_of_real_numbers(name):
    real = PROGRAMS[name]()
    with shapes_alone():
        alone = PROGRAMS[name]()
    assert alone.is_meta and not real.is_meta
    assert (alone.shape, alone.dtype) == (real.shape, real.dtype)


@pytest.mark.fault("scores 3.1")
@pytest.mark.parametrize("name", WRONG)
def test_an_operation_that_fails_on_numbers_fails_on_shapes(name):
    with pytest.raises((RuntimeError, ValueError)):
        WRONG[name]()
    with pytest.raises((RuntimeError, ValueError)), shapes_alone():
        WRONG[name]()


@pytest.mark.fault("scores 3.1")
@pytest.mark.parametrize("case", CATALOGUED, ids=str)
def test_a_model_for_its_shapes_alone_has_the_state_of_a_real_one(case):
    real, data = case.build().state_dict(), case.data()
    more = {"condition": data.condition} if data.condition is not None else {}
    with shapes_alone():
        alone = case.kind(data.space, **more, **case.arguments).state_dict()
    assert {n: (t.shape, t.dtype) for n, t in alone.items()} == {
        n: (t.shape, t.dtype) for n, t in real.items()
    }


@pytest.mark.fault("scores 3.1")
def test_what_is_drawn_in_place_takes_no_memory_and_keeps_its_gradient():
    with shapes_alone():
        layer = nn.Linear(10**6, 10**6)
        nn.init.normal_(layer.weight)
        product = layer.weight * torch.eye(10**6)
    assert layer.weight.requires_grad and product.is_meta and product.shape == (10**6, 10**6)
