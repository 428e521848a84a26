"""K classes and "generated" as one more: its identities, the labelled rows, and what unlabelled ones add."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

import simulacra
from simulacra.api import fit
from simulacra.core.batch import Batch
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Real
from simulacra.data.dataset import Dataset
from simulacra.data.sources.tensors import from_tensors

TWO = Categorical((), 2)
SIZES = {"labels": 6, "latent": 5, "hidden": (40, 40), "generator_hidden": (40,), "labelled_batch": 6}


def semi(classes: int = 3, seed: int = 1, **options) -> simulacra.SemiSupervisedGAN:
    """A small one on the plane."""
    torch.manual_seed(seed)
    made = {**SIZES, "hidden": (9, 7), "generator_hidden": (8,), **options}
    return simulacra.SemiSupervisedGAN(Real((2,)), Categorical((), classes), **made)


def labelled_rows(model, data: Dataset) -> tuple[torch.Tensor, torch.Tensor]:
    """The rows whose labels the model uses, in its space."""
    (stream,) = model.stage(0, []).streams(data.train).values()
    batch = stream.source.batch(torch.arange(len(stream.source)), Rng(0, rows=range(len(stream.source))))
    return batch.x, batch.c


@pytest.mark.system("G13")
def test_the_score_is_that_of_a_softmax_with_one_more_class(float64):
    model, x = semi(classes=4).eval(), 3 * torch.randn(50, 2)
    verdict = model.judge(x)
    logits = model.label_logits(x)
    torch.testing.assert_close(verdict.labels, logits)
    whole = torch.cat([logits, torch.zeros(50, 1)], 1).softmax(1)  # K + 1 classes, the last one's logit is 0
    fake, Z = whole[:, -1], logits.exp().sum(1)
    torch.testing.assert_close(verdict.score.sigmoid(), 1 - fake)
    torch.testing.assert_close(verdict.score.sigmoid(), Z / (Z + 1))
    lse = logits.logsumexp(1)
    torch.testing.assert_close((1 - fake).log(), lse - F.softplus(lse))
    torch.testing.assert_close(fake.log(), -F.softplus(lse))
    given_real = whole[:, :-1] / (1 - fake).unsqueeze(1)
    torch.testing.assert_close(model.classify(x), given_real)


@pytest.mark.system("G13")
def test_losses_are_those_of_the_paper(float64):
    model, x = semi().eval(), torch.randn(9, 2)  # evaluation: without the noise on the layers
    few = Batch.of(torch.randn(6, 2), torch.arange(6) % 3)
    batch, rng = Batch.of(x, extra={"labelled": few}), Rng(3, rows=range(9))
    D, G = (update.loss(model, batch, rng).loss for update in model.updates())
    fake = model.generate(model.prior(rng))
    extended = lambda h: torch.cat([model.label_logits(h), torch.zeros(len(h), 1)], 1).softmax(1)
    torch.testing.assert_close(D["real"], -(1 - extended(x)[:, -1]).log())
    torch.testing.assert_close(D["fake"], -extended(fake)[:, -1].log())
    p = extended(few.x)
    chosen = p[torch.arange(6), few.c] / (1 - p[:, -1])  # p(y | x, y < K + 1)
    torch.testing.assert_close(D["labelled"], -chosen.log())
    matched = (model.judge(x).features.mean(0) - model.judge(fake).features.mean(0)).square().sum()
    assert sum(G.values()).mean().item() == pytest.approx(matched.item(), rel=1e-9)
    z = model.prior(Rng(3, rows=range(2000)))
    assert z.abs().max() <= 1 and z.var().item() == pytest.approx(1 / 3, abs=0.02)


@pytest.mark.system("G13")
def test_noise_on_the_layers_is_there_in_training_only(float64):
    model, x = semi(layer_noise=0.5, input_noise=0.3), torch.randn(9, 2)
    first, second = (model.train().judge(x).score for _ in range(2))
    assert (first - second).abs().min() > 1e-6
    torch.testing.assert_close(model.eval().judge(x).score, model.eval().judge(x).score)
    quiet = semi(layer_noise=0.0, input_noise=0.0).train()
    torch.testing.assert_close(quiet.judge(x).score, quiet.judge(x).score)


@pytest.mark.system("G13")
@pytest.mark.parametrize("labels", [3, 9, 30])
def test_labelled_rows_are_as_many_of_each_class(labels):
    c = torch.tensor([0] * 150 + [1] * 40 + [2] * 17)
    x = torch.stack([torch.arange(207.0), 10.0 * c], 1)  # a row knows its number and its class
    data = from_tensors(x, Real((2,)), c=c, condition=Categorical((), 3), valid=0.0, test=0.0)
    found, classes = labelled_rows(semi(labels=labels), data)
    assert torch.bincount(classes.long(), minlength=3).tolist() == [labels // 3] * 3
    assert found[:, 0].unique().numel() == labels
    again, _ = labelled_rows(semi(labels=labels, seed=9), data)
    torch.testing.assert_close(found, again)  # the same rows, whatever the model's seed


@pytest.mark.system("G13")
def test_fewer_labels_than_classes_or_none_are_refused():
    with pytest.raises(ValueError, match=r"labels is 2.*3 classes.*\.$"):
        semi(labels=2)
    with pytest.raises(ValueError, match=r"label.*\.$"):
        simulacra.SemiSupervisedGAN(Real((2,)), Real((2,)))


def right(model, x: torch.Tensor, c: torch.Tensor) -> float:
    """The share of rows whose class is found."""
    return (model.eval().classify(x).argmax(1) == c).double().mean().item()


def supervised(model, x: torch.Tensor, c: torch.Tensor) -> None:
    """The same network on the labelled rows alone."""
    mover = torch.optim.Adam(model.D.parameters(), 3e-3)
    for _ in range(200):
        mover.zero_grad()
        F.cross_entropy(model.train().label_logits(x), c.long()).backward()
        mover.step()


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.system("G13")
def test_unlabelled_moons_help_where_six_labels_do_not_suffice(tmp_path):
    from sklearn.datasets import make_moons

    x, c = make_moons(700, noise=0.08, random_state=4)
    x, c = torch.tensor(x, dtype=torch.float32), torch.tensor(c)
    data = from_tensors(x[:500], Real((2,)), c=c[:500], condition=TWO, valid=0.0, test=0.0)
    found = {"with": [], "without": []}
    options = {**SIZES, "layer_noise": 0.3, "input_noise": 0.02, "lr": 1e-2}
    for seed in range(3):
        model, alone = (semi(2, seed, **options) for _ in range(2))
        fit(model, data, out=tmp_path / str(seed), epochs=120, batch_size=100, progress=False, seed=seed)
        supervised(alone, *labelled_rows(alone, data))
        assert right(alone, *labelled_rows(alone, data)) == 1  # the labels it has, it knows
        found["with"].append(right(model, x[500:], c[500:]))
        found["without"].append(right(alone, x[500:], c[500:]))
    mean = {name: sum(values) / 3 for name, values in found.items()}
    assert mean["with"] > mean["without"] + 0.05 and mean["with"] > 0.95
