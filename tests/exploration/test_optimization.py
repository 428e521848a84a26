"""Gradient search in the code: a linear head in closed form, and a toy grammar with a computed property."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import simulacra
from simulacra import ChemicalVAE, Decodes, Model, PredictsFromCode, Real, Tokens
from simulacra.exploration import optimize

pytestmark = pytest.mark.system("E24")


class Linear(Model, Decodes, PredictsFromCode):
    """x = z, and two linear predictions.

    Args:
        space: space of one observation.
        condition: space of the two numbers.
    """

    def __init__(self, space, condition=None):
        super().__init__(space, condition)
        self.code_size = space.dims
        self.A = nn.Parameter(torch.tensor([[0.3, -0.2, 0.1], [0.5, 0.4, -0.7]]))

    def infer(self, x: Tensor, c=None) -> Tensor:
        """x itself, shape (B, 3)."""
        return x

    def emit(self, z: Tensor, c=None) -> Tensor:
        """z itself, shape (B, 3)."""
        return z

    def response_at(self, z: Tensor) -> Tensor:
        """A z, shape (B, 2)."""
        return z @ self.A.T

    def response(self, x: Tensor) -> Tensor:
        """A x, shape (B, 2)."""
        return self.response_at(x)


class Coded(Linear, simulacra.Encodes):
    """The same, which encodes."""


@pytest.mark.parametrize(("of", "minimize"), [(0, False), (1, True)])
def test_a_linear_number_has_its_maximum_at_a_over_w(float64, of, minimize):
    model, w = Coded(Real((3,)), Real((2,))).double(), 0.5
    best = optimize(model, of, n=4, minimize=minimize, prior=w, steps=500, lr=0.1)
    a = model.A[of].detach() * (-1 if minimize else 1)
    assert torch.allclose(best.codes, (a / w).expand(4, -1), atol=1e-4)
    assert torch.allclose(best.found, torch.full((4,), (1 - 2 * minimize) * float(a @ a) / w), atol=1e-4)
    assert torch.equal(best.x, best.codes) and torch.equal(best.kept, best.found)


def test_the_search_begins_at_given_rows_and_follows_a_function(float64):
    model = Coded(Real((3,)), Real((2,))).double()
    x = torch.tensor([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]])
    best = optimize(model, 0, x, steps=1, lr=1e-9)
    assert torch.allclose(best.start, x @ model.A[0].detach()) and torch.allclose(best.codes, x)
    far = optimize(model, lambda z: -(z - 2.0).square().sum(1), x, prior=0.0, steps=500, lr=0.1)
    assert torch.allclose(far.codes, torch.full_like(x, 2.0), atol=1e-4) and far.found.abs().max() < 1e-6


def toy(n: int = 500) -> simulacra.Dataset:
    """Texts of 9 letters C and O whose share of O is the row's own, at most 0.7, and the number of O."""
    g = torch.Generator().manual_seed(0)
    share = 0.1 + 0.6 * torch.rand(n, 1, generator=g)
    x = 1 + (torch.rand(n, 9, generator=g) < share).long()
    space = Tokens((9,), 3, ("<end>", "C", "O"), unit="smiles")
    return simulacra.from_tensors(x, space, c=1.0 * (x == 2).sum(1), condition=Real(()))


def test_optimized_texts_beat_the_best_of_random_ones():
    """The number of O, counted in the texts themselves."""
    data = toy()
    sizes = {"latent": 2, "hidden": 12, "width": 4, "property_hidden": (9,), "property_weight": 5.0}
    model = ChemicalVAE(data.space, data.condition, **sizes, word_dropout=0.5, kl_warmup=0.9, seed=1)
    run = simulacra.fit(model, data, epochs=20, lr=0.01, batch_size=50, progress=False, doctor=False)
    count = lambda x: (x == 2).sum(1)
    random = count(run.model.sample(25, seed=0))
    best = optimize(run.model, n=25, prior=0.05, steps=100)
    assert count(best.x).float().mean() > random.max()
    assert bool((best.found > best.start).all()) and best.kept.mean() > best.start.mean()
    assert set("".join(run.model.text(best.x))) <= set("CO")


def test_what_cannot_be_searched_is_refused():
    with pytest.raises(ValueError, match="does not predict from a code"):
        optimize(simulacra.PCA(Real((3,)), latent=2))
    model = Coded(Real((3,)), Real((2,)))
    for of, words in (
        (None, "several predicted numbers"),
        ("price", "there are condition 1"),
        (5, "number 5"),
    ):
        with pytest.raises(ValueError, match=words):
            optimize(model, of)
    with pytest.raises(ValueError, match="did you mean 'condition 1'"):
        optimize(model, "conditon 1")
    with pytest.raises(ValueError, match="steps is 0"):
        optimize(model, 0, steps=0)
