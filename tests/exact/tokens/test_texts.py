"""Texts: probabilities of all of them sum to 1, and no score depends on padding."""

from __future__ import annotations

import itertools

import pytest
import torch

import simulacra
from simulacra.core.distributions.heads import likelihood_head
from simulacra.core.distributions.texts import Texts
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.tokens import Tokens, counted

T, K = 3, 4
SPACE = Tokens((T,), K, ("<end>", "<unknown>", "a", "b"), unknown=1)
MODELS = {
    "NADE": {"hidden": 3},
    "MADE": {"hidden": (5,)},
    "FVBN": {},
    "WaveNet": {"blocks": 1, "layers": 2, "channels": 3, "skip_channels": 4},
    "Transformer": {"layers": 1, "heads": 2, "width": 4},
}


def every_text() -> torch.Tensor:
    """All texts of up to T tokens, padded with the end."""
    texts = [text for n in range(T + 1) for text in itertools.product(range(1, K), repeat=n)]
    return torch.tensor([[*text, *[0] * (T - len(text))] for text in texts])


def model_of(name: str) -> simulacra.Model:
    model = getattr(simulacra, name)(SPACE, **MODELS[name])
    torch.manual_seed(3)
    for p in model.parameters():
        torch.nn.init.normal_(p, std=0.7)
    return model


@pytest.mark.parametrize("name", MODELS)
def test_probabilities_of_all_texts_sum_to_one(name, float64):
    assert model_of(name).log_prob(every_text()).values.exp().sum() == pytest.approx(1, abs=1e-12)


def test_the_head_of_whole_texts_sums_to_one(float64):
    p = Texts(torch.randn(1, K, T, generator=torch.Generator().manual_seed(0)), 1, end=0)
    assert p.log_prob(every_text()).exp().sum().item() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("end", [0, 2])
def test_a_distribution_scores_a_text_alike_to_the_bit_however_far_it_is_padded(end):
    logits = torch.randn(5, 7, 50, generator=torch.Generator().manual_seed(1))
    x = torch.randint(3, 7, (5, 50), generator=torch.Generator().manual_seed(2))
    x = torch.where(torch.arange(50) < torch.tensor([[0], [1], [5], [9], [11]]), x, end)
    scores = [Texts(logits[..., :t], 1, end).log_prob(x[:, :t]) for t in (12, 13, 16, 31, 32, 50)]
    assert all(torch.equal(score, scores[0]) for score in scores)


@pytest.mark.parametrize("name", MODELS)
def test_a_text_scores_alike_to_the_bit_as_a_string_cut_and_padded(name):
    model = model_of(name)
    ways = (["ab", "b"], [[2, 3], [3]], [[2, 3, 0], [3, 0, 0]], torch.tensor([[2, 3, 0, 0], [3, 0, 0, 0]]))
    scores = [model.log_prob(x) for x in ways]
    assert all(torch.equal(score.values, scores[0].values) for score in scores)
    assert {score.dims for score in scores} == {2.5}  # tokens with their ends


def test_a_causal_model_scores_a_text_alike_whatever_the_longest_text_is(float64):
    short = model_of("WaveNet")
    long = simulacra.WaveNet(Tokens((50,), K, SPACE.names, unknown=1), **MODELS["WaveNet"])
    long.load_state_dict({k: v for k, v in short.state_dict().items() if k != "ordering"}, strict=False)
    texts = ["", "a", "ab"]
    assert torch.allclose(short.log_prob(texts).values, long.log_prob(texts).values, rtol=0, atol=1e-13)


@pytest.mark.parametrize("name", MODELS)
def test_frequencies_of_drawn_texts_are_their_probabilities(name, float64):
    model, n = model_of(name), 20_000
    x = model.sample(n, seed=0)
    rows, counts = x.unique(dim=0, return_counts=True)
    p = model.log_prob(rows).values.exp()
    assert bool((model.space.closed(x) == x).all())
    assert ((counts / n - p).abs() < 5 * (p * (1 - p) / n).sqrt() + 1e-9).all()


def test_gaps_before_a_known_token_are_filled_by_the_conditional_distribution(float64):
    model, n = model_of("NADE"), 4000
    x = every_text()
    p = model.log_prob(x).values.exp()
    wanted = torch.where((x[:, 0] == 2) & (x[:, 2] == 3), p, 0.0)
    drawn = model.complete([[2, 0, 3]] * n, known=[True, False, True], seed=0)
    shares = torch.stack([(drawn == row).all(1).double().mean() for row in x])
    # importance resampling of 32 candidates: close, not exact
    assert (shares - wanted / wanted.sum()).abs().max() < 0.05


def test_a_continuation_has_the_conditional_distribution(float64):
    model, n = model_of("MADE"), 20_000
    x = every_text()
    p = torch.where(x[:, 0] == 3, model.log_prob(x).values.exp(), 0.0)
    drawn = model.complete(["b"] * n, seed=0)
    shares = torch.stack([(drawn == row).all(1).double().mean() for row in x])
    assert (shares - p / p.sum()).abs().max() < 5 * 0.5 / n**0.5


def test_draws_of_a_whole_head_have_its_probabilities(float64):
    logits = torch.randn(1, K, T, generator=torch.Generator().manual_seed(0)).expand(20_000, K, T)
    head = likelihood_head(SPACE)
    x = head.build(logits).sample(Rng(0, "texts", rows=range(20_000)))
    rows, counts = x.unique(dim=0, return_counts=True)
    p = head.build(logits[:1]).log_prob(rows).exp()
    assert ((counts / 20_000 - p).abs() < 5 * (p * (1 - p) / 20_000).sqrt() + 1e-9).all()


def test_what_is_counted_ends_with_the_first_end():
    assert counted(torch.tensor([[2, 0, 0], [0, 0, 0], [2, 3, 2]]), 0).sum(1).tolist() == [2, 1, 3]
