"""Memorizers: what one code, a code for each row and learned codes can hold, and what they cannot."""

from __future__ import annotations

import pytest
import torch

import simulacra
from simulacra.core.batch import Batch
from simulacra.core.errors.suggestion import Refusal
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Binary, Levels, Real
from simulacra.exploration.latent.interpolation import path
from simulacra.exploration.latent.inversion import invert
from simulacra.models.autoencoders import Memorizer
from simulacra.models.autoencoders.memorizer import projected

GREY = Levels((1, 7, 7), 17)


def pictures(n: int) -> torch.Tensor:
    """Different images of grey levels, shape (n, 1, 7, 7)."""
    return torch.randint(0, 17, (n, *GREY.shape), generator=torch.Generator().manual_seed(3))


def remembered(x: torch.Tensor, folder, space=GREY, **more):
    """A memorizer after training on the rows x, and its squared error per entry of features."""
    options = {"epochs": more.pop("epochs", 600), "lr": more.pop("lr", 1e-2), "schedule": "cosine"}
    data = simulacra.from_tensors(x, space, valid=0, test=0)
    model = Memorizer(space, **more)
    simulacra.fit(model, data, out=folder / "run", progress=False, **options)
    with torch.no_grad():
        made = model.generate(model.codes_of(torch.arange(len(x))))
    return model, float((model.features(x) - made).square().mean())


@pytest.mark.system("D17")
def test_a_network_with_a_constant_input_holds_one_image(tmp_path):
    x = pictures(1)
    model, loss = remembered(x, tmp_path, codes="ones", hidden=(13,))
    assert loss < 1e-4
    assert torch.equal(model.codes_of(torch.tensor([0])), torch.ones(1, 16))
    assert torch.equal(model.decode(torch.ones(1, 16)).round(), x)


@pytest.mark.system("D18")
def test_four_codes_hold_four_images(tmp_path):
    x = pictures(4)
    model, loss = remembered(x, tmp_path, codes="one-hot", rows=4, hidden=(13,))
    assert loss < 1e-3
    assert torch.equal(model.decode(torch.eye(4)).round(), x)
    # its samples are these images, each about as often
    found = (model.sample(400, seed=0).unsqueeze(1) == x).flatten(2).all(2)
    assert bool((found.sum(1) == 1).all()) and bool((found.sum(0) > 70).all())


@pytest.mark.system("D18")
def test_four_codes_do_not_hold_five_images(tmp_path):
    """The rows 0 and 4 share a code: the least error is the variance within this pair."""
    x = pictures(5)
    model, loss = remembered(x, tmp_path, codes="one-hot", rows=4, hidden=(13,), shared=True)
    f = GREY.features(x)
    floor = float(((f[0] - f[4]) / 2).square().sum() * 2 / f.numel())
    assert floor > 0.01 and floor - 1e-7 <= loss < floor + 1e-4
    both = model.generate(torch.eye(4))[0].detach()
    torch.testing.assert_close(both, (f[0] + f[4]) / 2, atol=0.02, rtol=0)


@pytest.mark.system("D19")
def test_learned_codes_of_a_linear_decoder_reach_the_error_of_pca(float64):
    """The least error of two-dimensional codes is that of the best plane; other rows get codes by search."""
    g = torch.Generator().manual_seed(0)
    x = torch.randn(41, 2, generator=g) @ torch.randn(2, 5, generator=g) + 3
    x = x + 0.1 * torch.randn(41, 5, generator=g)
    train, other = x[:31], x[31:]
    model = Memorizer(Real((5,)), rows=31, latent=2, hidden=())
    optimizer = torch.optim.LBFGS(
        model.parameters(), max_iter=500, line_search_fn="strong_wolfe", tolerance_grad=1e-10
    )
    loss = lambda: model.updates()[0].loss(model, Batch.of(train), Rng(0)).loss["memory"].mean()

    def closure():
        optimizer.zero_grad()
        value = loss()
        value.backward()
        return value

    optimizer.step(closure)
    away = train - train.mean(0)
    best = torch.linalg.eigvalsh(away.T @ away)[:3].sum() / len(train)
    torch.testing.assert_close(loss().detach(), best, rtol=1e-6, atol=0)
    # the ball costs a linear decoder nothing: its weights take the scale
    weight, bias = (p.detach() for p in model.decoder.body[0].parameters())
    longest = float(model.z.detach().norm(dim=1).max())
    with torch.no_grad():
        model.z /= longest
        weight *= longest
        before = model.z.clone()
        model.updates()[0].after(model, {}, 0.0)
    torch.testing.assert_close(model.z.detach(), before)
    torch.testing.assert_close(loss().detach(), best, rtol=1e-6, atol=0)
    # the search is not bound to the ball: its error is the distance from the plane
    offset = (other - bias).T
    residual = offset - weight @ torch.linalg.lstsq(weight, offset).solution
    found = invert(model, other, steps=400, starts=2, lr=0.3).errors
    torch.testing.assert_close(found, residual.square().mean(0), rtol=0.02, atol=1e-5)


@pytest.mark.system("D19")
def test_learned_codes_fit_better_with_time_and_lead_from_image_to_image(tmp_path):
    """A small square at several places: the path between two codes is a path of images within the levels."""
    x = torch.zeros(6, 1, 7, 7, dtype=torch.long)
    for i in range(6):
        x[i, 0, 2:4, i : i + 2] = 16
    _, early = remembered(x, tmp_path / "a", rows=6, latent=2, hidden=(32,), epochs=20)
    model, late = remembered(x, tmp_path / "b", rows=6, latent=2, hidden=(32,))
    assert late < 1e-3 and late < early / 10
    codes = model.codes_of(torch.arange(6)).detach()
    way = model.decode(path(codes[:1], codes[1:2], 5, "lerp")[0])
    torch.testing.assert_close(way[[0, -1]], x[:2].to(way), atol=1.5, rtol=0)
    assert 0 <= float(way.min()) <= float(way.max()) <= 16
    steps = (way[1:] - way[:-1]).flatten(1).norm(dim=1)
    whole = (way[-1] - way[0]).norm()
    # a path of several steps, not a jump
    assert float(steps.max()) < 0.75 * float(whole)


@pytest.mark.system("D19")
def test_a_code_belongs_to_the_row_of_the_data_whatever_the_batch(float64):
    """The gradient of a batch reaches the codes of its own rows, and is the sum of those of single rows."""
    model = Memorizer(Real((3,)), rows=7, latent=2, hidden=(5,))
    x = torch.randn(7, 3)

    def gradient(rows: list[int]) -> torch.Tensor:
        batch = Batch.of(x[rows])
        batch.index = torch.tensor(rows)
        loss = model.updates()[0].loss(model, batch, Rng(0, rows=range(len(rows)))).loss["memory"]
        return torch.autograd.grad(loss.sum(), model.z)[0]

    both = gradient([5, 2])
    assert both[[5, 2]].abs().min() > 0 and float(both[[0, 1, 3, 4, 6]].abs().max()) == 0
    torch.testing.assert_close(both, gradient([2]) + gradient([5]))


@pytest.mark.system("D19")
def test_samples_have_the_gaussian_of_the_codes_that_were_used(float64):
    model = Memorizer(Real((3,)), rows=9, latent=2, hidden=())
    model.used.fill_(6)
    seen = model.z.detach()[:6]
    z = model.prior(Rng(0, rows=range(20_000)))
    # five standard errors of 20,000 draws
    near = 5 / 20_000**0.5
    torch.testing.assert_close(z.mean(0), seen.mean(0), atol=near * float(seen.std()), rtol=0)
    S = torch.cov(seen.T, correction=0)
    torch.testing.assert_close(torch.cov(z.T), S, atol=2 * near * float(S.diagonal().max()), rtol=0)


def test_the_projection_is_the_nearest_point_of_the_ball(float64):
    z = 2 * torch.randn(50, 3)
    inside = z.norm(dim=1) <= 1
    found = projected(z)
    assert torch.equal(found[inside], z[inside]) and bool((found.norm(dim=1) <= 1 + 1e-12).all())
    # no point of the ball is nearer
    others = projected(torch.randn(200, 3))
    nearest = torch.cdist(z, others).min(1).values
    assert bool(((z - found).norm(dim=1) <= nearest + 1e-12).all())


@pytest.mark.fault("memorizer")
def test_more_rows_than_codes_are_refused_and_the_suggestions_work(tmp_path):
    x = pictures(5)
    data = simulacra.from_tensors(x, GREY, valid=0, test=0)
    for codes, said in (("one-hot", "4 codes: give rows=5, or shared=True"), ("ones", "one code")):
        with pytest.raises(Refusal, match=f"5 training rows, but the memorizer has {said}") as caught:
            simulacra.fit(Memorizer(GREY, codes, rows=4, hidden=(3,)), data, out=tmp_path / codes, epochs=1)
        assert not list((tmp_path / codes).glob("*.safetensors"))
        for k, suggestion in enumerate(caught.value.suggestions):
            model = Memorizer(GREY, **{"codes": codes, "rows": 4, "hidden": (3,), **dict(suggestion.options)})
            simulacra.fit(model, data, out=tmp_path / codes, epochs=1, progress=False) if not k else None
            assert model.stage(0, []).start(model, data.train, Rng(0)) is None


@pytest.mark.fault("memorizer")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"rows": 0}, "rows is 0, but a memorizer has at least one: rows=1"),
        ({"latent": 0}, "latent is 0, but a memorizer has at least one: latent=1"),
        ({"codes": "two-hot"}, "codes"),
        ({"space": Categorical((3,), 4)}, "a memorizer needs gradients through its samples"),
        ({"net": "conv"}, "net='conv' needs images"),
    ],
)
def test_what_cannot_be_is_refused(arguments, said):
    with pytest.raises(ValueError, match=said):
        Memorizer(**{"space": Binary((3,)), **arguments})
