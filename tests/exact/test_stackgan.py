"""StackGAN: the closed form of its divergence, drafts and whole pictures, and what each stage trains."""

from __future__ import annotations

import math

import pytest
import torch
from captioned_games import WORDS, nearly, pictures, stacked
from torch.nn import functional as F

import simulacra
from simulacra import Levels, Tokens
from simulacra.core.random.keyed import Rng
from simulacra.models.adversarial.captions.matching_aware import discriminator_loss, generator_loss
from simulacra.models.adversarial.captions.stackgan import DRAFT, WHOLE, at_draft, at_whole

pytestmark = pytest.mark.system("G17")
CAPTIONS = ["red disc", "blue disc", "red disc"]


class SourceOf:
    """A split that is one batch."""

    def __init__(self, batch):
        self.batch = lambda rows, rng: batch
        self.rows = len(batch)

    def __len__(self):
        return self.rows


def at(level, net):
    net.level.fill_(level)
    return net


def test_the_divergence_is_the_integral(float64):
    net, batch = stacked(kl=0.7), pictures(CAPTIONS, 12)
    found = at(DRAFT, net).also(batch, None, None)["kl"]
    law = net.G.draft.augment.law(net.given(batch.c))
    m, s = law.loc, law.log_scale.exp()
    u = torch.linspace(-12, 12, 20001)
    x = m.unsqueeze(-1) + s.unsqueeze(-1) * u
    log_q = -u.square() / 2 - math.log(2 * math.pi) / 2 - s.log().unsqueeze(-1)
    log_p = -x.square() / 2 - math.log(2 * math.pi) / 2
    integral = torch.trapezoid(log_q.exp() * (log_q - log_p) * s.unsqueeze(-1), u).sum(1)
    torch.testing.assert_close(found, 0.7 * integral, rtol=1e-8, atol=1e-8)
    # 0 where every caption has the law N(0, I)
    for p in net.G.whole.augment.parameters():
        p.data.zero_()
    nearly(at(WHOLE, net).also(batch, None, None)["kl"], torch.zeros(3))


def test_conditions_are_drawn_from_their_law(float64):
    net, batch = stacked(), pictures(CAPTIONS, 12)
    augment, e = net.G.draft.augment, net.given(batch.c)
    law, eps = augment.law(e), torch.randn(3, 2)
    nearly((augment(e, eps) - law.loc) / law.log_scale.exp(), eps)


def test_the_generators_loss_is_counted_with_its_divergence(float64):
    batch, rng = pictures(CAPTIONS, 12), Rng(3, rows=range(3))
    for level, part in ((DRAFT, "draft"), (WHOLE, "whole")):
        net = at(level, stacked(kl=0.5))
        e = net.given(batch.c)
        found = generator_loss(net, batch, rng).loss
        score = net.judge(net.generate(net.prior(rng), e), e).score
        m, log_s = getattr(net.G, part).augment.heads(e).chunk(2, 1)
        kl = ((2 * log_s).exp() + m.square() - 1 - 2 * log_s).sum(1) / 2
        assert set(found) == {"loss", "kl"}
        nearly(found["loss"] + found["kl"], F.softplus(-score) + 0.5 * kl)


def test_drafts_are_judged_beside_means_of_blocks(float64):
    net, batch = stacked(), pictures(CAPTIONS, 12)
    whole = at(WHOLE, net).seen(batch.x)
    small = at(DRAFT, net).seen(batch.x)
    nearly(small, whole.unflatten(2, (6, 2)).unflatten(4, (6, 2)).mean((3, 5)))
    e = net.given(batch.c)
    nearly(net.judge(small, e).score, net.D.draft(small, e).score)
    nearly(net.judge(whole, e).score, net.D.whole(whole, e).score)


def test_the_noise_of_the_second_stage_changes_the_picture_and_not_its_draft(float64):
    net, e = stacked(), torch.randn(2, 5)
    z = torch.randn(2, net.code_size)
    other = z.clone()
    other[:, -2:] += 1
    assert net.code_size == 3 + 2 + 2
    assert torch.equal(net.drafted(z, e), net.drafted(other, e))
    assert not torch.equal(net.generate(z, e), net.generate(other, e))
    other = z.clone()
    other[:, 3:5] += 1
    assert not torch.equal(net.drafted(z, e), net.drafted(other, e))


def test_the_second_stage_leaves_the_draft_as_it_is():
    net = stacked(normalization="batch", critic_normalization="batch").float().train()
    batch, rng = pictures(CAPTIONS, 12), Rng(4, rows=range(3))
    before = {name: value.clone() for name, value in net.G.draft.state_dict().items()}
    at(WHOLE, net)
    for loss in (discriminator_loss, generator_loss):
        total = sum(term.sum() for term in loss(net, batch, rng).loss.values())
        slopes = torch.autograd.grad(total, list(net.G.draft.parameters()), allow_unused=True)
        assert all(slope is None for slope in slopes)
    # the averages of its normalization as well, and it is trained again where a stage trains it
    assert all(torch.equal(value, before[name]) for name, value in net.G.draft.state_dict().items())
    assert net.G.draft.training


def test_stages_train_their_own_players_and_set_the_level(float64):
    net = stacked()
    stages = [net.stage(i, []) for i in range(4)]
    assert [stage and stage.name for stage in stages] == ["matching", "draft", "whole", None]
    for stage, level in ((stages[1], DRAFT), (stages[2], WHOLE)):
        assert [update.params for update in stage.updates] == [(f"D.{stage.name}.",), (f"G.{stage.name}.",)]
        stage.start(net, SourceOf(pictures(CAPTIONS, 12)), Rng(0))
        assert int(net.level) == level
    assert (at_draft, at_whole) == (stages[1].start, stages[2].start)


def test_a_draw_shows_its_draft_first(float64):
    net, seen = stacked(), []
    x = net.sample(2, condition="red disc", seed=3, watch=lambda i, n, y, known: seen.append((i, n, y)))
    assert [(i, n) for i, n, _ in seen] == [(1, 2), (2, 2)]
    assert torch.equal(seen[1][2], x)
    draft = seen[0][2].unflatten(2, (6, 2)).unflatten(4, (6, 2))
    assert torch.equal(draft, draft[:, :, :, :1, :, :1].expand_as(draft))
    c = net._condition("red disc", 2)
    small = net.drafted(net.prior(Rng(3, "sample", rows=range(2))), net.given(c))
    assert torch.equal(draft[:, :, :, 0, :, 0], ((small + 1) / 2 * 3).round().to(draft.dtype))


def test_pictures_of_32_from_drafts_of_8():
    words = Tokens((2,), 4, ("<end>", "<unknown>", "red", "disc"), unknown=1, unit="words")
    sizes = {"latent": 3, "embedding": 5, "hidden": 4, "short": 2, "channels": 2}
    net = simulacra.StackGAN(Levels((3, 32, 32), 256), words, **sizes)
    assert net.draft_shape == (3, 8, 8)
    assert net.sample(1, condition="red disc").shape == (1, 3, 32, 32)
    at(DRAFT, net)
    assert net.sample(1, condition="red disc").shape == (1, 3, 32, 32)  # enlarged while it is trained


@pytest.mark.parametrize(
    ("side", "more", "words"),
    [
        (24, {"enlarged": 3}, "enlarged is 3, but it must be 2, 4 or 8"),
        (24, {"enlarged": 8}, "enlarged is 8.*use enlarged=2 or enlarged=4"),
        (16, {"enlarged": 4}, "of pictures of 16x16 .*: use enlarged=2"),
        (10, {}, "load the pictures with size=32"),
        (12, {"kl": -1.0}, "kl is -1.0, but a weight"),
    ],
)
def test_sides_and_weights_that_do_not_fit_are_refused(side, more, words):
    with pytest.raises(ValueError, match=words):
        simulacra.StackGAN(Levels((1, side, side), 4), WORDS, **more)
