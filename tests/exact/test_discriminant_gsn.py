"""The chain over the label of a row: its matrix, its stationary law, and a toy of three classes (D15)."""

from __future__ import annotations

import math

import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

import simulacra
from simulacra.core.batch import Batch
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Binary, Levels, Real
from simulacra.data.sources.tensors import from_tensors
from simulacra.models.chains import DiscriminantGSN
from simulacra.models.chains.discriminant_gsn import walked_back

FLOAT = {"dtype": torch.float64}
LAWS = torch.tensor([[0.7, 0.1, 0.2], [0.05, 0.6, 0.35]], **FLOAT)  # p(y | x) of the rows x = 0 and x = 1


class Steep(nn.Module):
    """An encoder whose units tell label and row, steeply enough for tanh to be 1."""

    def forward(self, codes, x):
        """Returns 30 at the pair of label and row, shape (B, 6)."""
        return 30.0 * torch.stack([codes * (1 - x), codes * x], 2).flatten(1)


class Table(nn.Module):
    """A decoder whose logits are a table: row 2 y~ + x holds those of P(y | x, y~)."""

    def __init__(self, logits: torch.Tensor):
        super().__init__()
        self.logits = nn.Parameter(logits)

    def forward(self, h, x):
        """Returns logits, shape (B, 3)."""
        return h @ self.logits


def tabular(logits: torch.Tensor, **options) -> DiscriminantGSN:
    """A chain over three labels of two rows, without noise, whose emission is a table."""
    model = DiscriminantGSN(Binary((1,)), Categorical((), 3), latent=6, noise=0.0, draws=1, **options)
    model.chain.encoder, model.chain.decoder = Steep(), Table(logits.clone())
    return model


def exact_emission(p: float) -> torch.Tensor:
    """log P(y | x, y~) by Bayes' rule, a row for each pair 2 y~ + x."""
    C = (1 - p) * torch.eye(3) + p / 3  # C(y~ | y), a row for each y
    joint = LAWS.unsqueeze(2) * C  # (x, y, y~)
    return (joint / joint.sum(1, keepdim=True)).permute(2, 0, 1).reshape(6, 3).log()


ROWS = torch.tensor([[0.0], [1.0]], **FLOAT)


@pytest.mark.system("D15")
@pytest.mark.parametrize("p", [0.05, 0.5, 1.0])
def test_with_the_exact_conditional_the_law_of_the_labels_is_stationary(float64, p):
    model = tabular(exact_emission(p), replaced=p)
    T = model.transition(ROWS)
    torch.testing.assert_close(T.sum(2), torch.ones(2, 3), rtol=0, atol=1e-12)
    torch.testing.assert_close(torch.einsum("xy,xyz->xz", LAWS, T), LAWS, rtol=0, atol=1e-12)
    torch.testing.assert_close(model.classify(ROWS), LAWS, rtol=0, atol=1e-12)


@pytest.mark.system("D15")
def test_what_it_answers_is_the_eigenvector_of_its_matrix(float64):
    """Networks with random weights and noise: the left eigenvector of eigenvalue 1, by linear algebra."""
    model = DiscriminantGSN(Real((2,)), Categorical((), 4), latent=5, hidden=(7,), replaced=0.02, seed=3)
    for parameter in model.parameters():
        parameter.data.mul_(3.0)
    x = 2 * torch.randn(5, 2, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        T, found = model.transition(x), model.label_logits(x).softmax(1)
    for row, law in zip(T, found):
        A = torch.cat([row.T - torch.eye(4), torch.ones(1, 4)])
        b = torch.cat([torch.zeros(4), torch.ones(1)]).unsqueeze(1)
        torch.testing.assert_close(torch.linalg.lstsq(A, b).solution.squeeze(1), law, rtol=0, atol=1e-9)


@pytest.mark.system("D15")
def test_steps_of_the_chain_follow_the_matrix(float64):
    """Frequencies of 4,000 steps from each label, within 4.5 standard errors; noise in h is averaged over."""
    n, options = 4000, {"latent": 5, "hidden": (7,), "replaced": 0.3, "draws": 3000}
    model = DiscriminantGSN(Real((2,)), Categorical((), 3), **options, noise=0.8, seed=1)
    for parameter in model.parameters():
        parameter.data.mul_(3.0)
    x = torch.tensor([[0.5, -1.0]])
    with torch.no_grad():
        T = model.transition(x)[0]
        y = torch.arange(3).repeat_interleave(n)
        after = model.step(y, x.expand(3 * n, -1), Rng(0, rows=range(3 * n))).long().reshape(3, n)
    for found, row in zip(after, T):
        share = torch.bincount(found, minlength=3) / n
        assert bool(((share - row).abs() < 4.5 * (row * (1 - row) / n).sqrt() + 0.01).all())


@pytest.mark.system("D15")
def test_the_loss_is_least_at_the_exact_conditional(float64):
    """Its expectation for k = 1 over labels and noise: a sum over y, and over y~ by the draws of (1)."""
    p = 0.6
    y = torch.arange(3).repeat_interleave(4).repeat(2)
    x = ROWS.repeat_interleave(12, 0)
    weight = LAWS.flatten().repeat_interleave(4) * torch.tensor([1 - p, p / 3, p / 3, p / 3]).repeat(6)
    uniform = {
        "replaced": torch.tensor([0.99, 0.0, 0.0, 0.0]).repeat(6).unsqueeze(1),
        "class": torch.tensor([0.5, 0.1, 0.5, 0.9]).repeat(6).unsqueeze(1),
    }

    def slope(logits: torch.Tensor) -> float:
        model = tabular(logits, replaced=p, walk=1)
        rng = Rng(0, rows=range(24), source=lambda key, *_: uniform.get(key[-1], torch.zeros(24, 1)))
        loss = (weight * walked_back(model, Batch.of(x, y), rng).loss["walk"]).sum()
        return float(torch.autograd.grad(loss, model.chain.decoder.logits)[0].abs().max())

    assert slope(exact_emission(p)) < 1e-12
    assert slope(torch.zeros(6, 3)) > 0.01


def three_classes(n: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Points of the plane in three arms of a spiral, which no line separates, and their classes."""
    g = torch.Generator().manual_seed(0)
    y, r = torch.arange(n) % 3, 0.3 + 2 * torch.rand(n, generator=g)
    t = 2 * math.pi * y / 3 + 1.6 * r + 0.25 * torch.randn(n, generator=g)
    return torch.stack([r * t.cos(), r * t.sin()], 1), y


@pytest.mark.system("D15")
def test_three_classes_of_the_plane_are_told_apart_better_than_by_logistic_regression():
    x, y = three_classes(900)
    labels = Categorical((), 3)
    data = from_tensors(x, Real((2,)), "arms", c=y, condition=labels, valid=0, test=1 / 3)
    model = DiscriminantGSN(data.space, labels, latent=16, hidden=(32,), lr=1e-2)
    run = simulacra.fit(model, data, epochs=15, batch_size=50, progress=False, doctor=False)
    lines = LogisticRegression().fit(data.train.x, data.train.c)
    right = lambda answers: float((torch.as_tensor(answers) == data.test.c).float().mean())
    assert right(run.model.predict(data.test.x)) > right(lines.predict(data.test.x)) + 0.05


@pytest.mark.parametrize("n", [2, 3, 50])
def test_an_answer_does_not_depend_on_the_batch(float64, n):
    model = DiscriminantGSN(Levels((1, 2, 3), 5), Categorical((), 3), latent=5, hidden=(4,))
    x = torch.randint(0, 5, (50, 1, 2, 3), generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(model.classify(x[:n]), model.classify(x)[:n], rtol=0, atol=1e-12)


@pytest.mark.fault("chain over labels")
def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match=r"a discriminant GSN models data with one label, but .* is None"):
        DiscriminantGSN(Real((2,)))
    with pytest.raises(ValueError, match=r"replaced is 0, but a label is replaced .*: use replaced=0.5"):
        DiscriminantGSN(Real((2,)), Categorical((), 3), replaced=0.0)
    with pytest.raises(ValueError, match="draws is 0, but it must be above 0"):
        DiscriminantGSN(Real((2,)), Categorical((), 3), draws=0)
