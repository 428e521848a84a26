"""Train on samples, test on real rows: the truth reaches the reference, and each fault falls short of it."""

import json

import pytest
import torch

import simulacra
from simulacra.core.capabilities import general as can
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Binary, Real
from simulacra.core.storage.records import read_as
from simulacra.data.sources.tensors import from_tensors
from simulacra.evaluation.samples.implicit import NotScored
from simulacra.evaluation.tasks.downstream import Downstream, downstream_rows, train_on_samples

pytestmark = pytest.mark.system("I12")

CENTRES = torch.tensor([[-2.0, 0.0, 0.5], [2.0, 0.0, 0.5], [0.0, 2.5, 0.5]])
CLASSES = Categorical((), 3)


class Blobs(simulacra.Model, can.Samples, can.TakesCondition):
    """N(m_c, s^2 I): the truth of `blobs`, or near to it.

    Args:
        turned: what is done to labels before a sample is drawn for them.
        scale: s.
    """

    def __init__(self, space, condition=None, turned=None, scale=1.0):
        super().__init__(space, condition)
        self.turned, self.scale = turned or (lambda c: c), scale

    def draw(self, rng, c=None):
        """One point for each label."""
        return CENTRES[self.turned(c)] + self.scale * rng.normal("x", 3)


def blobs(n=3000, seed=0, **parts):
    """Rows of three classes whose Gaussians overlap."""
    generator = torch.Generator().manual_seed(seed)
    c = torch.randint(0, 3, (n,), generator=generator)
    x = CENTRES[c] + torch.randn(n, 3, generator=generator)
    return from_tensors(x, Real((3,)), "blobs", c=c, condition=CLASSES, valid=0, test=0.4, seed=seed, **parts)


@pytest.fixture(scope="module")
def data():
    return blobs()


def optimal(split):
    """Share of rows that the nearest centre gets right: no classifier does better."""
    return float((torch.cdist(split.x, CENTRES).argmin(1) == split.c).double().mean())


def test_the_truth_reaches_the_reference(data):
    found = train_on_samples(Blobs(data.space, CLASSES), data, n=1500, seed=3)
    assert (found.samples, found.rows, found.split, found.seed) == (1500, 1200, "test", 3)
    assert found.difference.low < 0 < found.difference.high
    assert found.difference.value == pytest.approx(found.accuracy.value - found.reference.value)
    assert found.accuracy.low < optimal(data.test) < found.accuracy.high
    assert found.chance == pytest.approx(1 / 3, abs=0.04)
    # the same rows decide both, so that the difference is surer than two shares are
    assert found.difference.error < 0.7 * (found.accuracy.error**2 + found.reference.error**2) ** 0.5


def test_labels_that_say_nothing_fall_to_chance(data):
    drawn = torch.Generator().manual_seed(5)
    model = Blobs(data.space, CLASSES, turned=lambda c: c[torch.randperm(len(c), generator=drawn)])
    found = train_on_samples(model, data, n=1500)
    # what is learned of shuffled labels is noise: far below the reference and no better than a guess
    assert abs(found.accuracy.value - 1 / 3) < 0.15 and found.difference.high < -0.3
    assert found.reference.low < optimal(data.test) < found.reference.high


def test_swapped_classes_are_wrong_and_one_missing_class_costs_its_rows(data):
    swapped = train_on_samples(Blobs(data.space, CLASSES, lambda c: (c + 1) % 3), data, n=900)
    assert swapped.accuracy.high < 0.15
    # samples for class 2 look like those for class 0: half of the rows of 0 may go too
    lost = train_on_samples(Blobs(data.space, CLASSES, lambda c: torch.where(c == 2, 0, c)), data, n=900)
    assert lost.accuracy.value < 0.7 and lost.difference.high < -0.15


def test_it_is_reproducible_and_says_what_decides_it(data):
    model = Blobs(data.space, CLASSES)
    first, second = (train_on_samples(model, data, n=300, seed=2, limit=500) for _ in range(2))
    assert first == second and first.rows == 500
    summary = json.loads(json.dumps(first.json()))
    assert summary["classifier"] == "network 3 - 64 - 3 classes, at most 600 steps, recipe 1"
    assert (summary["samples"], summary["seed"], summary["split"]) == (300, 2, "test")
    names = dict(downstream_rows(read_as(Downstream, summary)))
    said = names["trained on samples, tested on real rows"]
    assert f"{first.accuracy.value:.1%} (" in said and "of 500 rows of test right, from 300 samples" in said
    assert f"{first.reference.value:.1%} (" in said
    assert names["lost by training on samples"].startswith(f"{-first.difference.value:.1%} (")


def test_rows_without_a_label_are_neither_learned_from_nor_judged():
    known = torch.rand(3000, generator=torch.Generator().manual_seed(1)) < 0.5
    data = blobs(c_known=known)
    split = data.test
    found = train_on_samples(Blobs(data.space, CLASSES), data, n=9999)
    assert found.samples == int(data.train.c_known.sum())
    assert found.rows == int(split.c_known.sum())


def test_images_have_a_network_of_their_own():
    generator = torch.Generator().manual_seed(4)
    c = torch.arange(500) % 2
    # class 1 is brighter
    x = (torch.rand(500, 1, 5, 7, generator=generator) < 0.3 + 0.4 * c.view(-1, 1, 1, 1)).float()
    classes = Categorical((), 2)
    data = from_tensors(x, Binary((1, 5, 7)), "noise", c=c, condition=classes, test=0.3)
    model = simulacra.VAE(data.space, condition=classes, latent=2, hidden=(7,))
    found = train_on_samples(model, data, n=300)
    assert found.reference.value > 0.95 and "1x5x7" in found.classifier


def test_what_cannot_be_measured_is_said_in_one_sentence(data):
    with pytest.raises(NotScored, match="PPCA draws samples without a label"):
        train_on_samples(simulacra.PPCA(data.space, latent=1), data)
    with pytest.raises(NotScored, match="PCA does not sample"):
        train_on_samples(simulacra.PCA(data.space, latent=1), data)
    with pytest.raises(NotScored, match="at least 100 labelled rows of test, but 20 of blobs were taken"):
        train_on_samples(Blobs(data.space, CLASSES), data, limit=20)
    target = Real((2,))
    regression = from_tensors(data.train.x, Real((3,)), "motion", c=data.train.x[:, :2], condition=target)
    with pytest.raises(NotScored, match="a classifier needs one label a row, but motion is given"):
        train_on_samples(Blobs(data.space, target), regression)
