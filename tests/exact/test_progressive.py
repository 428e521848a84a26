"""Progressive growing: fading between levels, equalized layers, pixel norm, deviation, drift and stages."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn.functional import avg_pool2d, conv2d, interpolate, linear

import simulacra
from simulacra import Categorical, Levels, ProgressiveGAN
from simulacra.core.batch import Batch
from simulacra.core.random.keyed import Rng
from simulacra.models.adversarial.game.losses import discriminator_loss
from simulacra.nets.growing.equalized import (
    BatchDeviation,
    EqualizedConv,
    EqualizedLinear,
    PixelNorm,
    deviation,
)

pytestmark = pytest.mark.system("G30")
SPACE, TINY, N = Levels((1, 16, 32), 256), {"latent": 3, "channels": 2}, 5


def whole(n: int = N, seed: int = 0) -> torch.Tensor:
    return torch.randint(0, 256, (n, 1, 16, 32), generator=torch.Generator().manual_seed(seed)).double()


def standing(level: int, alpha: float = 1.0, **more) -> ProgressiveGAN:
    model = ProgressiveGAN(SPACE, **TINY, **more)
    model.level.fill_(level)
    model.alpha.fill_(alpha)
    return model


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("level", [1, 2])
def test_a_level_that_has_not_faded_in_is_the_lower_one_between_up_and_down(level, float64):
    model, z, x = standing(level), normal(N, 3), normal(N, 1, 4 << level, 8 << level, seed=1)
    coarse = interpolate(model.G(z, None, level - 1, 1.0), scale_factor=2, mode="nearest")
    assert torch.equal(model.G(z, None, level, 0.0), coarse)
    lower = model.D(avg_pool2d(x, 2), None, level - 1, 1.0).score
    assert torch.equal(model.D(x, None, level, 0.0).score, lower)
    # at 1 the new level stands alone, and between them draws are mixed
    h = model.G.maps(z, None, level)[-1]
    fine = model.G.out[level](h)
    assert torch.equal(model.G(z, None, level, 1.0), fine)
    assert torch.allclose(model.G(z, None, level, 0.3), 0.7 * coarse + 0.3 * fine, atol=1e-12)
    for layer in (model.G.out[level - 1], *model.D.body.into[level - 1].parameters()):
        for p in layer.parameters() if isinstance(layer, torch.nn.Module) else (layer,):
            torch.nn.init.constant_(p, math.nan)
    assert torch.equal(model.G(z, None, level, 1.0), fine)
    assert bool(model.D(x, None, level, 1.0).score.isfinite().all())


def test_rows_of_data_fade_as_draws_do(float64):
    x = whole()
    pixels = 2 * x / 255 - 1
    half = avg_pool2d(pixels, 2)
    assert torch.allclose(standing(1).seen(x), half, atol=1e-12)
    lower = interpolate(avg_pool2d(half, 2), scale_factor=2, mode="nearest")
    assert torch.allclose(standing(1, 0.25).seen(x), 0.75 * lower + 0.25 * half, atol=1e-12)
    assert torch.allclose(standing(0).seen(x), avg_pool2d(pixels, 4), atol=1e-12)
    # a score in evaluation is one of the row alone
    model = standing(2).eval()
    assert torch.allclose(model.critic_score(x)[:1], model.critic_score(x[:1]), atol=1e-12)


def test_layers_scale_their_weights_at_run_time(float64):
    conv, dense, h = EqualizedConv(3, 5, 3), EqualizedLinear(7, 4, gain=1.0), normal(2, 3, 5, 4)
    assert conv.c == math.sqrt(2 / 27) and dense.c == 1 / math.sqrt(7)
    assert torch.allclose(conv(h), conv2d(h, math.sqrt(2 / 27) * conv.weight, conv.bias, padding=1))
    x = normal(2, 7)
    assert torch.allclose(dense(x), linear(x, dense.weight / math.sqrt(7), dense.bias))
    # the stored weights have one size in all layers, and a step of Adam moves w^ = c w by c lr
    wide = EqualizedLinear(300, 300)
    assert (
        abs(float(wide.weight.detach().std()) - 1) < 0.02
        and abs(float(wide(normal(300, 300)).detach().std()) - math.sqrt(2)) < 0.1
    )


def test_pixel_norm_gives_unit_vectors(float64):
    a = 7 * normal(3, 5, 2, 4)
    b = PixelNorm()(a)
    assert torch.allclose(b.square().mean(1), torch.ones(3, 2, 4), atol=1e-8)
    ratio = b / a
    assert torch.allclose(ratio, ratio[:, :1].expand_as(a)) and bool((ratio > 0).all())


def test_the_deviation_of_a_batch(float64):
    h = normal(N, 3, 4, 2)
    assert torch.allclose(deviation(h), h.std(0, correction=0).mean(), atol=1e-6)
    constant = normal(1, 3, 4, 2).expand(N, -1, -1, -1).clone().requires_grad_()
    assert float(deviation(constant).detach()) < 1e-20
    # gradients of first and second order are finite there
    (slope,) = torch.autograd.grad(deviation(constant), constant, create_graph=True)
    (second,) = torch.autograd.grad(slope.square().sum(), constant)
    assert bool(slope.isfinite().all()) and bool(second.isfinite().all())
    layer = BatchDeviation()
    out = layer(h)
    assert torch.equal(out[:, :3], h) and torch.equal(out[:, 3], deviation(h).expand(N, 4, 2))
    # in evaluation the running mean takes its place
    assert torch.allclose(layer.eval()(h[:1])[:, 3], (0.1 * deviation(h)).expand(1, 4, 2))


def test_the_loss_of_the_critic_by_hand(float64):
    model, x = standing(2, 0.4, gradient_penalty=3.0, drift=0.2, deviation=False), whole()
    rng = Rng(1, rows=range(N))
    loss = discriminator_loss(model, Batch.of(x), rng).loss
    real = model.seen(x)
    z = rng.normal("z", 3, dtype=torch.float64)
    fake = model.G(z * math.sqrt(3) / z.norm(dim=1, keepdim=True), None, 2, float(model.alpha))
    s = lambda h: model.D(h, None, 2, float(model.alpha)).score
    assert torch.allclose(loss["real"], -s(real) + 0.2 * s(real).square())
    assert torch.allclose(loss["fake"], s(fake))
    e = rng.uniform("between", 1, dtype=torch.float64).view(-1, 1, 1, 1)
    between = (e * real + (1 - e) * fake).detach().requires_grad_()
    (slope,) = torch.autograd.grad(s(between).sum(), between)
    assert torch.allclose(loss["penalty"], 3 * (slope.flatten(1).norm(dim=1) - 1).square())


def test_the_gradient_through_a_fade_is_that_of_finite_differences(float64):
    model, x = standing(1, 0.6, gradient_penalty=2.0), whole(3)
    value = lambda: sum(
        t.sum() for t in discriminator_loss(model, Batch.of(x), Rng(2, rows=range(3))).loss.values()
    )
    for layer in (model.D.body.into[0][0], model.D.body.blocks[0][2], model.D.score):
        w = layer.weight
        (slope,) = torch.autograd.grad(value(), w)
        with torch.no_grad():
            for i in range(0, w.numel(), max(1, w.numel() // 3)):
                step = torch.zeros(w.numel())
                step[i] = 1e-5
                step = step.reshape(w.shape)
                high, low = [w.add_(k * step) is not None and value() for k in (1, -2)]
                w.add_(step)
                assert float((high - low) / 2e-5) == pytest.approx(
                    float(slope.flatten()[i]), rel=1e-5, abs=1e-6
                )


def test_each_level_fades_in_and_settles():
    model = ProgressiveGAN(SPACE, **TINY)
    stages = [model.stage(i, []) for i in range(5)]
    assert model.stage(5, []) is None
    assert [stage.name for stage in stages] == ["4x8", "fade-8x16", "8x16", "fade-16x32", "16x32"]
    assert sum(stage.length.n for stage in stages) == pytest.approx(model.length.n)
    for i, stage in enumerate(stages):
        stage.start(model, None, None)
        assert (int(model.level), float(model.alpha)) == ((i + 1) // 2, 0.0 if i % 2 else 1.0)
        assert model.looks() == (i + 1) // 2 + 1
    stages[3].start(model, None, None)
    stages[3].updates[0].after(model, {}, 0.375)
    assert float(model.alpha) == 0.375


@pytest.mark.parametrize("at", [5])
def test_a_run_that_stops_within_a_fade_goes_on_bit_for_bit(at, tmp_path):
    data = simulacra.from_tensors(whole(40).to(torch.uint8)[..., :8, :8], Levels((1, 8, 8), 256), valid=0.2)
    make = lambda: ProgressiveGAN(data.space, **TINY)
    options = {"steps": 12, "batch_size": 8, "progress": False, "doctor": False, "ema": 0.9}
    done = simulacra.fit(make(), data, out=tmp_path / "whole", **options).model
    shares = []

    def stop(loop, ended):
        shares.append((int(loop.model.level), float(loop.model.alpha)))
        if loop.position.total_steps == at + 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulacra.fit(make(), data, out=tmp_path / "cut", callbacks=(stop,), checkpoint_seconds=0, **options)
    assert shares[-1][0] == 1 and 0 < shares[-1][1] < 1
    again = simulacra.resume(tmp_path / "cut", data=data, doctor=False).model
    assert all(torch.equal(a, b) for a, b in zip(done.state_dict().values(), again.state_dict().values()))


def test_a_draw_is_watched_level_by_level(float64):
    model, seen = ProgressiveGAN(SPACE, Categorical((), 3), **TINY), []
    x = model.sample(2, condition=[0, 2], seed=1, watch=lambda t, n, x, known: seen.append((t, n, x)))
    assert [look[:2] for look in seen] == [(1, 3), (2, 3), (3, 3)] and torch.equal(seen[-1][2], x)
    # a coarser level is the mean over blocks of pixels, which are repeated
    h = model.generate(model.prior(Rng(1, "sample", rows=range(2))), model.given(torch.tensor([0, 2])))
    coarse = interpolate(avg_pool2d(h, 4), scale_factor=4, mode="nearest")
    assert torch.equal(seen[0][2], ((coarse + 1) / 2 * 255).clamp(0, 255).round())


@pytest.mark.parametrize(
    ("sides", "size"), [((28, 28), 32), ((3, 9), 16), ((20, 12), 32), ((8, 6), 8), ((65, 65), 128)]
)
def test_sides_that_do_not_halve_to_four_are_refused_with_a_size(sides, size):
    with pytest.raises(ValueError, match=f"{sides[0]}x{sides[1]} does not halve down to it") as error:
        ProgressiveGAN(Levels((1, *sides), 256), **TINY)
    assert error.value.suggestions[0].options == (("size", size),)
    ProgressiveGAN(Levels((1, size, size), 256), **TINY)
