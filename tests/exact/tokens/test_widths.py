"""Causal models score a text in its own width: the same bits at any padding, alike beside any other rows."""

from __future__ import annotations

import pytest
import torch

import simulacra
from simulacra.core.spaces.tokens import Tokens
from simulacra.models.autoregressive import widths

T, K = 41, 9
SPACE = Tokens((T,), K, ("<end>", *"abcdefgh"))
MODELS = {
    "Transformer": {"layers": 2, "heads": 2, "width": 6},
    "WaveNet": {"blocks": 1, "layers": 6, "channels": 3, "skip_channels": 4},
}


def model_of(name: str, condition: simulacra.Space | None = None, space: Tokens = SPACE) -> simulacra.Model:
    model = getattr(simulacra, name)(space, condition, **MODELS[name])
    for i, p in enumerate(model.parameters()):
        torch.nn.init.normal_(p, std=0.7, generator=torch.Generator().manual_seed(i))
    return model


def every_length() -> torch.Tensor:
    """A text of each length from 0 to T, in an order that mixes them."""
    g = torch.Generator().manual_seed(5)
    x = torch.randint(1, K, (T + 1, T), generator=g)
    lengths = torch.randperm(T + 1, generator=g).unsqueeze(1)
    return torch.where(torch.arange(T) < lengths, x, 0)


@pytest.mark.parametrize("name", MODELS)
@torch.no_grad()
def test_a_score_has_the_same_bits_however_the_row_is_given(name):
    model, x = model_of(name), every_length()
    ways = [x, model.text(x), [row[: int((row != 0).sum())].tolist() for row in x]]
    # padded to the longest, and beyond the width of the model
    ways += [x[:, :T], torch.cat([x, torch.zeros(len(x), 9).long()], 1)]
    scores = [model.log_prob(way).values for way in ways]
    assert all(torch.equal(score, scores[0]) for score in scores)


@pytest.mark.parametrize("name", MODELS)
@torch.no_grad()
def test_a_score_is_the_same_alone_and_beside_longer_texts(name, float64):
    model, x = model_of(name), every_length()
    whole = model.log_prob(x).values
    close = {"atol": 1e-11, "rtol": 0}
    torch.testing.assert_close(torch.cat([model.log_prob(row).values for row in x.split(1)]), whole, **close)
    torch.testing.assert_close(model.log_prob(x.flip(0)).values.flip(0), whole, **close)
    # all entries of all rows at once
    torch.testing.assert_close(model._log_density(x, None), whole, **close)


@pytest.mark.parametrize("many", [0, 2**20], ids=["each", "the longest"])
@pytest.mark.parametrize("name", MODELS)
def test_scores_and_gradients_are_those_of_whole_rows(name, many, float64, monkeypatch):
    monkeypatch.setattr(widths, "MANY", many)
    model, x = model_of(name, simulacra.Categorical((), 3)), every_length()
    # the longest text is shorter than a row
    x = x[SPACE.lengths(x) < 30]
    c = torch.arange(len(x)) % 3
    cut, whole = model.log_density(x, c), model._log_density(x, c)
    torch.testing.assert_close(cut, whole, atol=1e-11, rtol=0)
    weights = torch.linspace(-1, 2, len(x))
    parameters = list(model.parameters())
    grads = [
        torch.autograd.grad((weights * value).sum(), parameters, allow_unused=True) for value in (cut, whole)
    ]
    for found, wanted in zip(*grads, strict=True):
        torch.testing.assert_close(found, wanted, atol=1e-11, rtol=0)


@torch.no_grad()
def test_a_network_sees_no_more_than_a_text_needs(monkeypatch):
    model, seen = model_of("Transformer"), []
    forward = type(model.net).forward
    monkeypatch.setattr(
        type(model.net), "forward", lambda net, u, f=None: seen.append(tuple(u.shape)) or forward(net, u, f)
    )
    model.log_prob(["abc", "abcdefg", "abcdefgh", "a" * 20, "b" * T])
    # 4, 8, 9, 21 and 41 counted entries
    assert seen == [(2, 8), (1, 12), (1, 24), (1, T)]


def test_frames_share_the_whole_row():
    space = Tokens((12,), K, SPACE.names)
    model = model_of("WaveNet", simulacra.Real((2, 4)), space)
    assert not model.any_width and model.log_prob(["abc"], torch.ones(1, 2, 4)).values.isfinite()


def test_widths_end_with_the_row():
    assert [widths.widths_to(n) for n in (1, 8, 9, 48)] == [[1], [8], [8, 9], [8, 12, 16, 24, 32, 48]]
    # empty batches and texts of one width pass through
    model = model_of("Transformer")
    assert model.log_density(torch.zeros(0, T)).shape == (0,)
