"""Next frames: the gradient difference by hand, the pyramid, the losses of all scales, what is refused."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

import simulacra
from simulacra import Levels, Real
from simulacra.core.batch import Batch
from simulacra.core.random.keyed import Rng
from simulacra.models.adversarial.frames.next_frame import frame_loss, scales_loss
from simulacra.models.adversarial.frames.sharpness import gradient_difference
from simulacra.nets.translators.frame_pyramid import FramePyramid

pytestmark = pytest.mark.system("G26")
FRAME, PAST = Levels((1, 7, 5), 9), Levels((3, 7, 5), 9)


def stirred(net, size=0.3):
    """Moves all weights, since the networks begin at 0."""
    for i, weight in enumerate(net.parameters()):
        weight.data = size * Rng(7, i, rows=range(1)).normal("weight", *weight.shape, dtype=torch.float64)[0]
    return net


def model(**more):
    return stirred(simulacra.NextFrameGAN(FRAME, PAST, **{"channels": 2, "blocks": 1, **more}).double())


def total(terms):
    return sum(term.mean() for term in terms.loss.values())


@pytest.fixture
def batch(float64):
    rng = Rng(5, "rows", rows=range(3))
    x, c = ((9 * rng.uniform(name, k, 7, 5)).long() for name, k in (("x", 1), ("c", 3)))
    return Batch.of(x, c)


def test_gradient_difference_by_hand(float64):
    x = torch.tensor([[[[0.0, 1.0, 3.0], [2.0, 2.0, 2.0]]]])
    y = torch.tensor([[[[0.0, 0.0, 1.0], [1.0, 1.0, -1.0]]]])
    # down: |2| |1| |1| beside |1| |1| |2|; right: |1| |2|, 0 0 beside 0 |1|, 0 |2|
    for alpha, expected in ((1, (1 + 0 + 1) / 3 + (1 + 1 + 0 + 2) / 4), (2, 2 / 3 + (1 + 1 + 0 + 4) / 4)):
        torch.testing.assert_close(gradient_difference(x, y, alpha), torch.tensor([expected]))


def test_gradient_difference_sees_edges_alone(batch):
    x = batch.x.double()
    # a frame beside itself, a darker one and its negative have the same edges
    for same in (x, x - 3.5, -x):
        torch.testing.assert_close(gradient_difference(x, same), torch.zeros(3))
    # nothing beside the frame: the mean strength of its edges
    edges = sum(x.diff(dim=side).abs().flatten(1).mean(1) for side in (2, 3))
    torch.testing.assert_close(gradient_difference(x, torch.zeros_like(x)), edges)


@pytest.mark.parametrize("scales", [1, 2, 3])
def test_networks_begin_by_repeating_the_last_frame_at_every_scale(batch, scales):
    net = FramePyramid((1, 7, 5), 3, scales, channels=2, blocks=1).double()
    c = batch.c.double()
    for made, given in zip(net.at_scales(c), net.shrunken(c)):
        assert torch.equal(made, given[:, 2:]) or (made - given[:, 2:]).abs().max() < 1e-14
    net.skip = False
    assert net(None, c).abs().max() == 0


def test_the_pyramid_is_its_equations(batch):
    net = stirred(FramePyramid((1, 7, 5), 3, 2, channels=2, blocks=1).double())
    c = batch.c.double()
    small = F.interpolate(c, (4, 3), mode="bilinear", align_corners=False)
    up = lambda h: F.interpolate(h, (7, 5), mode="bilinear", align_corners=False)
    coarse = small[:, 2:] + net.nets[1](c.new_zeros(3, 0), small)
    details = c[:, 2:] - up(small[:, 2:])
    fine = up(coarse) + details + net.nets[0](c.new_zeros(3, 0), torch.cat([c, up(coarse)], 1))
    for made, expected in zip(net.at_scales(c), (fine, coarse)):
        torch.testing.assert_close(made, expected)


def test_losses_are_sums_over_scales(batch):
    net = model(adversarial=0.3, error=2.0, p=2, gdl=0.7, alpha=2)
    c, x = net.given(batch.c), net.seen(batch.x)
    made, given, true = net.G.at_scales(c), net.G.shrunken(c), net.G.shrunken(x)
    real, fake = ([D.critic(h, k)[0] for D, h, k in zip(net.D.at, hs, given)] for hs in (true, made))
    mean = lambda scores: sum(s.flatten(1).mean(1) for s in scores)
    found = scales_loss(net, batch, Rng(1, rows=batch.rows)).loss
    # non-saturating: -log sigma
    torch.testing.assert_close(found["real"], mean([F.softplus(-s) for s in real]))
    torch.testing.assert_close(found["fake"], mean([F.softplus(s) for s in fake]))
    found = frame_loss(net, batch, Rng(1, rows=batch.rows)).loss
    torch.testing.assert_close(found["loss"], 0.3 * mean([F.softplus(-s) for s in fake]))
    torch.testing.assert_close(found["error"], 2 * (x - made[0]).square().flatten(1).mean(1))
    torch.testing.assert_close(found["gdl"], 0.7 * gradient_difference(x, made[0], 2))


def test_each_player_moves_its_own_weights(batch):
    net = model()
    for update in net.updates():
        net.zero_grad()
        total(update.loss(net, batch, Rng(1, rows=batch.rows))).backward()
        prefix = update.params[0]
        own = [p.grad for name, p in net.named_parameters() if name.startswith(prefix)]
        assert own and all(g is not None and g.abs().max() > 0 for g in own)
    assert [u.name for u in net.updates()] == ["D", "G"]


def test_without_the_game_it_is_a_regression(batch):
    net = model(adversarial=0.0, p=2, gdl=0.0)
    assert net.D is None and [u.name for u in net.updates()] == ["G"]
    loss = lambda: total(frame_loss(net, batch, Rng(1, rows=batch.rows)))
    x = net.seen(batch.x)
    made = net.generate(x.new_zeros(3, 0), net.given(batch.c))
    torch.testing.assert_close(loss(), (x - made).square().mean())
    # finite differences along one direction
    weights = list(net.G.parameters())
    ways = [Rng(2, i, rows=range(1)).normal("way", *w.shape)[0].double() for i, w in enumerate(weights)]
    slope = sum((g * way).sum() for g, way in zip(torch.autograd.grad(loss(), weights), ways))
    moved = []
    for step in (1e-6, -2e-6):
        for w, way in zip(weights, ways):
            w.data.add_(step * way)
        moved.append(loss().item())
    assert math.isclose((moved[0] - moved[1]) / 2e-6, slope.item(), rel_tol=1e-5)


def test_samples_stay_in_range(float64):
    net = model()
    net.G.nets[0].end.bias.data.fill_(9.0)
    assert net.sample(2, condition=torch.zeros(2, 3, 7, 5).long()).unique().tolist() == [8]


@pytest.mark.parametrize(
    "condition, words",
    [
        (None, "condition is none"),
        (Levels((3, 6, 5), 9), "frames of a film have one size"),
        (Levels((3, 7, 5), 17), "needs frames like x"),
        (Real((3, 7, 5)), "needs frames like x"),
    ],
)
def test_what_is_no_film_is_refused_in_one_sentence(condition, words):
    with pytest.raises(ValueError, match=words) as caught:
        simulacra.NextFrameGAN(FRAME, condition)
    assert "past:4" in str(caught.value)
