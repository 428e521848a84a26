"""Rows that stand for a split are chosen at random: the first rows of a sorted file are no sample of it."""

from dataclasses import replace

import pytest
import torch

import simulacra
from simulacra.core import capabilities as can
from simulacra.core.model import Model
from simulacra.core.space import Binary, Real
from simulacra.evaluation.classification import labels_of
from simulacra.evaluation.likelihood import likelihood
from simulacra.evaluation.mends import _split
from simulacra.evaluation.rows import blocks, subset


class Coins(Model, can.HasDensity):
    """Independent entries, each 1 in a quarter of the rows."""

    def log_density(self, x, c=None):
        """Sum over entries."""
        p = torch.tensor(0.25, dtype=torch.float64)
        return (x.flatten(1) * p.log() + (1 - x.flatten(1).double()) * (1 - p).log()).sum(1)


@pytest.fixture(scope="module")
def ordered():
    """A file whose first half is easy for the model, split by chance but kept in order."""
    g = torch.Generator().manual_seed(0)
    shares = torch.tensor([[0.02]] * 3000 + [[0.5]] * 3000)
    data = simulacra.in_memory((torch.rand(6000, 20, generator=g) < shares).byte(), Binary((20,)))
    rows = lambda split: split.select(split.x.float().mean(1).argsort(stable=True))
    return replace(data, splits={name: rows(split) for name, split in data.splits.items()})


@pytest.mark.fault("scores 2.2")
def test_a_sorted_file_is_no_overfitting(ordered):
    report = simulacra.evaluate(Coins(ordered.space), ordered)
    (found,) = (f for f in report.findings if f.name == "overfitting")
    assert found.severity == "ok"
    # of 2,000 training rows, which stand for all
    whole = likelihood(Coins(ordered.space), ordered, "train").mean
    assert abs(report.estimates["training rows"].mean - whole) < 4 * report.estimates["training rows"].error


@pytest.mark.fault("scores 2.2")
def test_a_limit_takes_rows_that_stand_for_all_and_says_which(ordered):
    model = Coins(ordered.space)
    whole, part = likelihood(model, ordered), likelihood(model, ordered, limit=200)
    assert abs(part.mean - whole.mean) < 4 * part.error
    assert part.protocol.split == "test[200 of 600, seed 0]"
    other = likelihood(model, ordered, limit=200, seed=1)
    assert other.protocol.split == "test[200 of 600, seed 1]" and other.protocol != part.protocol
    with pytest.raises(ValueError, match="cannot be compared"):
        simulacra.core.estimate.compare_estimates(part, other)
    assert likelihood(model, ordered, limit=600).protocol == whole.protocol


@pytest.mark.fault("scores 2.2")
def test_rows_of_a_sorted_file_are_of_all_classes():
    y = torch.arange(2).repeat_interleave(300)
    x = torch.randn(600, 3, generator=torch.Generator().manual_seed(1)) + 9 * y.unsqueeze(1)
    data = simulacra.in_memory(x, Real((3,)), labels=y, valid=0, test=0)
    assert 20 < int(labels_of(subset(data.train, 100)).sum()) < 80
    assert [len(subset(data.train, n)) for n in (1, 599, 600)] == [1, 599, 600]
    block = next(blocks(simulacra.PPCA(data.space, latent=1), data.train, limit=100))
    assert len(block.x) == 100 and float(block.x.std()) > 0.5


def test_a_smaller_subset_is_part_of_a_larger_one_in_order():
    data = simulacra.in_memory(torch.arange(50.0).unsqueeze(1), Real((1,)), valid=0, test=0)
    few, many = (subset(data.train, n, seed=3).x[:, 0].tolist() for n in (9, 20))
    assert set(few) < set(many) and many == sorted(many)
    assert subset(data.train, 20, seed=4).x[:, 0].tolist() != many


def test_a_split_in_a_report_is_scored_again_by_its_options():
    found = {told: _split(told) for told in ("test", "test[:100]", "valid[1,200 of 3,000, seed 4]")}
    assert list(found.values()) == [
        " --split test",
        " --split test --limit 100",
        " --split valid --limit 1200 --seed 4",
    ]
