"""Mistakes in a model of one's own are answered with one sentence that says what to write."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import simulacra
from contract.cases import real
from contract.saving import QUIET
from data.refusal import sentence_of
from simulacra import Capability, Model, Real, Terms, Update
from simulacra.core.capabilities import general

pytestmark = pytest.mark.fault("doors 2.hour")


def with_updates(updates):
    """A linear model whose method `updates` is given; None: it has none."""

    class Mine(Model):
        def __init__(self, space):
            super().__init__(space)
            self.line = nn.Linear(2, 2)

    if updates is not None:
        Mine.updates = updates
    return Mine(Real((2,)))


def trained_by(loss) -> list[Update]:
    return [Update("mine", params=("",), loss=loss)]


def squares(model, batch, rng) -> torch.Tensor:
    return model.line(batch.x).square().sum(1)


UPDATES = {
    "none": (None, "declares no training", "define updates(self)"),
    "one": (lambda self: trained_by(squares)[0], "one Update", "must be a list of Update"),
    "nothing": (lambda self: None, "must be a list of Update"),
    "tensor": (lambda self: trained_by(squares), "returned a Tensor", "Terms({'loss': loss})"),
    "dict": (lambda self: trained_by(lambda *a: {"n": squares(*a)}), "returned a dict", "Terms(loss)"),
    "numbers": (lambda self: trained_by(lambda *a: Terms({"n": 0.5})), "term 'n'", "float", "a tensor"),
}


@pytest.mark.parametrize("name", UPDATES)
def test_wrong_updates_and_losses(name, tmp_path):
    updates, *words = UPDATES[name]
    fit = lambda: simulacra.fit(with_updates(updates), real(2), out=tmp_path / "run", **QUIET)
    sentence_of(fit, *words)


def test_a_constructor_that_does_not_call_its_base():
    class Layered(Model):
        def __init__(self, space):
            self.line = nn.Linear(2, 2)

    class Bare(Model):
        def __init__(self, space):
            self.space = space

    for kind in (Layered, Bare):
        sentence_of(lambda: kind(Real((2,))), kind.__name__, "super().__init__(space)")  # noqa: B023


def test_a_class_in_place_of_a_network():
    class MyNet(nn.Module):
        pass

    sentence_of(lambda: simulacra.VAE(Real((2,)), encoder=MyNet), "the class MyNet", "as in MyNet()")


def test_every_capability_is_a_public_name():
    found = {n: c for n, c in vars(general).items() if isinstance(c, type) and issubclass(c, Capability)}
    assert len(found) > 20
    assert all(getattr(simulacra, name) is kind for name, kind in found.items())
