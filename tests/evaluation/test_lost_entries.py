"""The doctor on vectors of which few entries or few pairs are lost: what it says is what it measured."""

import pytest
import torch

import simulacra
from simulacra.core.capabilities import general as can
from simulacra.evaluation.doctor.diagnose import findings

pytestmark = pytest.mark.fault("doors 2.hour")
WIDTH, MANY = 43, 2000


class Given(simulacra.Model, can.Samples):
    """Draws the rows that it is given."""

    def __init__(self, space, x):
        super().__init__(space)
        self.x = x

    def draw(self, rng, c=None):
        return self.x[list(rng.rows)].float()


def bits(seed):
    """Fair bits; entry 0 is never on, entry 2 equals entry 1."""
    x = (torch.rand(MANY, WIDTH, generator=torch.Generator().manual_seed(seed)) < 0.5).float()
    x[:, 0], x[:, 2] = 0, x[:, 1]
    return x


def said(change):
    data = simulacra.from_tensors(bits(0), simulacra.Binary((WIDTH,)), "bits", valid=0, test=0.2)
    drawn = bits(1)
    change(drawn)
    return {f.name: f for f in findings(Given(data.space, drawn), data) if f.name.startswith("lost")}


def test_an_entry_that_is_constant_in_the_data_only_is_named():
    found = said(lambda x: x[::2, 0].fill_(1))["lost columns"]
    assert found.severity == "warning"
    assert (
        f"of {WIDTH} columns 1 is off: " in found.measured
        and "(constant in the data) 50% kept" in found.measured
    )


def test_few_entries_that_are_off_are_not_said_to_be_kept():
    found = said(lambda x: x[:, 5].fill_(1))["lost columns"]
    assert found.severity == "ok" and f"of {WIDTH} columns 1 is off: " in found.measured
    assert "worse in fewer than 5%" in found.normal and "all" not in found.measured


def test_a_healthy_entry_is_kept():
    found = said(lambda x: None)
    assert f"all {WIDTH} columns are kept" in found["lost columns"].measured
    assert "none lost more than half" in found["lost dependences"].measured
    assert {f.severity for f in found.values()} == {"ok"}


def strongly(x):
    """Entries 11 to 40 follow entry 10, so that one lost pair is one of many."""
    x[:, 11:41] = torch.where(
        torch.rand(len(x), 30, generator=torch.Generator().manual_seed(2)) < 0.8, x[:, 10:11], x[:, 11:41]
    )


def test_few_dependences_that_are_lost_are_not_said_to_be_kept():
    train, drawn = bits(0), bits(1)
    strongly(train)
    strongly(drawn)
    drawn[:, 2] = drawn[:, 2].roll(1)
    data = simulacra.from_tensors(train, simulacra.Binary((WIDTH,)), "bits", valid=0, test=0.2)
    found = {f.name: f for f in findings(Given(data.space, drawn), data)}["lost dependences"]
    assert found.severity == "ok" and "none lost" not in found.measured
    assert "1 is lost: " in found.measured and "nearly all" in found.meaning
