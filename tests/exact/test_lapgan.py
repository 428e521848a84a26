"""LAPGAN: its pyramid is exact, each level has its own game of residuals, draws go from level to level."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import softplus

from simulacra import LAPGAN, Categorical, Levels, Real
from simulacra.core.batch import Batch
from simulacra.core.numerics.bicubic import bicubic
from simulacra.core.numerics.pyramid import build, collapse, images, sides_of
from simulacra.core.random.keyed import Rng
from simulacra.models.adversarial.growing.lapgan import at_level, begin, judging_loss, refining_loss

pytestmark = pytest.mark.system("G3")
TINY = {"halvings": 2, "latent": 3, "hidden": (5,), "channels": 2, "blocks": 1, "normalization": "none"}
SPACE, CLASS = Levels((1, 7, 10), 256), Categorical((), 3)
N = 4


def whole(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(seed)).double()


def rows() -> Batch:
    return Batch.of(whole(N, 1, 7, 10), torch.arange(N) % 3)


def played(k: int, **more) -> tuple[LAPGAN, Batch]:
    """A model of three levels with large weights, and a batch as level k sees it."""
    model = LAPGAN(SPACE, CLASS, **{**TINY, **more})
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(9)
    return model, at_level(model, rows(), Rng(0, rows=range(N)), k)


@pytest.mark.parametrize("sides", [(28, 28), (7, 5), (9, 6), (3, 11), (64, 64)], ids=str)
def test_a_pyramid_collapses_to_the_image(sides, float64):
    x = whole(2, 3, *sides) / 255
    K = 3 if min(sides) > 8 else 2
    parts = build(x, K)
    assert [tuple(part.shape[-2:]) for part in parts] == sides_of(sides, K)
    assert float((collapse(parts) - x).abs().max()) < 1e-12
    single = build(x.float(), K)
    assert float((collapse(single) - x.float()).abs().max()) < 1e-6


def test_the_residuals_of_a_smooth_image_are_small(float64):
    """A constant image has no residual; a checkerboard is residual alone."""
    assert all(float(h.abs().max()) < 1e-12 for h in build(torch.full((1, 1, 8, 12), 0.7), 2)[:-1])
    board = torch.arange(8).view(1, 1, 8, 1).add(torch.arange(8)).remainder(2).mul(2.0).sub(1)
    h, coarsest = build(board, 1)
    assert float(coarsest.abs().max()) < 1e-1 and float((h - board).abs().max()) < 1e-1


def test_data_of_a_level_are_residuals_given_the_coarser_image_of_the_row(float64):
    model, x = LAPGAN(SPACE, CLASS, **TINY), rows().x
    parts = build(2 * x / 255 - 1, 2)
    for k in range(3):
        batch = at_level(model, rows(), Rng(0, rows=range(N)), k)
        assert torch.equal(batch.x, parts[k])
        label = torch.eye(3)[rows().c]
        if k == 2:
            assert torch.equal(batch.c, label)
            continue
        # the coarser image, then a map for each class
        assert torch.allclose(batch.c[:, :1] + batch.x, images(2 * x / 255 - 1, 2)[k], atol=1e-12)
        assert torch.equal(batch.c[:, 1:], label[..., None, None].expand(-1, -1, *batch.x.shape[2:]))


@pytest.mark.parametrize("k", range(3))
def test_a_level_plays_a_conditional_game_of_its_own(k, float64):
    model, batch = played(k)
    rng = Rng(1, "x", rows=range(N))
    z = rng.normal(f"z {k}", model.sizes[k], dtype=torch.float64)
    fake = model.G.levels[k](z, batch.c)
    D = model.D.levels[k]
    mean = lambda s: s.flatten(1).mean(1) if s.dim() > 1 else s
    terms = judging_loss(model, batch, rng, k).loss
    assert torch.allclose(terms["real"], mean(softplus(-D(batch.x, batch.c).score)), atol=1e-12)
    assert torch.allclose(terms["fake"], mean(softplus(D(fake, batch.c).score)), atol=1e-12)
    loss = refining_loss(model, batch, rng, k).loss["loss"]
    assert torch.allclose(loss, mean(softplus(-D(fake, batch.c).score)), atol=1e-12)
    # no other level takes part
    parameters = dict(model.named_parameters())
    found = torch.autograd.grad(loss.sum(), list(parameters.values()), allow_unused=True)
    touched = {name for name, g in zip(parameters, found) if g is not None}
    assert {".".join(name.split(".")[:3]) for name in touched} == {f"G.levels.{k}", f"D.levels.{k}"}
    update = model.stage(2 - k, []).updates[1]
    assert update.params == (f"G.levels.{k}.",)


def test_the_gradient_of_a_level_is_that_of_finite_differences(float64):
    model, batch = played(1)
    value = lambda: refining_loss(model, batch, Rng(2, rows=range(N)), 1).loss["loss"].sum()
    w = model.G.levels[1].end.weight
    (slope,) = torch.autograd.grad(value(), w)
    with torch.no_grad():
        for i in range(0, w.numel(), 7):
            step = torch.zeros_like(w)
            step.view(-1)[i] = 1e-5
            high = w.add_(step) is not None and value()
            low = w.sub_(2 * step) is not None and value()
            w.add_(step)
            assert float((high - low) / 2e-5) == pytest.approx(float(slope.view(-1)[i]), rel=1e-5, abs=1e-8)
        assert float(slope.abs().max()) > 1e-4


def test_a_draw_is_the_collapsed_pyramid_of_its_levels(float64):
    model = LAPGAN(Real((1, 7, 10)), CLASS, **TINY)
    rng, c = Rng(3, rows=range(N)), torch.arange(N) % 3
    label = torch.eye(3)[c]
    z = [rng.normal(f"z {k}", model.sizes[k], dtype=torch.float64) for k in range(3)]
    image = model.G.levels[2](z[2], label)
    parts = [image]
    for k in (1, 0):
        up = bicubic(image, model.G.sides[k])
        maps = torch.cat([up, label[..., None, None].expand(-1, -1, *up.shape[2:])], 1)
        parts.insert(0, model.G.levels[k](z[k], maps))
        image = up + parts[0]
    assert torch.allclose(model.draw(rng, c), collapse(parts), atol=1e-12)


def test_a_draw_is_watched_from_the_coarsest_level_on(float64):
    model, _ = played(0)
    seen = []
    x = model.sample(
        N, condition=[0, 1, 2, 0], seed=1, watch=lambda t, n, x, known: seen.append((t, n, x, known))
    )
    assert [look[:2] for look in seen] == [(1, 3), (2, 3), (3, 3)] and all(
        bool(look[3].all()) for look in seen
    )
    assert torch.equal(seen[-1][2], x) and torch.equal(x, model.sample(N, condition=[0, 1, 2, 0], seed=1))
    # networks that stand at a coarser level draw what the watcher saw of it
    for level in range(3):
        begin(model, None, None, level)
        assert torch.equal(model.sample(N, condition=[0, 1, 2, 0], seed=1), seen[level][2])


def test_noise_is_keyed_by_level(float64):
    model = LAPGAN(SPACE, **TINY)
    rng = Rng(5, rows=range(N))
    parts = model.prior(rng).split(model.sizes, 1)
    assert model.latent == 7 * 10 + 4 * 5 + 3
    for k, part in enumerate(parts):
        assert torch.equal(part, model.noise_of(k, rng))
        assert torch.equal(part[:2], model.noise_of(k, Rng(5, rows=range(2))))
    # another number of levels leaves the noise of the finest one as it is
    other = LAPGAN(SPACE, **{**TINY, "halvings": 1})
    assert torch.equal(other.noise_of(0, rng), parts[0])


def test_the_score_of_an_image_is_the_sum_over_its_levels(float64):
    model, _ = played(0)
    batch, by_hand = rows(), 0.0
    for k in range(3):
        level = at_level(model, batch, Rng(0, rows=range(N)), k)
        s = model.D.levels[k](level.x, level.c).score
        by_hand = by_hand + (s.flatten(1).mean(1) if s.dim() > 1 else s)
    assert torch.allclose(model.critic_score(batch.x, batch.c), by_hand, atol=1e-12)


@pytest.mark.parametrize("halvings", [0, 5])
def test_a_pyramid_that_does_not_exist_is_refused_with_one_that_does(halvings):
    with pytest.raises(
        ValueError, match=r"halvings is \d, but images of 7x10 can be halved 1 to 2 times"
    ) as error:
        LAPGAN(SPACE, **{**TINY, "halvings": halvings})
    assert LAPGAN(SPACE, **TINY | dict(error.value.suggestions[0].options)).K in (1, 2)


def test_other_data_are_refused_in_a_sentence():
    with pytest.raises(ValueError, match=r"lapgan draws images \(C, H, W\), but the space is"):
        LAPGAN(Real((5,)))
    with pytest.raises(ValueError, match="take a model of pairs, such as pix2pix"):
        LAPGAN(SPACE, SPACE, **TINY)
