"""Draws from the k likeliest values of each entry, of models and at their limits."""

from __future__ import annotations

import pytest
import torch

import simulacra
from simulacra.core.capabilities.ancestral import Adjusted
from simulacra.core.distributions.elementary import Bernoulli, Categorical, Gaussian
from simulacra.core.distributions.tabular import Poisson
from simulacra.core.distributions.tempered import likeliest
from simulacra.core.errors.calls import WrongCall


def test_what_is_as_likely_as_the_last_is_kept():
    p = likeliest(Categorical(torch.tensor([[2.0, 1.0, 1.0, 0.0]]), 0), 2)
    assert p.logits.isfinite().tolist() == [[True, True, True, False]]
    assert likeliest(Bernoulli(torch.zeros(1), 0), 1).mean.item() == 0.5


@pytest.mark.parametrize("p", [Gaussian(torch.zeros(2), torch.zeros(2), 0), Poisson(torch.zeros(2), 0)])
def test_entries_of_endless_values_have_no_likeliest_few(p):
    with pytest.raises(ValueError, match=r"^top_k is 2, but .* leave top_k out, or give 0\.$"):
        likeliest(p, 2)


@torch.no_grad()
def test_a_model_draws_from_the_likeliest_alone(float64):
    space = simulacra.Tokens((3,), 5, ("<end>", *"abcd"))
    model = simulacra.Transformer(space, layers=1, heads=2, width=4)
    for i, p in enumerate(model.parameters()):
        p.normal_(0, 1, generator=torch.Generator().manual_seed(i))
    plain, x = model.sample(400, seed=1), model.sample(400, seed=1, top_k=2)
    logits = model.parameters_of(x)
    rank = (logits.gather(1, x.long().unsqueeze(1)) < logits).sum(1)
    assert rank[space.counted(x)].max() == 1 < (plain.unique(dim=0).shape[0] - x.unique(dim=0).shape[0])
    # one value: a draw without noise, whatever the temperature
    first = model.sample(5, seed=1, top_k=1)
    assert len(first.unique(dim=0)) == 1 and first.equal(model.sample(5, seed=9, top_k=1, temperature=3.0))
    assert model.sample(9, seed=1, top_k=0).equal(plain[:9]) and model.sampling == Adjusted(1.0, 0)


def test_what_is_no_number_of_values_is_said():
    model = simulacra.Transformer(simulacra.Binary((3,)), layers=1, heads=1, width=2)
    with pytest.raises(ValueError, match=r"^top_k is -1, but it is a number of values"):
        model.sample(2, top_k=-1)
    with pytest.raises(WrongCall, match="top_k"):
        model.sample(2, top_k=0.5)
