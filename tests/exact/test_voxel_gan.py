"""Solids: overlap, the toy's shapes, pictures from the front, the game and the encoder's loss."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

import simulacra
from simulacra import Binary, Categorical, Levels
from simulacra.core.batch import Batch
from simulacra.core.random.keyed import Rng
from simulacra.data.drawn.solids import draw_solids, inside, rotations
from simulacra.data.pairs.projecting import View
from simulacra.evaluation.samples.overlap import iou, iou_of_all, overlap
from simulacra.models.adversarial.frames.voxel_gan import pictures_loss, solids_loss

pytestmark = pytest.mark.system("G27")
SOLID, PICTURE = Binary((1, 5, 6, 3)), Levels((1, 6, 3), 9)


def model(condition=None, **more):
    how = {"latent": 3, "channels": 2, "normalization": "none", "critic_normalization": "none", **more}
    return simulacra.VoxelGAN(SOLID, condition, **how).double()


@pytest.fixture
def batch(float64):
    rng = Rng(5, "rows", rows=range(4))
    x = (rng.uniform("x", 1, 5, 6, 3) < 0.4).to(torch.uint8)
    return Batch.of(x, (9 * rng.uniform("c", 1, 6, 3)).long())


def test_overlap_of_a_solid_with_itself_is_one_and_counts_otherwise():
    x = draw_solids(7, seed=3, side=9)[0].bool()
    assert iou(x, x).tolist() == [1.0] * 7
    assert iou(x, ~x).tolist() == [0.0] * 7
    empty = torch.zeros_like(x)
    assert iou(empty, empty).tolist() == [1.0] * 7
    a, b = (torch.tensor([[row]]).bool() for row in ([1, 1, 1, 0, 0], [0, 1, 1, 1, 1]))
    assert iou(a, b).item() == 2 / 5
    one_by_one = torch.stack([iou(x, y.expand_as(x)) for y in x[:3]], 1)
    torch.testing.assert_close(iou_of_all(x, x[:3]).double(), one_by_one, rtol=1e-6, atol=0)


def test_samples_that_miss_a_kind_cover_less():
    x, kind = draw_solids(60, seed=1, side=8)
    data = simulacra.from_tensors(x, Binary((1, 8, 8, 8)), valid=0.0, test=0.4)
    spheres = x[kind == 0].repeat(8, 1, 1, 1, 1)[:24]
    all_kinds, one = (overlap(data, "test", drawn) for drawn in (data["test"].x, spheres))
    assert all_kinds.nearest.value == all_kinds.covered.value == 1
    assert one.covered.value < one.real_covered.value


def test_the_kinds_have_the_volumes_of_their_formulas():
    # one octant; no middle of a cell lies on a face
    line = 0.01 + 0.02 * torch.arange(55, dtype=torch.float64)
    u = torch.stack(torch.meshgrid(line, line, line, indexing="ij"), -1)
    found = 8 * 0.02**3 * inside(u).flatten(1).sum(1).double()
    cross = 3 * 0.56**2 * 2 - 2 * 0.56**3
    true = [4 / 3 * math.pi, 1.4**3, math.pi * 0.36 * 1.6, cross]
    torch.testing.assert_close(found, torch.tensor(true, dtype=torch.float64), rtol=2e-3, atol=0)


def test_poses_are_rotations():
    R = rotations(Rng(1, rows=range(5)).normal("q", 4, dtype=torch.float64))
    torch.testing.assert_close(R @ R.mT, torch.eye(3, dtype=torch.float64).expand(5, 3, 3))
    torch.testing.assert_close(torch.linalg.det(R), torch.ones(5, dtype=torch.float64))


def test_a_picture_shows_the_nearest_voxel():
    x = draw_solids(3, seed=2, side=7)[0]
    seen = View().apply(x, Rng(0, rows=range(3)), Binary((1, 7, 7, 7)))
    for b, h, w in ((0, 3, 3), (1, 0, 0), (2, 3, 2)):
        depths = x[b, 0, :, h, w].nonzero()
        expected = round(255 * (1 - depths.min().item() / 7)) if len(depths) else 0
        assert seen[b, 0, h, w] == expected


def test_the_game_is_one_of_solids_alone(batch):
    net, plain = model(PICTURE), model()
    plain.D.load_state_dict(net.D.state_dict())
    plain.G.solids.load_state_dict(net.G.solids.state_dict())
    # pictures change nothing for D
    found = [
        loss(m, Batch.of(batch.x, c), Rng(1, rows=batch.rows)).loss
        for loss, m, c in ((solids_loss, net, batch.c), (plain.losses()[0], plain, None))
    ]
    for name in ("real", "fake"):
        torch.testing.assert_close(found[0][name], found[1][name])


def test_loss_of_pictures_is_its_equation(batch):
    net = model(PICTURE, reconstruction=7.0, kl=0.3)
    rng = Rng(1, rows=batch.rows)
    found = pictures_loss(net, batch, rng).loss
    mu, log_sigma = net.G.code(net.G.pictures(2 * batch.c.double() / 8 - 1)).chunk(2, 1)
    z = mu + log_sigma.exp() * rng.normal("code", 3)
    voxels = (net.G.solids(z).tanh() + 1) / 2
    squares = (batch.x - voxels).square().flatten(1).mean(1)
    torch.testing.assert_close(found["reconstruction"], 7 * squares)
    kl = 0.5 * (mu.square() + (2 * log_sigma).exp() - 1 - 2 * log_sigma).sum(1)
    torch.testing.assert_close(found["kl"], 0.3 * kl / 3)
    score = net.judge(net.generate(net.prior(rng))).score
    torch.testing.assert_close(found["loss"], F.softplus(-score))


def test_slopes_of_the_encoder_by_finite_differences(batch):
    net = model(PICTURE)
    weight = net.G.code.weight
    loss = lambda: sum(t.mean() for t in pictures_loss(net, batch, Rng(1, rows=batch.rows)).loss.values())
    slope = torch.autograd.grad(loss(), weight)[0]
    way = Rng(2, rows=range(1)).normal("way", *weight.shape)[0]
    weight.data.add_(1e-6 * way)
    above = loss().item()
    weight.data.sub_(2e-6 * way)
    assert math.isclose((above - loss().item()) / 2e-6, (slope * way).sum().item(), rel_tol=1e-5)


def test_draws_given_a_picture_vary_by_the_code_alone(batch):
    net = model(PICTURE)
    e = Rng(3, rows=batch.rows).normal("e", 3)
    mu, log_sigma = net.G.code(net.G.pictures(net.given(batch.c))).chunk(2, 1)
    expected = (net.G.solids(mu + log_sigma.exp() * e).tanh() + 1) / 2
    torch.testing.assert_close(net.emit(e, batch.c), expected)
    net.G.code.bias.data[3:] = -50.0  # sigma is kept above exp(-5)
    near = [net.emit(s * e, batch.c) for s in (0.0, 1.0)]
    torch.testing.assert_close(near[0], near[1], atol=1e-2, rtol=0)


@pytest.mark.parametrize(
    "space, condition, words",
    [
        (Levels((1, 6, 6), 4), None, "draws volumes"),
        (SOLID, Categorical((), 3), "finds a solid from a picture"),
        (SOLID, SOLID, "finds a solid from a picture"),
    ],
)
def test_what_is_no_volume_is_refused(space, condition, words):
    with pytest.raises(ValueError, match=words):
        simulacra.VoxelGAN(space, condition)
