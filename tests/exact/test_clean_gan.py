"""Two discriminators of restored images: the consistency term, both players, and what can be shrunken."""

from __future__ import annotations

import pytest
import torch

import simulacra
from simulacra import Audio, Levels, Real
from simulacra.core.batch import Batch
from simulacra.core.errors.suggestion import Refusal
from simulacra.core.random.keyed import Rng
from simulacra.models.adversarial.game.losses import generator_loss

pytestmark = pytest.mark.system("F22")
SPACE = Levels((1, 6, 10), 9)


def model(space=SPACE, condition=SPACE, **more):
    return simulacra.CleanGAN(space, condition, **{"channels": 2, **more}).double()


@pytest.fixture
def batch(float64):
    rng = Rng(5, "rows", rows=range(3))
    x, y = ((9 * rng.uniform(name, 1, 6, 10)).long() for name in ("x", "y"))
    return Batch.of(x, y)


def test_consistency_is_zero_for_exact_pre_images_alone(batch):
    net, rng = model(consistency=7.0), Rng(1, rows=batch.rows)
    y = net.given(batch.c)
    blocks = torch.nn.functional.avg_pool2d(y, 2)
    flat = blocks.repeat_interleave(2, 2).repeat_interleave(2, 3)
    # any pattern of mean 0 in each block gives another pre-image
    pattern = torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(3, 5)
    for exact in (y, flat, flat + 0.3 * pattern):
        torch.testing.assert_close(net.also(batch, exact, rng)["consistency"], torch.zeros(3))
    off = net.also(batch, flat + 0.3, rng)["consistency"]
    torch.testing.assert_close(off, torch.full((3,), 7 * 0.3))


def test_a_smaller_condition_is_compared_as_it_is(float64):
    net = model(condition=Levels((1, 3, 5), 9))
    y = torch.arange(15).view(1, 1, 3, 5) % 9
    row = Batch.of(torch.zeros(1, 1, 6, 10), y)
    large = net.given(y).repeat_interleave(2, 2).repeat_interleave(2, 3)
    found = net.also(row, large, Rng(1, rows=row.rows))["consistency"]
    torch.testing.assert_close(found, torch.zeros(1))


def test_three_players_move_their_own_weights_by_their_own_losses(batch):
    net = model()
    updates = net.updates()
    assert [(u.name, u.params) for u in updates] == [
        ("D1", ("D.D1.",)),
        ("D2", ("D.D2.",)),
        ("G", ("G.",)),
    ]
    for update in updates:
        net.zero_grad()
        sum(t.sum() for t in update.loss(net, batch, Rng(1, rows=batch.rows)).loss.values()).backward()
        moved = {n for n, p in net.named_parameters() if p.grad is not None and bool((p.grad != 0).any())}
        own = {n for n in moved if n.startswith(update.params)}
        assert own
        assert moved == own or update.name == "G"


def test_the_losses_by_hand(batch):
    net, rng = model(adversarial=0.5), Rng(1, rows=batch.rows)
    x, y = batch.x.double() / 4 - 1, batch.c.double() / 4 - 1
    made = net.G(torch.zeros(3, 0), y).tanh()
    small = lambda h: torch.nn.functional.avg_pool2d(h, 2)
    first, second = (lambda h, D=D: D(h).score.flatten(1) for D in (net.D.D1, net.D.D2))
    for update, s, change in zip(net.updates(), (first, second), (lambda h: h, small)):
        loss = update.loss(net, batch, rng).loss
        torch.testing.assert_close(loss["real"], -s(change(x)).sigmoid().log().mean(1))
        torch.testing.assert_close(loss["fake"], -(1 - s(change(made)).sigmoid()).log().mean(1))
    fooled = generator_loss(net, batch, rng).loss
    torch.testing.assert_close(fooled["loss"], -first(made).sigmoid().log().mean(1) / 2)
    torch.testing.assert_close(fooled["second"], -second(small(made)).sigmoid().log().mean(1) / 2)
    torch.testing.assert_close(fooled["consistency"], 10 * (small(made) - small(y)).abs().mean((1, 2, 3)))


def test_recordings_are_restored_too():
    wave = Audio((24,), 8000)
    assert model(wave, wave).float().sample(2, condition=torch.zeros(2, 24)).shape == (2, 24)


def test_other_units_and_blocks_are_refused():
    for other in (Levels((3, 6, 10), 9), Levels((1, 6, 10), 5), Real((1, 6, 10))):
        with pytest.raises(ValueError, match="in other units"):
            model(condition=other)
    with pytest.raises(ValueError, match="in other units"):
        model(Real((1, 6, 10)), Real((1, 6, 10)))
    with pytest.raises(Refusal, match=r"shrink is 3.*take shrink=1 or shrink=2") as refused:
        model(shrink=3)
    assert refused.value.suggestions[1].words == ("--model.shrink", "2")
    with pytest.raises(ValueError, match="consistency is 0"):
        model(consistency=0.0)
