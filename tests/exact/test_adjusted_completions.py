"""Completions with options of drawing: known entries stay, the others are drawn at T from the likeliest."""

from __future__ import annotations

import itertools

import pytest
import scipy.stats
import torch

import simulacra
from simulacra.core.capabilities.ancestral import Adjusted, adjusted
from simulacra.core.distributions.elementary import Categorical
from simulacra.core.distributions.tempered import tempered
from simulacra.core.distributions.texts import Texts
from simulacra.core.errors.calls import WrongCall

T, K = 3, 4
SPACE = simulacra.Tokens((T,), K, ("<end>", *"abc"))
MODELS = {
    "NADE": {"hidden": 3},
    "MADE": {"hidden": (5,)},
    "FVBN": {},
    "WaveNet": {"blocks": 1, "layers": 2, "channels": 3, "skip_channels": 4},
    "Transformer": {"layers": 1, "heads": 2, "width": 4},
}


def model_of(name: str, space: simulacra.Space = SPACE, **options) -> simulacra.Model:
    model = getattr(simulacra, name)(space, **(options or MODELS[name]))
    for i, p in enumerate(model.parameters()):
        torch.nn.init.normal_(p, std=0.9, generator=torch.Generator().manual_seed(i))
    return model


def every_text() -> torch.Tensor:
    """All texts of up to T tokens, padded with the end."""
    texts = [text for n in range(T + 1) for text in itertools.product(range(1, K), repeat=n)]
    return torch.tensor([[*text, *[0] * (T - len(text))] for text in texts])


def law(model: simulacra.Model, x: torch.Tensor, free: torch.Tensor, how: Adjusted) -> torch.Tensor:
    """The product over free entries of conditionals, each at T, cut to its likeliest and normalized."""
    logits = model.parameters_of(x) / how.temperature
    if how.top_k:
        least = logits.sort(1, descending=True).values[:, how.top_k - 1 : how.top_k]
        logits = logits.masked_fill(logits < least, -torch.inf)
    entries = logits.log_softmax(1).gather(1, x.unsqueeze(1)).squeeze(1)
    return torch.where(free & SPACE.counted(x), entries, 0.0).sum(1).exp()


@pytest.mark.parametrize("how", [Adjusted(0.5), Adjusted(1.0, 2), Adjusted(2.0, 3)], ids=str)
@pytest.mark.parametrize("name", MODELS)
@torch.no_grad()
def test_a_continuation_has_the_law_of_the_adjusted_conditionals(name, how, float64):
    model, n = model_of(name), 4000
    x = every_text()
    x = x[x[:, 0] == 2]
    p = law(model, x, torch.tensor([False, True, True]), how)
    assert p.sum().item() == pytest.approx(1, abs=1e-12)
    drawn = model.complete(["b"] * n, seed=3, temperature=how.temperature, top_k=how.top_k)
    counts = torch.stack([(drawn == row).all(1).sum() for row in x])
    assert counts.sum() == n and not counts[p == 0].any()
    seen = p > 0
    found = scipy.stats.chisquare(counts[seen].numpy(), (n * p[seen]).numpy())
    assert found.pvalue > 1e-4


@torch.no_grad()
def test_a_gap_is_filled_at_the_temperature(float64):
    """By importance resampling of 32 candidates: near to the law of the tempered model, not on it."""
    model, n, how = model_of("NADE"), 900, Adjusted(0.4)
    x = every_text()
    p = torch.where((x[:, 0] == 2) & (x[:, 2] == 3), law(model, x, torch.ones(T).bool(), how), 0.0)
    drawn = model.complete([[2, 0, 3]] * n, known=[True, False, True], seed=0, temperature=0.4)
    shares = torch.stack([(drawn == row).all(1).double().mean() for row in x])
    assert (shares - p / p.sum()).abs().max() < 0.07
    plain = torch.where((x[:, 0] == 2) & (x[:, 2] == 3), law(model, x, torch.ones(T).bool(), Adjusted()), 0.0)
    assert (shares - plain / plain.sum()).abs().max() > 0.1


@torch.no_grad()
def test_what_is_known_may_be_none_of_the_likeliest(float64):
    model = model_of("MADE")
    for last in (1, 3):
        drawn = model.complete([[2, 0, last]] * 3, known=[True, False, True], seed=0, top_k=1)
        assert bool((drawn[:, 0] == 2).all()) and bool((drawn[:, 2] == last).all())
        # one likeliest token that is not the end
        assert len(drawn.unique(dim=0)) == 1 and bool((drawn[:, 1] != 0).all())


@pytest.mark.parametrize("name", ["EoNADE", "NADEK"])
@torch.no_grad()
def test_orderless_models_complete_with_options(name):
    model = model_of(name, simulacra.Binary((5,)), hidden=(4,))
    x, known = torch.tensor([[1.0, 0, 1, 0, 0]]).repeat(40, 1), [True, False, True, False, False]
    plain, first = model.complete(x, known, seed=1), model.complete(x, known, seed=1, top_k=1)
    assert bool((first[:, [0, 2]] == 1).all()) and not plain.equal(first)
    # one value for each of the orders of the ensemble
    assert len(first.unique(dim=0)) <= len(model.orders) < len(plain.unique(dim=0))


@torch.no_grad()
def test_points_summarize_draws_with_these_options(float64):
    model = model_of("Transformer")
    point = model.complete(["b"], point="mean", draws=20, top_k=1)
    assert point.equal(model.complete(["b"], seed=5, top_k=1))


def test_models_without_options_say_so():
    known = [True, False]
    with pytest.raises(WrongCall, match=r"complete takes no temperature=.* PPCA completes without options"):
        simulacra.PPCA(simulacra.Real((2,)), latent=1).complete([[1.0, 0.0]], known, temperature=0.5)
    model = model_of("NADE", simulacra.Binary((2,)), hidden=2)
    with pytest.raises(WrongCall, match=r"complete takes no top_ks=; did you mean top_k="):
        model.complete([[1, 0]], known, top_ks=2)
    with pytest.raises(ValueError, match=r"temperature is -1"):
        model.complete([[1, 0]], known, temperature=-1.0)


def test_a_text_stays_one_at_a_temperature():
    p = Texts(torch.randn(2, K, T), 1, end=0)
    for changed in (tempered(p, 0.5), adjusted(p, Adjusted(0.5, 2))):
        assert isinstance(changed, Texts) and isinstance(changed, Categorical) and changed.end == 0
