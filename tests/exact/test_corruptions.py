"""Corruptions: their laws against counts and loops, noise by row, and refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from simulacra.core.corruption.corruption import Corruption
from simulacra.core.corruption.images import Blur, Downscale, Edges
from simulacra.core.corruption.noise import GaussianNoise, Masking, SaltAndPepper
from simulacra.core.corruption.parse import KINDS, parse
from simulacra.core.errors.suggestion import Refusal
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Binary, Levels, Positive, Real

N = 400
PICTURE = Levels((3, 7, 5), 17)


def image(n: int = 4) -> torch.Tensor:
    return torch.randint(0, 17, (n, 3, 7, 5), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


def on(corruption: Corruption, x: torch.Tensor, space, name: str = "corruption", seed: int = 0):
    """x~ of the rows of x."""
    return corruption.apply(x, Rng(seed, "test", rows=range(len(x))), space, name)


def near(count: float, n: int, p: float) -> bool:
    """True if a count of n is within five standard deviations of its law."""
    return abs(count - n * p) < 5 * math.sqrt(n * p * (1 - p))


@pytest.mark.system("D6")
@pytest.mark.parametrize("p", [0.1, 0.3, 0.75])
def test_masking_zeroes_a_share_of_entries_and_keeps_the_others(p):
    x = torch.randint(1, 17, (N, 50))
    y = on(Masking(p), x, Levels((50,), 17))
    assert near(int((y == 0).sum()), N * 50, p)
    assert torch.equal(y[y != 0], x[y != 0])


@pytest.mark.system("D6")
@pytest.mark.parametrize("p", [0.2, 0.6])
def test_salt_and_pepper_are_equally_many(p):
    x = torch.full((N, 50), 8)
    y = on(SaltAndPepper(p), x, Levels((50,), 17))
    assert near(int((y == 0).sum()), N * 50, p / 2) and near(int((y == 16).sum()), N * 50, p / 2)
    assert set(y.unique().tolist()) == {0, 8, 16}


@pytest.mark.system("D6")
@pytest.mark.parametrize(
    ("space", "x", "level", "deviation"),
    [
        (Real((50,)), 0.7, 0.3, 0.3),
        (Levels((50,), 2**12), 2000, 0.05, 0.05 * (2**12 - 1)),
        (Levels((50,), 2**12, centre=2000, spread=200), 2000, 0.3, 60),
    ],
)
def test_gaussian_noise_has_its_deviation_in_units_of_features(float64, space, x, level, deviation):
    """The limits of the levels are more than nine deviations away."""
    y = on(GaussianNoise(level), torch.full((N, 50), x, dtype=torch.float64), space)
    assert not space.discrete or torch.equal(y, y.round())
    # the standard error of a standard deviation is s / sqrt(2 n)
    assert float((y - x).std()) == pytest.approx(deviation, rel=5 / math.sqrt(2 * N * 50))
    assert float((y - x).mean()) == pytest.approx(0, abs=5 * deviation / math.sqrt(N * 50))


@pytest.mark.system("D6")
def test_noisy_levels_are_clipped_to_their_range():
    y = on(GaussianNoise(5.0), torch.full((N, 50), 8), Levels((50,), 17))
    assert set(y.unique().tolist()) == set(range(17)) and bool(((y == 0) | (y == 16)).float().mean() > 0.8)


@pytest.mark.system("D6")
def test_noise_of_positive_numbers_is_normal_in_their_logarithm(float64):
    y = on(GaussianNoise(0.3), torch.full((N, 50), 5.0), Positive((50,)))
    assert float((y / 5).log().std()) == pytest.approx(0.3, rel=0.03) and bool((y > 0).all())


@pytest.mark.system("D6")
@pytest.mark.parametrize("k", [2, 3, 5])
def test_downscaling_gives_the_mean_of_each_block(float64, k):
    x = torch.randn(2, 3, 7, 5)
    y = on(Downscale(k), x, Real((3, 7, 5)))
    for i in range(7):
        for j in range(5):
            top, left = i // k * k, j // k * k
            block = x[:, :, top : top + k, left : left + k].mean((2, 3))
            torch.testing.assert_close(y[:, :, i, j], block)


@pytest.mark.system("D6")
def test_blur_is_a_gaussian_window_cut_at_the_border(float64):
    x = torch.randn(1, 1, 7, 5)
    y, s = on(Blur(1.3), x, Real((1, 7, 5))), 1.3
    window = lambda at, n: np.exp(-((np.arange(n) - at) ** 2) / (2 * s * s))
    for i in range(7):
        for j in range(5):
            w = np.outer(window(i, 7), window(j, 5))
            assert float(y[0, 0, i, j]) == pytest.approx(float((w / w.sum() * x[0, 0].numpy()).sum()))


@pytest.mark.system("D6")
def test_edges_are_the_range_of_the_neighbours():
    x = image()
    y, whole = on(Edges(), x, PICTURE), x.int()
    for i in range(7):
        for j in range(5):
            part = whole[:, :, max(i - 1, 0) : i + 2, max(j - 1, 0) : j + 2].flatten(2)
            assert torch.equal(y[:, :, i, j].int(), part.amax(2) - part.amin(2))


@pytest.mark.system("D6")
@pytest.mark.parametrize("name", KINDS)
def test_a_corrupted_row_is_an_observation_whatever_its_batch(name):
    """It has the type and support of x, and depends on the row, the seed and the name of the draw."""
    corruption, x = KINDS[name](), image(50)
    whole = on(corruption, x, PICTURE)
    PICTURE.check(whole)
    assert whole.dtype == x.dtype and not torch.equal(whole, x)
    for n in (2, 3):
        assert torch.equal(on(corruption, x[:n], PICTURE), whole[:n])
    noisy = name in ("mask", "gaussian", "salt", "turn")
    assert torch.equal(on(corruption, x, PICTURE, seed=1), whole) != noisy
    assert torch.equal(on(corruption, x, PICTURE, "other"), whole) != noisy


@pytest.mark.system("D6")
def test_text_and_corruption_are_the_same():
    texts = ["mask:0.3", "gaussian:0.1", "salt:0.2", "downscale:4", "blur:1.5", "edges", "turn:0.5"]
    assert [parse(text).text for text in texts] == texts
    assert parse("none") is None and parse("mask") == Masking(0.3)


SPACES = (Binary((6,)), Real((6,)), Levels((6,), 17), Positive((6,)), PICTURE, Audio((9,), rate=8000))
SPACES += (Categorical((6,), 3), Table(a=Real(), b=Categorical((), 3)), Levels((1, 3, 9), 17))


@pytest.mark.fault("corruptions")
@pytest.mark.parametrize("space", SPACES, ids=str)
@pytest.mark.parametrize("name", KINDS)
def test_what_a_space_cannot_take_is_refused_with_one_that_it_can(name, space):
    corruption = parse("downscale:4") if name == "downscale" else KINDS[name]()
    if corruption.fits(space):
        assert corruption.space(space) == space
        return
    with pytest.raises(Refusal, match=name) as refused:
        corruption.space(space)
    (way,) = refused.value.suggestions
    other = parse(dict(way.options)["corruption"])
    assert str(space) in str(refused.value) and str(way) in str(refused.value)
    assert other is None or other.space(space) == space


@pytest.mark.fault("corruptions")
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("slat:0.2", "there is no corruption 'slat:0.2'; .*use corruption='salt:0.2'"),
        ("quux", "possible are none, mask, .*use corruption='mask:0.3'"),
        ("mask:1.5", "a share of entries between 0 and 1, not 1.5: use corruption='mask:0.3'"),
        ("mask:0", "not 0: use"),
        ("salt:-0.1", "not -0.1: use corruption='salt:0.2'"),
        ("gaussian:nan", "not nan: use"),
        ("gaussian:inf", "not inf: use"),
        ("gaussian:much", "not 'much': use corruption='gaussian:0.1'"),
        ("downscale:2.5", "a whole number of pixels from 2, not 2.5: use corruption='downscale:2'"),
        ("edges:3", "edges has no level, but 3 was given: use corruption='edges'"),
        ("edges:much", "left out, not 'much': use corruption='edges'"),
        ("none:0.2", "there is no corruption 'none:0.2'"),
    ],
)
def test_text_that_is_no_corruption_is_refused(text, words):
    with pytest.raises(Refusal, match=words) as refused:
        parse(text)
    (way,) = refused.value.suggestions
    assert parse(dict(way.options)["corruption"]) is not None
