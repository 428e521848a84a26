"""Rows that stand for a split are chosen at random: the first rows of a sorted file are no sample of it."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import simulacra
from simulacra.core.capabilities import general as can
from simulacra.core.model import Model
from simulacra.core.spaces.plain import Binary, Real
from simulacra.core.storage.files import read_json, write_json
from simulacra.data.splits.options import FirstRows
from simulacra.evaluation.compare.remedies import _split
from simulacra.evaluation.likelihood.held_out import likelihood
from simulacra.evaluation.rows import blocks, subset
from simulacra.evaluation.tasks.classification import labels_of
from simulacra.exploration.latent.embedding import embed
from simulacra.training.callbacks.validation import validation_score


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
    data = simulacra.from_tensors((torch.rand(6000, 20, generator=g) < shares).byte(), Binary((20,)))
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
        simulacra.core.scores.estimate.compare_estimates(part, other)
    assert likelihood(model, ordered, limit=600).protocol == whole.protocol


@pytest.mark.fault("scores 2.2")
def test_rows_of_a_sorted_file_are_of_all_classes():
    y = torch.arange(2).repeat_interleave(300)
    x = torch.randn(600, 3, generator=torch.Generator().manual_seed(1)) + 9 * y.unsqueeze(1)
    data = simulacra.from_tensors(x, Real((3,)), labels=y, valid=0, test=0)
    assert 20 < int(labels_of(subset(data.train, 100)).sum()) < 80
    assert [len(subset(data.train, n)) for n in (1, 599, 600)] == [1, 599, 600]
    block = next(blocks(simulacra.PPCA(data.space, latent=1), data.train, limit=100))
    assert len(block.y) == 100 and float(block.y.std()) > 0.5


@pytest.fixture
def sorted_file(tmp_path):
    """Official parts of an array file, each sorted by class: 900 rows near 0, then 900 near 9."""
    y = np.arange(2).repeat(900)
    x = np.random.default_rng(0).normal(9 * y[:, None], 1, (1800, 2)).astype("f4")
    np.savez(tmp_path / "sorted.npz", x_train=x, x_test=x[::2] + 0.01)
    return tmp_path / "sorted.npz"


@pytest.mark.fault("scores 2.2")
def test_a_limit_of_a_file_keeps_rows_of_all_classes(sorted_file):
    data = simulacra.load_data(sorted_file, limit=60, validation=0)
    for name in ("train", "test"):
        assert 10 < int((data[name].x[:, 0] > 4.5).sum()) < 50 and len(data[name]) == 60
    again = simulacra.load_data(sorted_file, limit=60, validation=0)
    assert torch.equal(again.train.x, data.train.x)
    other = simulacra.load_data(sorted_file, limit=60, validation=0, seed=1)
    assert not torch.equal(other.train.x, data.train.x)


@pytest.mark.fault("scores 2.2")
def test_a_run_of_a_limit_opens_with_its_rows_those_of_earlier_versions_too(sorted_file, tmp_path):
    data = simulacra.load_data(sorted_file, limit=60, validation=0)
    run = simulacra.fit(simulacra.PPCA(data.space, latent=1), data, out=tmp_path / "run")
    assert torch.equal(simulacra.load_run(run.path).data.train.x, data.train.x)
    # as a run of the first rows recorded them
    first = simulacra.load_data(sorted_file, limit=FirstRows(60), validation=0)
    assert float(first.train.x.max()) < 4.5
    config = read_json(run.path / "config.json")
    config["data"] |= {"digest": first.train.digest()}
    write_json(run.path / "config.json", config)
    assert torch.equal(simulacra.load_run(run.path).data.train.x, first.train.x)


@pytest.mark.fault("scores 2.2")
def test_validation_and_codes_of_a_sorted_split_stand_for_all(ordered):
    few = validation_score(Coins(ordered.space), ordered.test, seed=0, limit=300)
    values = likelihood(Coins(ordered.space), ordered).values
    assert abs(few - float(values.mean())) < 4 * float(values.std()) / 300**0.5
    y = torch.arange(2).repeat_interleave(300)
    data = simulacra.from_tensors(torch.randn(600, 3), Real((3,)), labels=y, valid=0, test=0)
    found = embed(simulacra.PPCA(data.space, latent=1), data.train, limit=100)
    assert 20 < int(found.labels.sum()) < 80


FIRST = re.compile(r"\.(rows|select|batch)\(torch\.arange\((min\(|limit|[A-Z_]+\))")


def test_no_module_takes_first_rows_for_a_sample():
    source = Path(simulacra.__file__).parent
    found = [
        f"{path.relative_to(source)}:{i}"
        for path in sorted(source.rglob("*.py"))
        for i, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if FIRST.search(line)
    ]
    assert not found, f"use core.random.some_of: {found}"


def test_a_smaller_subset_is_part_of_a_larger_one_in_order():
    data = simulacra.from_tensors(torch.arange(50.0).unsqueeze(1), Real((1,)), valid=0, test=0)
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
