"""The error at a few labels: codes that hold the classes need fewer of them than the rows do."""

import json
from dataclasses import replace

import pytest
import torch

import simulacra
from simulacra.core.capabilities import general as can
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Real
from simulacra.core.storage.records import read_as
from simulacra.data.sources.tensors import from_tensors
from simulacra.evaluation.rows import chosen, subset
from simulacra.evaluation.samples.implicit import NotScored
from simulacra.evaluation.tasks.classification import classification
from simulacra.evaluation.tasks.few_labels import OWN, FewLabels, balanced, few_label_rows, few_labels

pytestmark = pytest.mark.system("I12")

D, NOISE = 40, 1.0
DIRECTION = torch.nn.functional.normalize(torch.randn(D, generator=torch.Generator().manual_seed(8)), dim=0)


class Codes(simulacra.Model, can.Encodes):
    """The one number in which the classes differ, or any other."""

    def __init__(self, space, condition=None, direction=DIRECTION):
        super().__init__(space, condition)
        self.direction = direction

    def infer(self, x, c=None):
        """Where x lies along the direction, (B, 1)."""
        return (x @ self.direction).unsqueeze(1)


class Features(simulacra.Model, can.HasFeatures):
    """The same as features."""

    def represent(self, x, c=None):
        """Where x lies along the direction and its square, (B, 2)."""
        return torch.stack([x @ DIRECTION, (x @ DIRECTION).square()], 1)


class Classifier(simulacra.Model, can.Classifies):
    """The best there is."""

    def label_logits(self, x):
        """log p(y | x) but for a constant."""
        at = 2 * (x @ DIRECTION)
        return torch.stack([-at, at], 1)


def two(n=2400, seed=0, **parts):
    """Two classes that differ along one direction of forty."""
    generator = torch.Generator().manual_seed(seed)
    y = (torch.rand(n, generator=generator) < 0.4).long()
    x = 2 * (2 * y - 1).unsqueeze(1) * DIRECTION + NOISE * torch.randn(n, D, generator=generator)
    return from_tensors(x, Real((D,)), "two", valid=0, test=0.5, labels=y, **parts)


BEST = 0.02275  # Phi(-2), of equal classes; about as much of these


@pytest.fixture(scope="module")
def data():
    return two()


def test_the_right_code_needs_few_labels(data):
    found = few_labels(Codes(data.space), data, labels=20, seeds=(1, 2, 3, 4))
    assert found.read == "codes of width 1" and (found.labels, found.rows) == (20, 1200)
    assert found.error.low < BEST < found.error.high and found.error.value < 0.05
    assert found.reference.value > 1.5 * BEST and found.difference.high < 0
    assert found.difference.value == pytest.approx(found.error.value - found.reference.value)


def test_a_code_without_the_classes_is_a_guess(data):
    other = torch.linalg.svd(DIRECTION.unsqueeze(0)).Vh[1]
    found = few_labels(Codes(data.space, direction=other), data, labels=50, seeds=(0, 1))
    assert found.error.low < 0.5 < found.error.high and found.difference.low > 0.2


def test_the_more_labels_the_better_the_rows_themselves(data):
    errors = [
        few_labels(Codes(data.space), data, labels=n, seeds=(0, 1)).reference.value for n in (6, 40, 400)
    ]
    assert errors[0] > errors[1] > errors[2]


def test_features_and_a_classifier_of_its_own(data):
    features = few_labels(Features(data.space), data, labels=20, seeds=(0, 1))
    assert features.read == "features of width 2" and features.error.value < 0.05
    own = few_labels(Classifier(data.space), data, labels=20, seeds=(3,), limit=900)
    rows = subset(data.test, 900)
    wrong = (rows.x @ DIRECTION > 0).long() != rows.labels
    assert own.read == OWN and own.error.value == pytest.approx(float(wrong.double().mean()))
    # one classifier: Wilson's interval over the rows
    assert own.error.low < own.error.value < own.error.high and own.difference.value < 0
    assert "with the labels that it was trained with" in few_label_rows(own)[0][1]


def test_the_interval_is_also_over_choices(data):
    one, five = (few_labels(Codes(data.space), data, labels=4, seeds=range(k)) for k in (1, 5))
    rows_alone = (five.reference.value * (1 - five.reference.value) / five.rows) ** 0.5
    assert five.reference.error > 1.3 * rows_alone
    assert one.reference.error == pytest.approx(
        (one.reference.value * (1 - one.reference.value) / one.rows) ** 0.5
    )


def hidden(labels, n):
    """The labels, of which the first n are unknown."""
    return torch.where(torch.arange(len(labels)) < n, -1, labels)


@pytest.mark.parametrize("kind", [Codes, Classifier])
def test_rows_without_a_known_label_do_not_count(data, kind):
    n = 317
    gaps = replace(data.test, labels=hidden(data.test.labels, n))
    there = chosen(gaps, 900)
    there = there[there >= n]
    known = replace(data, splits={**data.splits, "test": data.test.select(there)})
    some = replace(data, splits={**data.splits, "test": gaps})
    found = few_labels(kind(data.space), some, labels=20, seeds=(1, 2), limit=900)
    assert found == few_labels(kind(data.space), known, labels=20, seeds=(1, 2))
    assert found.rows == len(there) and found.error.value < 0.05


def test_wrong_labels_are_counted_where_labels_are_known(data):
    n, model = 211, Classifier(data.space)
    by_label = replace(data.test, labels=hidden(data.test.labels, n))
    there = torch.arange(len(data.test)) >= n
    rows = chosen(data.test, 1000)
    rows = rows[there[rows]]
    # an unknown condition has any value
    by_condition = replace(data.test, labels=None, c=data.test.labels.where(there, 0), c_known=there)
    whole = classification(model, replace(data, splits={"test": data.test.select(rows)}))
    for split in (by_label, by_condition):
        found = classification(model, replace(data, splits={"test": split}), limit=1000)
        assert found == whole and found.rows == len(rows) and found.share < 0.05
        assert classification(model, replace(data, splits={"test": split.select(torch.arange(n))})) is None


def test_choices_are_balanced_and_differ():
    y = torch.cat([torch.zeros(900), torch.ones(60), torch.full((5,), 2), torch.full((50,), -1)]).long()
    chosen = [balanced(y, 15, seed) for seed in (0, 1)]
    for rows in chosen:
        assert y[rows].bincount().tolist() == [5, 5, 5] and len(rows.unique()) == 15
    assert not torch.equal(*chosen) and torch.equal(chosen[0], balanced(y, 15, 0))
    assert y[balanced(y, 5, 0)].tolist() == [0, 1, 2]


def test_the_summary_says_what_decides_it(data):
    found = few_labels(Codes(data.space), data, labels=11, seeds=(5, 6), limit=300)
    summary = json.loads(json.dumps(found.json()))
    assert (summary["labels"], summary["seeds"], summary["split"], summary["rows"]) == (
        10,
        [5, 6],
        "test",
        300,
    )
    assert summary["classifier"].startswith("logistic regression")
    words = few_label_rows(read_as(FewLabels, summary))
    assert words[0][0] == "error at 10 labels" and f"{found.error.value:.1%} (" in words[0][1]
    assert f"the rows themselves, from 10 labels, {found.reference.value:.1%} (" in words[0][1]
    assert "over 2 choices" in words[1][1]


def test_what_cannot_be_measured_is_said_in_one_sentence(data):
    with pytest.raises(NotScored, match="class 1 has "):
        few_labels(Codes(data.space), data, labels=1200)
    with pytest.raises(NotScored, match="labels is 1, of which each class gets 0, but there are 2 classes"):
        few_labels(Codes(data.space), data, labels=1)
    bare = from_tensors(data.train.x, data.space, "bare")
    with pytest.raises(NotScored, match="needs rows with labels, but bare train has none"):
        few_labels(Codes(data.space), bare)
    with pytest.raises(NotScored, match="MADE neither encodes, has features nor classifies"):
        few_labels(simulacra.MADE(data.space, hidden=(5,)), data, labels=10)
    classes = Categorical((), 2)
    given = from_tensors(data.train.x, data.space, c=data.train.labels, condition=classes)
    model = simulacra.VAE(data.space, condition=classes, latent=2, hidden=(5,))
    with pytest.raises(NotScored, match="VAE is given the condition with x"):
        few_labels(model, given, labels=10)
    none = replace(
        data,
        splits={
            **data.splits,
            "test": replace(data.test, labels=hidden(data.test.labels, len(data.test) - 1)),
        },
    )
    with pytest.raises(NotScored, match="none of 9 rows of two test has a label"):
        few_labels(Codes(data.space), none, labels=10, limit=9)
    one = from_tensors(data.train.x, data.space, "one", labels=torch.zeros(1200, dtype=torch.long))
    with pytest.raises(NotScored, match="at least two classes, but the training rows have 1"):
        few_labels(Codes(data.space), one)
