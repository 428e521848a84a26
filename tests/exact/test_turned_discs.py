"""Discs turned by an angle, against loops over pixels; and a discriminator that says the angle."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import simulacra
from simulacra.api import fit
from simulacra.core.batch import Batch
from simulacra.core.corruption.parse import parse
from simulacra.core.corruption.turning import Turn, centres, inside, radius_of, turned, turned_disc
from simulacra.core.errors.suggestion import Refusal
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary, Levels, Real
from simulacra.data.sources.tensors import from_tensors

SIDES = (7, 5)


def pictures(n: int = 4, dtype=torch.float64) -> torch.Tensor:
    return torch.rand(n, 3, *SIDES, generator=torch.Generator().manual_seed(1), dtype=dtype)


def by_hand(x: np.ndarray, m: np.ndarray, r: float, a: float) -> np.ndarray:
    """Equation (1) for one channel, pixel by pixel: linear between the four pixels around."""
    y = x.copy()
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            down, right = i - m[0], j - m[1]
            if down**2 + right**2 > r**2:
                continue
            row = m[0] + math.cos(a) * down + math.sin(a) * right
            column = m[1] + math.cos(a) * right - math.sin(a) * down
            i0, j0 = min(int(row), x.shape[0] - 2), min(int(column), x.shape[1] - 2)
            s, t = row - i0, column - j0
            top = (1 - t) * x[i0, j0] + t * x[i0, j0 + 1]
            y[i, j] = (1 - s) * top + s * ((1 - t) * x[i0 + 1, j0] + t * x[i0 + 1, j0 + 1])
    return y


@pytest.mark.system("F21")
@pytest.mark.parametrize("share", [0.4, 0.7, 1.0])
def test_a_turned_disc_is_that_of_a_loop_and_the_rest_stays_bit_for_bit(float64, share):
    x, rng = pictures(), Rng(3, rows=range(4))
    r = radius_of(share, SIDES)
    m, a = centres(SIDES, r, rng, "m", torch.float64), torch.tensor([0.3, 1.9, 4.0, 5.5])
    assert (m >= r - 1e-12).all() and (m + r <= torch.tensor(SIDES) - 1 + 1e-12).all()
    y, disc = turned_disc(x, m, r, a), inside(m, r, x).expand_as(x)
    for n in range(4):
        for channel in range(3):
            expected = by_hand(x[n, channel].numpy(), m[n].numpy(), r, a[n].item())
            np.testing.assert_allclose(y[n, channel], expected, atol=1e-12)
    assert torch.equal(y[~disc], x[~disc])
    assert not disc.all() and disc.any() and (y[disc] != x[disc]).double().mean() > 0.5


@pytest.mark.system("F21")
def test_quarter_turns_are_those_of_numpy_and_a_whole_turn_is_none(float64):
    x = pictures()[..., :5, :]
    middle = torch.full((4, 2), 2.0)
    for k in range(5):
        found = turned(x, middle, torch.full((4,), k * math.pi / 2))
        np.testing.assert_allclose(found, np.rot90(x.numpy(), k, (2, 3)), atol=1e-12)


@pytest.mark.system("F21")
@pytest.mark.parametrize("space", [Binary((3, *SIDES)), Levels((3, *SIDES), 17), Real((3, *SIDES))])
def test_the_corruption_keeps_the_space_and_what_lies_outside(space):
    n, corruption = 200, Turn(0.6)
    top = {Binary: 1, Levels: 16}.get(type(space))
    x = pictures(n, torch.float32) * (top or 1)
    x = x if top is None else x.round().to(torch.uint8)
    rng = Rng(1, "test", rows=range(n))
    y = corruption.apply(x, rng, space)
    space.check(y)
    r = radius_of(0.6, SIDES)
    m = centres(SIDES, r, rng, "corruption centre", torch.float32)
    outside = ~inside(m, r, x.float()).expand_as(x)
    assert y.dtype == x.dtype and torch.equal(y[outside], x[outside])
    assert (y != x)[~outside].float().mean() > 0.2
    assert torch.equal(corruption.apply(x[50:90], Rng(1, "test", rows=range(50, 90)), space), y[50:90])
    assert space == corruption.space(space) and parse("turn:0.6") == corruption


def test_what_has_no_disc_is_refused():
    with pytest.raises(Refusal, match="sides of at least 3 pixels"):
        Turn().space(Real((1, 2, 9)))
    for level in (0.0, 1.0, 1.5):
        with pytest.raises(Refusal, match="between 0 and 1"):
            Turn(level)
    for options in ({"angles": 1}, {"diameter": 0.0}, {"diameter": 1.2}, {"weight": 0.0}):
        with pytest.raises(ValueError, match=r"\.$"):
            rotation_aware(**options)
    with pytest.raises(ValueError, match="take a GAN"):
        simulacra.RotationAwareGAN(Real((9,)))


def rotation_aware(**options) -> simulacra.RotationAwareGAN:
    """A small one on pictures of 9 x 9 pixels."""
    torch.manual_seed(6)
    made = {"latent": 3, "hidden": (40,), "network": "mlp", **options}
    return simulacra.RotationAwareGAN(Real((1, 9, 9)), **made)


@pytest.mark.system("F21")
def test_the_game_is_played_on_turned_rows_and_the_angle_is_classified(float64):
    model, rng = rotation_aware(angles=6, weight=2.5), Rng(5, rows=range(8))
    x = torch.randn(8, 1, 9, 9)
    D, G = (update.loss(model, Batch.of(x), rng) for update in model.updates())
    seen = {"real": x, "fake": model.generate(model.prior(rng))}
    for name, sign in (("real", 1), ("fake", -1)):
        altered, k = model.altered(seen[name], rng, name)
        verdict = model.judge(altered)
        told = verdict.labels.log_softmax(1)
        torch.testing.assert_close(D.loss[name], -(sign * verdict.score).sigmoid().log())
        torch.testing.assert_close(D.loss[f"{name} angle"], -2.5 * told[torch.arange(8), k])
        assert torch.equal(model.angle(altered), told.argmax(1))
        assert torch.equal(altered[k == 0], seen[name][k == 0])
    altered, _ = model.altered(seen["fake"], rng, "fake")
    torch.testing.assert_close(sum(G.loss.values()), -model.judge(altered).score.sigmoid().log())
    total = sum(t.sum() for t in D.loss.values())
    assert all(g is None for g in torch.autograd.grad(total, list(model.G.parameters()), allow_unused=True))
    _, many = model.altered(torch.zeros(6000, 1, 9, 9), Rng(1, rows=range(6000)), "real")
    counts = many.bincount(minlength=6)
    assert len(counts) == 6 and (counts - 1000).abs().max() < 5 * math.sqrt(6000 * 5 / 36)


def slopes(n: int, seed: int) -> torch.Tensor:
    """Pictures that grow lighter to the right, at a rate and from a level of their own."""
    g = torch.Generator().manual_seed(seed)
    rate, level = (torch.rand(n, 1, 1, 1, generator=g) for _ in range(2))
    ramp = torch.linspace(-1, 1, 9).expand(n, 1, 9, 9)
    return (0.6 + 0.4 * rate) * ramp + 0.3 * (level - 0.5) + 0.03 * torch.randn(n, 1, 9, 9, generator=g)


@pytest.mark.system("F21")
def test_the_angle_of_held_out_rows_is_told_four_times_as_often_as_by_chance(tmp_path):
    model = rotation_aware(lr=4e-3, weight=5.0, angles=8)
    altered, k = model.altered(slopes(500, 3), Rng(8, rows=range(500)), "held out")
    share = lambda: (model.eval().angle(altered) == k).double().mean().item()
    before = share()
    data = from_tensors(slopes(600, 2), Real((1, 9, 9)), valid=0.0, test=0.0)
    fit(model, data, out=tmp_path, epochs=12, batch_size=60, progress=False, doctor=False)
    assert before < 2 / 8 and share() > 4 / 8
