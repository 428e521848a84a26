"""Diffusion and flow matching given an image: a linear Gaussian pair, and the maps beside x_t in a U-net."""

from __future__ import annotations

import json
import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import simulacra
from simulacra.core.batch import Batch
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.composite import Sequence
from simulacra.core.spaces.plain import Binary, Real, Space
from simulacra.models.diffusion.consistency import Consistency
from simulacra.models.diffusion.ddpm import DDPM
from simulacra.models.diffusion.flow_matching import FlowMatching, squared_error
from simulacra.models.diffusion.given import features_given
from simulacra.models.diffusion.inversion import Diffusion
from simulacra.nets.timed import TimedMLP, TimedUNet, build_timed

IMAGE = Real((1, 4, 4))
S = 0.5  # deviation of x around A c
KERNEL = torch.tensor([[0.0, 0.4, 0.1], [-0.3, 0.7, 0.2], [0.1, 0.0, -0.2]], dtype=torch.float64)
KINDS = (DDPM, Diffusion, FlowMatching)


def blurred(c: torch.Tensor) -> torch.Tensor:
    """A c: a convolution of images (B, 1, H, W), so that an entry depends on its neighbors in c."""
    return F.conv2d(c, KERNEL.to(c.dtype).view(1, 1, 3, 3), padding=1)


def exact_log_density(x: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
    """log N(x; A c, S^2 I), shape (B,)."""
    entries = -0.5 * ((x - blurred(c)) / S).square() - math.log(S) - 0.5 * math.log(2 * math.pi)
    return entries.flatten(1).sum(1)


def conditional_mean(c: torch.Tensor) -> torch.Tensor:
    """A c from what a network is given: the entries of c, and 1 at the end, shape (B, 16)."""
    assert c.shape[1] == 17 and bool((c[:, -1] == 1).all())
    return blurred(c[:, :-1].unflatten(1, (1, 4, 4))).flatten(1)


class ExactSteps(nn.Module):
    """The outputs f and w of `Diffusion` at the posterior of x_0 ~ N(A c, S^2) given x_t."""

    def __init__(self, kernel):
        super().__init__()
        self.kernel = kernel

    def forward(self, h, u, c=None):
        t, mu = self.kernel.level(u * self.kernel.T), conditional_mean(c)
        wide = t.a**2 * S**2 + t.variance
        m = mu + t.a * S**2 / wide * (h - t.a * mu)
        return torch.stack([(t.a * h - m) / t.s, (S**2 / wide).log().expand_as(h)], 1)


class ExactVelocity(nn.Module):
    """What is left of E[h_1 - e | h_t] after the first term of the velocity."""

    def forward(self, h, u, c=None):
        mu = conditional_mean(c)
        gain = (u * S**2 - (1 - u)) / (u**2 * S**2 + (1 - u) ** 2)
        first = (2 * u - 1) / ((1 - u) ** 2 + u**2) * h
        return (mu + gain * (h - u * mu) - first).unsqueeze(1)


def exact_model(kind):
    model = kind(IMAGE, IMAGE, **({"T": 12} if kind is Diffusion else {}), net="unet", hidden=(2,)).double()
    model.net = ExactSteps(model.kernel) if kind is Diffusion else ExactVelocity()
    model.register_parameter("one", nn.Parameter(torch.zeros(1)))  # carries the type
    return model


@pytest.mark.system("H21")
@pytest.mark.parametrize("kind", [Diffusion, FlowMatching])
def test_draws_have_the_conditional_mean_and_variance(kind, float64):
    """x | c ~ N(A c, S^2 I), in 5 standard errors of 2,000 draws, at each entry."""
    model, n = exact_model(kind), 2000
    c = 1.5 * torch.randn(1, 1, 4, 4)
    with torch.no_grad():
        x = model.draw(Rng(3, "draws", rows=range(n)), c.expand(n, 1, 4, 4))
    off = x.mean(0) - blurred(c)[0]
    assert float(off.abs().max()) < 5 * S / math.sqrt(n)
    assert float((x.var(0) - S**2).abs().max()) < 5 * S**2 * math.sqrt(2 / n)


@pytest.mark.system("H21")
def test_the_bound_is_below_the_log_density_and_meets_it_at_the_exact_reverse(float64):
    n = 300
    c = torch.randn(n, 1, 4, 4)
    x = blurred(c) + S * torch.randn(n, 1, 4, 4)
    due = exact_log_density(x, c)
    gap = lambda model: due - model.elbo(x, c, Rng(1, "bound", rows=range(n))).detach()
    exact = gap(exact_model(Diffusion))
    # up to the last KL, e^-9 of x_0, the steps back are exact
    assert abs(float(exact.mean())) < 5 * float(exact.std()) / math.sqrt(n) + 1e-3
    for untrained in (Diffusion(IMAGE, IMAGE, T=12, net="unet", hidden=(2,)).double(), lively(Diffusion)):
        other = gap(untrained)
        assert float(other.mean()) > 5 * float(other.std()) / math.sqrt(n)


@pytest.mark.system("H21")
def test_the_likelihood_of_a_flow_is_that_of_the_pair(float64):
    c, x = torch.randn(2, 1, 4, 4), torch.randn(2, 1, 4, 4)
    found = exact_model(FlowMatching).estimated_density(x, c, Rng(0)).value
    torch.testing.assert_close(found, exact_log_density(x, c), rtol=0, atol=1e-4)


@pytest.mark.system("H21")
def test_a_trained_network_finds_the_conditional_mean():
    """150 steps of a U-net: draws lie around A c, and not around the mean of another c."""
    model, n = FlowMatching(IMAGE, IMAGE, net="unet", hidden=(12,), drop=0.0), 128
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    rates = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 150)
    for i in range(150):
        rng = Rng(0, "pairs", i, rows=range(n))
        c = rng.normal("c", 16).view(-1, *IMAGE.shape)
        x = blurred(c) + S * rng.normal("noise", 16).view(-1, *IMAGE.shape)
        optimizer.zero_grad()
        squared_error(model, Batch.of(x, c), rng).loss["error"].mean().backward()
        optimizer.step()
        rates.step()
    drawn, mean = model.sample(n, c, seed=0, sampler="midpoint", steps=6), blurred(c)
    off, away = ((drawn - m).square().mean() for m in (mean, mean.roll(1, 0)))
    # E (x - A c)^2 = S^2, and (A (c - c'))^2 more around another mean: 1.14 S^2 and 6.7 S^2 were measured
    assert float(off) < 1.3 * S**2
    assert float(away) > S**2 + 1.5 * float(mean.var())


# ---- the maps beside x_t


def lively(kind, space: Space = IMAGE, condition: Space = IMAGE):
    """A model with a U-net whose weights are all random, also those that begin at 0."""
    steps = {} if kind in (FlowMatching, Consistency) else {"T": 12}
    model = kind(space, condition, net="unet", hidden=(2, 3), **steps).double()
    with torch.no_grad():
        for p in model.net.parameters():
            p.add_(0.2 * torch.randn_like(p))
    return model.eval()


def output(model, h, c, kept=None, u=0.4):
    """The network's output of a model, given conditions in its own space."""
    given = features_given(model.condition, h, c, kept)
    return model.net(h, h.new_full((len(h), 1), u), given)


@pytest.mark.parametrize(
    ("kind", "space"),
    [
        (DDPM, IMAGE),
        (Diffusion, IMAGE),
        (FlowMatching, IMAGE),
        (Consistency, IMAGE),
        (Diffusion, Binary((1, 4, 4))),
    ],
)
def test_a_shifted_condition_changes_the_output(kind, space, float64):
    model, h, c = lively(kind, space), torch.randn(3, 16), torch.randn(3, 1, 4, 4)
    assert isinstance(model.net, TimedUNet) and model.net.entries == 16
    one, other = output(model, h, c), output(model, h, c.roll(1, 3))
    assert bool(((one - other).abs() > 1e-6).any(2).all())


@pytest.mark.parametrize("kind", KINDS)
def test_a_dropped_condition_is_none(kind, float64):
    """Zeros and the indicator 0, for the rows that drop it alone."""
    model, h, c = lively(kind), torch.randn(3, 16), torch.randn(3, 1, 4, 4)
    kept = torch.tensor([[True], [False], [True]])
    whole, none, some = output(model, h, c), output(model, h, None), output(model, h, c, kept)
    torch.testing.assert_close(some, torch.where(kept.unsqueeze(2), whole, none))
    # an image of zeros is another condition than none
    assert float((output(model, h, torch.zeros_like(c)) - none).detach().abs().min(2).values.max()) > 0


@pytest.mark.parametrize("sides", [(64,), (5, 64), (3, 2, 64)], ids=len)
def test_output_moves_with_x_and_the_condition(sides, float64):
    """By a multiple of the strides, while what is seen of x and c stays away from the ends."""
    space, dims = Real((2, *sides)), len(sides)
    condition = Real((1, *sides))
    net = lively(FlowMatching, space, condition).net
    h, c = torch.zeros(2, 2, *sides), torch.zeros(2, 1, *sides)
    h[..., 26:30], c[..., 28:32] = torch.randn(2, 2, *sides[:-1], 4), torch.randn(2, 1, *sides[:-1], 4)
    ones = torch.ones(2, 1)
    at = lambda by: net(
        h.roll(by, -1).flatten(1), 0.3 * ones, torch.cat([c.roll(by, -1).flatten(1), ones], 1)
    ).unflatten(2, (2, *sides))
    assert dims == net.dims
    torch.testing.assert_close(at(4).roll(-4, -1)[..., 12:-16], at(0)[..., 12:-16])
    # the condition alone does not carry x along
    other = net(h.flatten(1), 0.3 * ones, torch.cat([c.roll(4, -1).flatten(1), ones], 1))
    assert float((other - at(0).flatten(2)).detach().abs().max()) > 1e-3


def test_conditions_of_other_sides_are_brought_to_those_of_x(float64):
    """A small image is repeated, a large one averaged: super-resolution and its inverse."""
    small, large = torch.randn(2, 1, 4, 4), torch.randn(2, 1, 8, 8)
    h = torch.randn(2, 64)
    net = lively(DDPM, Real((1, 8, 8)), Real((1, 8, 8))).net
    for c, sides, same in (
        (small, (1, 4, 4), small.repeat_interleave(2, 2).repeat_interleave(2, 3)),
        (F.interpolate(large, scale_factor=3), (1, 24, 24), large),
    ):
        other = lively(DDPM, Real((1, 8, 8)), Real(sides)).net
        other.load_state_dict(net.state_dict())
        u, one = torch.full((2, 1), 0.3), torch.ones(2, 1)
        found = other(h, u, torch.cat([c.flatten(1), one], 1))
        torch.testing.assert_close(found, net(h, u, torch.cat([same.flatten(1), one], 1)))


@pytest.mark.parametrize(
    ("space", "condition", "channels"),
    [
        (Real((1, 6, 5)), Binary((4, 1, 6, 5)), 4),
        (Real((1, 6, 5)), Sequence((4,), of=Real((3, 6, 5))), 12),
        (Audio((40,)), Audio((40,)), 1),
        (Real((2, 4, 6, 5)), Sequence((4,), of=Real((3, 6, 5))), 3),
    ],
    ids=["frames", "colour frames", "recording", "volume"],
)
def test_frames_and_recordings_are_channels(space, condition, channels):
    net = FlowMatching(space, condition, net="unet", hidden=(3,)).net
    front = space.shape[0] if len(space.shape) > 1 else 1
    assert net.body.start.weight.shape[1] == front + channels
    c = torch.arange(condition.dims).float().view(1, *condition.shape)
    laid = net.maps(condition.vectors(c))
    assert laid.shape[1] == channels
    # the last sides are those of c, in their order
    rows = c.reshape(-1, c.shape[-1])
    assert {tuple(r) for r in laid.reshape(-1, laid.shape[-1]).tolist()} == {tuple(r) for r in rows.tolist()}


def test_what_has_no_sides_of_x_stays_a_vector():
    for shape, beside in (
        ((1, 16, 16), Real((3,))),
        ((1, 16, 16), Audio((100,))),
        ((1, 16, 16), simulacra.Categorical((), 3)),
    ):
        net = build_timed(shape, 1, "auto", (2,), 5, beside=beside)
        assert isinstance(net, TimedUNet) and net.entries == 0
    # small images are vectors for a fully connected network, a vector of numbers is no recording
    assert isinstance(build_timed((1, 8, 8), 1, "auto", (2,), 65, beside=Real((1, 8, 8))), TimedMLP)
    assert isinstance(build_timed((20,), 1, "auto", (2,), 101, beside=Real((100,))), TimedMLP)
    assert isinstance(build_timed((64,), 1, "auto", (2,), 101, beside=Audio((100,))), TimedUNet)


@pytest.mark.parametrize("kind", [*KINDS, Consistency])
def test_files_of_earlier_versions_keep_their_vectors(kind, tmp_path):
    """Their arguments lack `maps`, and their first layer has no channels for the condition."""
    space, c = Real((1, 4, 4)), torch.ones(2, 1, 4, 4)
    for maps in (False, True):
        model = kind(space, IMAGE, net="unet", hidden=(3,), maps=maps)
        model.save(tmp_path / f"{maps}")
        assert model.net.body.start.weight.shape[1] == 1 + maps
        config = json.loads((tmp_path / f"{maps}" / "config.json").read_text())
        if not maps:
            del config["arguments"]["maps"]
            (tmp_path / f"{maps}" / "config.json").write_text(json.dumps(config))
        again = simulacra.load(tmp_path / f"{maps}")
        assert again.arguments["maps"] is maps
        torch.testing.assert_close(again.sample(2, c, seed=0, steps=2), model.sample(2, c, seed=0, steps=2))
