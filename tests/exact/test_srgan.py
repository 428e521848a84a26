"""SRGAN: its error and PSNR, the mean as the optimum of the error, its stages, and the game in float64."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn.functional import softplus, unfold

import simulacra
from simulacra import SRGAN, Levels, Real
from simulacra.core.batch import Batch
from simulacra.core.numerics.bicubic import bicubic
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary
from simulacra.evaluation.latents.fidelity import psnr, ssim
from simulacra.evaluation.pairs.luma import psnr_y
from simulacra.models.adversarial.paired.srgan import error_loss, mirrored, rebuilding_loss

LARGE, SMALL = Levels((3, 15, 9), 256), Levels((3, 5, 3), 256)
TINY = {"channels": 4, "blocks": 1, "critic_channels": 2, "patch": 1}


def whole(*shape: int, seed: int = 0, levels: int = 256) -> torch.Tensor:
    return torch.randint(0, levels, shape, generator=torch.Generator().manual_seed(seed)).double()


def batch(n: int = 4) -> Batch:
    return Batch.of(whole(n, 3, 15, 9), whole(n, 3, 5, 3, seed=1))


@pytest.mark.system("G20")
def test_an_untrained_model_draws_the_bicubic_interpolation(float64):
    model, c = SRGAN(LARGE, SMALL, **TINY), whole(4, 3, 5, 3)
    drawn = model.draw(Rng(0, rows=range(4)), c).detach()
    assert torch.equal(drawn, drawn.round())
    # levels are rounded, halves to either side
    assert float((drawn - bicubic(c, (15, 9)).clamp(0, 255)).abs().max()) < 0.5 + 1e-9
    assert float(bicubic(c, (15, 9)).max()) > 255  # it is clipped


@pytest.mark.system("G20")
def test_the_squared_error_is_the_psnr(float64):
    model, rows = SRGAN(LARGE, SMALL, **TINY), batch()
    error = error_loss(model, rows, Rng(0, rows=rows.rows)).loss["error"]
    drawn = bicubic(rows.c / 255, (15, 9))
    assert torch.allclose(-10 * error.log10(), psnr(drawn, rows.x / 255), atol=1e-12)
    # luminance of grey pictures is the picture itself, and a picture is like itself
    grey, away = whole(2, 1, 20, 13, seed=2), 7.0
    assert torch.allclose(psnr_y(grey, grey + away, 4), torch.tensor(20 * math.log10(255 / away)))
    assert torch.allclose(ssim(grey / 255, grey / 255), torch.ones(2))


@pytest.mark.system("G20")
def test_the_optimum_of_the_squared_error_is_the_mean_of_two_plausible_images(float64):
    """Averaging is a problem: the best G by squared error draws an image that is neither of the two."""
    model = SRGAN(Levels((1, 6, 6), 256), Levels((1, 3, 3), 256), channels=40, blocks=0)
    c, plausible = whole(1, 1, 3, 3).expand(2, -1, -1, -1), whole(2, 1, 6, 6, seed=4)
    rows = Batch.of(plausible, c)
    G = model.G
    h = G.start(model.given(c))
    h = (h + G.middle(G.blocks(h))).detach()
    # the last layer is linear: its best weights by least squares
    inputs = torch.cat([unfold(h, 3, padding=1), torch.ones(2, 1, 9)], 1).transpose(1, 2).flatten(0, 1)
    wanted = torch.nn.functional.pixel_unshuffle(model.seen(plausible) - bicubic(model.given(c), (6, 6)), 2)
    best = torch.linalg.lstsq(
        inputs, wanted.flatten(2).transpose(1, 2).flatten(0, 1), driver="gelsd"
    ).solution
    with torch.no_grad():
        G.end.weight.copy_(best[:-1].T.reshape(G.end.weight.shape))
        G.end.bias.copy_(best[-1])
    terms = error_loss(model, rows, Rng(0, rows=range(2)))
    drawn, mean = 255 * model.generate(model.prior(Rng(0, rows=range(2))), model.given(c)), plausible.mean(0)
    assert torch.allclose(drawn[0], mean, atol=1e-8)
    # its error is a quarter of the squared distance of the two, and no gradient is left
    gap = (model.seen(plausible[:1]) - model.seen(plausible[1:])).square().mean()
    assert torch.allclose(terms.loss["error"].mean(), gap / 4)
    gradient = torch.autograd.grad(terms.loss["error"].mean(), list(G.parameters()), allow_unused=True)
    assert max(float(g.abs().max()) for g in gradient if g is not None) < 1e-10
    # an optimal D of the two images alone would tell it: the drawn image is none of them
    assert min(float((drawn[0].detach() - one).abs().max()) for one in plausible) > 10


@pytest.mark.system("G20")
def test_the_median_is_an_optimum_of_the_absolute_error(float64):
    model = SRGAN(LARGE, SMALL, error="absolute", **TINY)
    x = torch.rand(3, 3, 15, 9)
    error = lambda y: model.distance(x, y.expand_as(x)).mean()
    middle = x.median(0, keepdim=True).values
    for step in (1e-3, -1e-3, 0.2):
        assert error(middle) < error(middle + step)
    assert error(x.mean(0, keepdim=True)) > error(middle)


@pytest.mark.system("G20")
def test_the_losses_of_the_game_by_hand(float64):
    model, rows = SRGAN(LARGE, SMALL, adversarial=0.3, **TINY).eval(), batch()
    stages = {stage.name: stage for stage in (model.stage(i, []) for i in range(3))}
    assert [*stages] == ["features", "error", "game"] and model.stage(3, []) is None
    of_D, of_G = stages["game"].updates
    x, y = rows.x / 255, bicubic(rows.c / 255, (15, 9))
    s = lambda h: model.D(h).score
    assert s(x).shape == (4, 15, 9)
    found = of_D.loss(model, rows, Rng(0, rows=rows.rows)).loss
    assert torch.allclose(found["real"], softplus(-s(x)).mean((1, 2)))
    assert torch.allclose(found["fake"], softplus(s(y)).mean((1, 2)))
    found = of_G.loss(model, rows, Rng(0, rows=rows.rows)).loss
    # (2), with the weight of the game
    assert torch.allclose(found["loss"], 0.3 * softplus(-s(y)).mean((1, 2)))
    assert torch.allclose(found["content"], model.extractor.distance(x, y))
    (of_E,) = stages["features"].updates
    rebuilt = rebuilding_loss(model, rows, Rng(0, rows=rows.rows)).loss["rebuilding"]
    assert torch.allclose(rebuilt, (x - model.extractor.rebuilt(x)).square().mean((1, 2, 3)))
    assert (of_E.params, of_D.params, of_G.params) == (("extractor.",), ("D.",), ("G.",))


@pytest.mark.system("G20")
def test_stages_by_the_options():
    names = lambda **o: [
        s.name for s in (SRGAN(LARGE, SMALL, **TINY, **o).stage(i, []) for i in range(3)) if s
    ]
    assert names() == ["features", "error", "game"]
    assert names(content="error") == ["error", "game"]
    assert names(adversarial=0.0) == ["error"]
    resnet = SRGAN(LARGE, SMALL, adversarial=0.0, **TINY)
    assert resnet.D is None and all(name.startswith("G.") for name, _ in resnet.named_parameters())


@pytest.mark.system("G20")
def test_pairs_are_mirrored_alike(float64):
    square = SRGAN(Levels((1, 6, 6), 256), Levels((1, 3, 3), 256), **TINY)
    n = 40
    c = whole(n, 1, 3, 3)
    x = c.repeat_interleave(2, -1).repeat_interleave(2, -2)
    found = mirrored(square, Batch.of(x, c), Rng(0, "view", rows=range(n)))
    assert torch.equal(found.x, found.c.repeat_interleave(2, -1).repeat_interleave(2, -2))
    seen = set()
    for before, after in zip(c, found.c):
        turns = [before.rot90(k, (-2, -1)) for k in range(4)]
        forms = [*turns, *(t.flip(-1) for t in turns)]
        seen.add(next(i for i, form in enumerate(forms) if torch.equal(form, after)))
    assert seen == set(range(8))
    # keyed by the row: a part of the batch is turned as in the whole
    part = mirrored(square, Batch.of(x[5:9], c[5:9]), Rng(0, "view", rows=range(5, 9)))
    assert torch.equal(part.x, found.x[5:9])
    oblong = mirrored(SRGAN(LARGE, SMALL, **TINY), batch(9), Rng(0, rows=range(9)))
    assert oblong.x.shape == (9, 3, 15, 9)


@pytest.mark.system("G20")
def test_levels_of_a_range_and_other_spaces(float64):
    large = Levels((1, 6, 8), 4096, centre=900.0, spread=300.0)
    small = Levels((1, 3, 4), 4096, centre=880.0, spread=250.0)
    c = 700 + whole(2, 1, 3, 4, levels=400)
    for model in (SRGAN(large, small, **TINY), SRGAN(Real((1, 6, 8)), Real((1, 3, 4)), **TINY)):
        drawn = model.draw(Rng(0, rows=range(2)), c)
        nearly = bicubic(c, (6, 8))
        assert torch.allclose(drawn, nearly if isinstance(model.space, Real) else nearly.round())
    bits = SRGAN(Binary((1, 4, 4)), Levels((1, 2, 2), 3), **TINY).draw(
        Rng(0, rows=range(2)), whole(2, 1, 2, 2, levels=3)
    )
    assert set(bits.unique().tolist()) <= {0.0, 1.0}


@pytest.mark.system("G20")
def test_a_shifted_condition_changes_the_output_and_any_size_is_drawn(float64):
    model = SRGAN(LARGE, SMALL, **TINY)
    c = whole(1, 3, 11, 13)
    z = model.prior(Rng(0))
    x = model.emit(z, c)
    assert z.shape == (1, 0) and x.shape == (1, 3, 33, 39)
    assert not torch.allclose(x, model.emit(z, c.roll(1, -1)))
    inside = (..., slice(6, -6), slice(9, -6))
    assert torch.allclose(model.emit(z, c.roll(1, -1))[inside], x.roll(3, -1)[inside])


@pytest.mark.system("G20")
def test_a_short_training_lowers_the_error_of_bicubic_pictures():
    """Sharp edges of large images are learned from small ones by a few steps."""
    x = 255 * (whole(60, 1, 4, 4, levels=2).repeat_interleave(4, -1).repeat_interleave(4, -2))
    c = bicubic(x, (8, 8)).clamp(0, 255).round()
    data = simulacra.from_tensors(
        x.byte(), Levels((1, 16, 16), 256), "edges", c.byte(), Levels((1, 8, 8), 256)
    )
    model = SRGAN(data.space, data.condition, channels=6, blocks=1, adversarial=0.0, lr=5e-3)
    simulacra.fit(model, data, epochs=8, batch_size=8, progress=False, doctor=False)
    rows = data.test.rows(torch.arange(len(data.test)))
    drawn = model.sample(len(rows.x), rows.c, seed=0).double()
    ours, theirs = (
        psnr(y / 255, rows.x.double() / 255).mean()
        for y in (drawn, bicubic(rows.c.double(), (16, 16)).clamp(0, 255))
    )
    assert ours > theirs + 1


@pytest.mark.system("G20")
@pytest.mark.parametrize(
    ("space", "condition"),
    [
        (LARGE, None),
        (LARGE, Levels((3, 5, 9), 256)),
        (LARGE, Levels((3, 4, 3), 256)),
        (Real((5,)), Real((3, 1, 1))),
        (LARGE, Real((3,))),
    ],
)
def test_other_pairs_are_refused(space, condition):
    with pytest.raises(ValueError, match=r"srgan makes images from smaller ones.*condition='downscale:4'"):
        SRGAN(space, condition)
