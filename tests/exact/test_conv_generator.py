"""The convolutional generator: un-pooling, an exact density given the parameters, and angles on a circle."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch.nn import functional as F

import simulacra
from simulacra.core.batch import Batch
from simulacra.core.preprocessing.chain import Preprocessing
from simulacra.core.preprocessing.column_scales import Columns
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Binary, Levels, Real
from simulacra.models.autoencoders.circles import Circles
from simulacra.models.autoencoders.conv_generator import ConvGenerator, negative_log_likelihood, place_angles
from simulacra.nets.strides import transposed
from simulacra.nets.upconv import UpConvolution, unpooled

KINDS = ("unpool", "transposed")
POOLS = (F.max_pool1d, F.max_pool2d, F.max_pool3d)
TWO = Table(kind=Categorical((), 2), angle=Real())
TINY = {"hidden": (3, 5), "channels": (2, 3)}


# ---- un-pooling


@pytest.mark.system("H4")
@pytest.mark.parametrize("sides", [(5,), (5, 3), (2, 3, 4)], ids=len)
def test_pooling_undoes_unpooling_where_nothing_is_negative(sides, float64):
    h = torch.randn(2, 3, *sides)
    up, pool = unpooled(h), POOLS[len(sides) - 1]
    assert up.shape == (2, 3, *(2 * n for n in sides))
    assert torch.equal(pool(unpooled(h.abs()), 2), h.abs())
    # zeros are larger than what is negative
    assert torch.equal(pool(up, 2), h.clamp_min(0))
    # the value stands in the first corner of its block, and nothing is lost
    assert torch.equal(up[(..., *[slice(None, None, 2)] * len(sides))], h)
    torch.testing.assert_close(up.flatten(1).sum(1), h.flatten(1).sum(1))


@pytest.mark.system("H4")
@pytest.mark.system("H5")
@pytest.mark.parametrize("sides", [(5,), (5, 3), (2, 3, 4)], ids=len)
def test_a_convolution_after_unpooling_is_a_transposed_one(sides, float64):
    """It is computed so, and cut where a side is odd; and transposed convolutions are those of torch."""
    h, dims, odd = torch.randn(2, 3, *sides), len(sides), [2 * n - 1 for n in sides]
    up, other = (UpConvolution(3, 2, odd, kind) for kind in KINDS)
    cut = (..., *[slice(0, n) for n in odd])
    conv = (F.conv1d, F.conv2d, F.conv3d)[dims - 1]
    torch.testing.assert_close(up(h), conv(unpooled(h), up.conv.weight, up.conv.bias, padding=2)[cut])
    whole = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[dims - 1]
    due = whole(h, other.conv.weight, other.conv.bias, stride=2, padding=1)
    torch.testing.assert_close(other(h), due[cut])


@pytest.mark.system("H5")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sides", [(7,), (7, 10), (5, 3, 6)], ids=len)
def test_images_of_any_sides(kind, sides):
    """Each up-convolution doubles a side or leaves one out: the mirror of strides of two."""
    space = Audio(sides) if len(sides) == 1 else Real((2, *sides))
    model = ConvGenerator(space, Categorical((), 3), upsampling=kind, **TINY)
    assert model.draw(Rng(0, rows=range(4)), torch.tensor([0, 1, 2, 2])).shape == (4, *space.shape)
    up = [layer for layer in model.net.body if isinstance(layer, UpConvolution)]
    for i, n in enumerate(sides):
        ladder = [model.net.start[1 + i], *(layer.sides[i] for layer in up)]
        assert ladder == [(n + 3) // 4, (n + 1) // 2, n]
        assert all(b in (transposed(a, 4, 2, 1), 2 * a - 1) for a, b in itertools.pairwise(ladder))


# ---- the density


@pytest.mark.system("H4")
@pytest.mark.parametrize("space", [Binary((1, 2, 3)), Levels((1, 1, 3), 3)], ids=str)
def test_probabilities_of_all_images_sum_to_one(space, float64):
    model, values = ConvGenerator(space, TWO, ("angle",), **TINY), getattr(space, "levels", 2)
    x = torch.tensor([*itertools.product(range(values), repeat=space.dims)]).view(-1, *space.shape)
    for kind, angle in ((0, 30.0), (1, 200.0)):
        c = torch.tensor([[kind, angle]]).expand(len(x), 2)
        assert model.log_density(x, c).exp().sum().item() == pytest.approx(1, abs=1e-12)


@pytest.mark.system("H4")
def test_a_gaussian_of_fixed_scale_is_the_squared_error(float64):
    """log p = -|x - g(c)|^2 / 2 s^2 - d log s - d/2 log 2 pi; draws have this mean and variance."""
    model = ConvGenerator(Real((1, 3, 3)), TWO, ("angle",), scale=0.3, **TINY)
    c, x = torch.tensor([[1.0, 77.0]]), torch.randn(1, 1, 3, 3)
    with torch.no_grad():
        g = model.draw(Rng(0), c, how=model.drawing(mean=True))
        due = torch.distributions.Normal(g, 0.3).log_prob(x).sum((1, 2, 3))
        torch.testing.assert_close(model.log_density(x, c), due)
        drawn = model.draw(Rng(5, rows=range(4000)), c.expand(4000, 2))
    assert float((drawn.mean(0) - g[0]).abs().max()) < 5 * 0.3 / 4000**0.5
    assert float((drawn.var(0) - 0.09).abs().max()) < 5 * 0.09 * (2 / 4000) ** 0.5


# ---- angles


@pytest.mark.system("H4")
def test_angles_are_points_of_the_circle_whatever_their_units(float64):
    """(cos, sin) of the raw angle, though the model sees it standardized; 0 and 360 degrees are one."""
    raw = Table(kind=Categorical((), 2), angle=Real(), hour=Real(), size=Real())
    scaled = Columns(("keep", "shift", "shift", "shift"), (0.0, 177.5, 11.5, 3.0), (1.0, 103.9, 6.9, 2.0))
    chain = Preprocessing(raw, (scaled,))
    circles = Circles(chain.space, ("angle", "hour:24"))
    assert circles.sizes == [2, 2, 2, 1]
    rows = torch.tensor([[0, 0.0, 6.0, 1.0], [1, 360.0, 30.0, 5.0], [1, 90.0, 12.0, 3.0]])
    kind, angle, hour, size = circles.features(chain.of_condition(rows, "cpu"), circles.places(chain))
    torch.testing.assert_close(angle, torch.tensor([[1.0, 0], [1, 0], [0, 1]]))
    torch.testing.assert_close(hour, torch.tensor([[0.0, 1], [0, 1], [-1, 0]]))
    assert kind.tolist() == [[1, 0], [0, 1], [0, 1]] and size.tolist() == [[-1], [1], [0]]
    # a model reads the scales from its preprocessing when it is trained
    model = ConvGenerator(Real((1, 3, 3)), chain.space, ("angle", "hour:24"), **TINY)
    model.conditioning = chain
    place_angles(model, None, Rng(0))
    torch.testing.assert_close(model.places, torch.tensor([[177.5, 11.5], [103.9, 6.9]]))
    same, other = (model.sample(1, [row], seed=0) for row in ([0, 10.0, 1.0, 2.0], [0, 370.0, 25.0, 2.0]))
    torch.testing.assert_close(same, other)


@pytest.mark.parametrize(
    ("condition", "named", "words"),
    [
        (
            TWO,
            ("angel",),
            "circular names 'angel', but the columns of the condition are kind, angle: give circular",
        ),
        (TWO, ("kind",), "load the column as numbers"),
        (TWO, ("angle:0",), "a period is above 0, such as angle:360"),
        (Categorical((), 72), ("angle",), "load the column as numbers"),
        (Real((3,)), ("angle",), "are 0, 1, 2: give circular"),
    ],
)
def test_columns_that_are_no_angles_are_refused(condition, named, words):
    with pytest.raises(ValueError, match=words):
        ConvGenerator(Real((1, 3, 3)), condition, named, **TINY)


def test_a_single_number_is_an_angle_of_any_name():
    for condition in (Real(()), Real((1,)), Table(turn=Real())):
        assert Circles(condition, ("turn",)).periods == {0: 360.0}
    assert Circles(Real((2,)), ("1:24",)).periods == {1: 24.0}


# ---- rendered shapes


def rendered(kind, angle):
    """Discs and squares of 9 x 9 pixels at an angle around the middle, shape (B, 1, 9, 9)."""
    at, a = torch.linspace(-1, 1, 9), (angle * torch.pi / 180).view(-1, 1, 1)
    dy, dx = at.view(1, -1, 1) - 0.5 * a.sin(), at.view(1, 1, -1) - 0.5 * a.cos()
    far = torch.where(kind.view(-1, 1, 1) == 0, dy.hypot(dx), dy.abs().maximum(dx.abs()))
    return ((0.4 - far) / 0.08).sigmoid().unsqueeze(1)


def errors(circular) -> torch.Tensor:
    """Errors at the angles between those of training, which are 45 degrees apart, shape (2, 8)."""
    angle, kind = torch.arange(0, 360, 45.0).repeat(2), torch.arange(2).repeat_interleave(8)
    unit = 1.0 if circular else 104.0
    given = lambda a: torch.stack([kind.float(), a / unit], 1)
    model = ConvGenerator(Real((1, 9, 9)), TWO, circular, hidden=(8, 32), channels=(8, 8), scale=0.1)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(150):
        optimizer.zero_grad()
        batch = Batch.of(rendered(kind, angle), given(angle))
        negative_log_likelihood(model, batch, Rng(0)).loss["image"].mean().backward()
        optimizer.step()
    with torch.no_grad():
        made = model.given(given(angle + 22.5)).mean
    return (made - rendered(kind, angle + 22.5)).square().mean((1, 2, 3)).view(2, 8)


@pytest.mark.system("H4")
def test_angles_between_those_of_training_are_rendered():
    """Better than the nearest angle and than the mean of its two neighbors; a number tears at 0 degrees."""
    angle, kind = torch.arange(0, 360, 45.0).repeat(2), torch.arange(2).repeat_interleave(8)
    x, between = (rendered(kind, angle + more).view(2, 8, 1, 9, 9) for more in (0.0, 22.5))
    copy, mean = ((m - between).square().mean() for m in (x, (x + x.roll(-1, 1)) / 2))
    circle, number = errors(("angle",)), errors(())
    assert float(circle.mean()) < 0.85 * float(mean) < 0.3 * float(copy)
    # between 315 and 360 degrees
    assert float(number[:, -1].min()) > 2 * float(circle[:, -1].max())


def test_what_a_generator_cannot_draw_is_refused():
    for space, condition, words in (
        (Real((1, 3, 3)), None, "there is no condition"),
        (Real((1, 3, 3)), Real((1, 8, 8)), "takes images and recordings"),
        (Real((3,)), TWO, "draws images"),
    ):
        with pytest.raises(ValueError, match=words):
            simulacra.ConvGenerator(space, condition)
