"""Tokens have no gradient, their points have one: why a game needs an embedding, and that it then works."""

from __future__ import annotations

import itertools

import pytest
import torch
from recipe_files import recipe

import simulacra
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.token_embedding import Embedding, circle, corners

pytestmark = pytest.mark.system("F24")


def test_a_token_does_not_answer_to_small_changes_of_its_scores(float64):
    scores = torch.randn(50, 7, 5)
    vectors = torch.randn(5, 3)
    gap = scores.topk(2).values.diff(dim=-1).abs().min()
    assert float(gap) > 1e-7

    def loss(s):
        return Embedding(vectors).embed(s.argmax(-1)).square().sum()

    # finite differences: exactly nothing, in every direction that is shorter than the smallest gap
    for seed in range(20):
        step = torch.randn(scores.shape, generator=torch.Generator().manual_seed(seed))
        assert float(loss(scores + 0.4 * gap * step / step.abs().max()) - loss(scores)) == 0
    # and nothing that a generator could learn from flows back
    asked = scores.clone().requires_grad_()
    assert asked.argmax(-1).grad_fn is None and not loss(asked).requires_grad
    # through points instead of tokens the slope is that of the difference quotient
    soft = lambda s: (s.softmax(-1) @ vectors).square().sum()
    (gradient,) = torch.autograd.grad(soft(asked), asked)
    step = torch.randn(scores.shape)
    slope = (soft(scores + 1e-6 * step) - soft(scores - 1e-6 * step)) / 2e-6
    assert (
        float(slope) == pytest.approx(float((gradient * step).sum()), rel=1e-6) and abs(float(slope)) > 1e-2
    )


@pytest.mark.parametrize("embedding", [circle(5), corners(7), Embedding(torch.randn(11, 3))])
def test_nearest_undoes_embed_within_half_the_smallest_distance(embedding):
    n, d = embedding.vectors.shape
    tokens = torch.randint(n, (40, 6), generator=torch.Generator().manual_seed(3))
    points = embedding.embed(tokens)
    assert points.shape == (40, 6, d) and embedding.space(6).shape == (6, d)
    reach = min(float((a - b).norm()) for a, b in itertools.combinations(embedding.vectors, 2)) / 2
    away = torch.randn(points.shape, generator=torch.Generator().manual_seed(4))
    away = 0.99 * reach * away / away.norm(dim=-1, keepdim=True)
    assert torch.equal(embedding.nearest(points + away), tokens)
    # by brute force, wherever the points lie
    far = 3 * torch.randn(40, 6, d, generator=torch.Generator().manual_seed(5))
    best = (far.unsqueeze(-2) - embedding.vectors).square().sum(-1).argmin(-1)
    assert torch.equal(embedding.nearest(far), best)


def test_tokens_are_refused_by_a_game_and_bad_tokens_by_an_embedding():
    with pytest.raises(ValueError, match=r"needs gradients through its samples.*Categorical.*embed"):
        simulacra.GAN(Categorical((4,), 5))
    with pytest.raises(ValueError, match="tokens from -1 to 3, but the embedding holds points for 0 to 4"):
        circle(5).embed(torch.tensor([[-1, 3]]))
    with pytest.raises(ValueError, match="tokens 1 and 2 have the same point"):
        Embedding(torch.tensor([[0.0], [1.0], [1.0]]))


def test_a_game_in_the_embedding_learns_a_language():
    language = recipe("token_game")
    p = language.truth()
    assert float(p.sum()) == pytest.approx(1, abs=1e-12) and int((p > 0).sum()) == 40
    # by hand: 0 1 2 4 takes two steps of one and a step of two
    assert float(p[0, 1, 2, 4]) == pytest.approx(0.2 * 0.7 * 0.7 * 0.3)
    assert language.judged(language.draw(20_000, 5))[1] < 0.03
    before = language.judged(language.decoded(language.player(language.embedded(100)), 3000))
    after = language.judged(language.decoded(language.play(6), 3000))
    assert after[0] > 0.5 > 5 * before[0]
    assert after[1] < 0.7 < before[1] - 0.2
