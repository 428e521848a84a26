"""The counter-based generator against exact moments and laws, of streams that begin next to each other.

Limits are set in standard errors beforehand: 5 for a single number, 2.23 / sqrt(n) for the distance of
Kolmogorov and Smirnov (a chance of 1e-4).
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import norm

from simulacra.core.random.counter import normals, uniforms

pytestmark = pytest.mark.fault("scores 2.9")
WIDTHS = [1, 2, 3, 50, 784]
DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
CERTAIN = 5  # standard errors
KINDS = {"normal": normals, "uniform": uniforms}


def streams(n: int, first: int = 0) -> np.ndarray:
    """States that are as close to each other as states can be."""
    return np.arange(first, first + n, dtype=np.uint64)


def standard(u: torch.Tensor) -> torch.Tensor:
    """Uniform numbers with mean 0 and variance 1."""
    return (u.double() - 0.5) * math.sqrt(12)


def correlated(a: torch.Tensor, b: torch.Tensor) -> float:
    """The correlation of two sets of independent standard numbers, in its standard errors."""
    return float((a.double() * b.double()).mean() * math.sqrt(a.numel()))


# ---- the generator


def test_words_are_those_of_splitmix():
    """The first outputs of SplitMix64 from the state 1234567, as its authors' program prints them."""
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    u = uniforms(np.array([1234567], dtype=np.uint64), 4, torch.float64)[0]
    assert [int(x) for x in u * 2**53] == [word >> 11 for word in published]


@DTYPES
def test_uniform_numbers_have_the_moments_of_their_law(dtype):
    """E u^k = 1 / (k + 1)."""
    u = uniforms(streams(4000), 500, dtype).double()
    for k in range(1, 7):
        error = math.sqrt((1 / (2 * k + 1) - 1 / (k + 1) ** 2) / u.numel())
        assert abs(float((u**k).mean()) - 1 / (k + 1)) < CERTAIN * error
    assert float(u.min()) >= 0 and float(u.max()) < 1


@DTYPES
def test_normal_numbers_have_the_moments_of_their_law(dtype):
    """E z^k = (k - 1)!! for even k, 0 for odd k."""
    z = normals(streams(4000), 500, dtype).double()
    moment = lambda k: math.prod(range(k - 1, 0, -2)) if k % 2 == 0 else 0
    for k in range(1, 9):
        error = math.sqrt((moment(2 * k) - moment(k) ** 2) / z.numel())
        assert abs(float((z**k).mean()) - moment(k)) < CERTAIN * error


@DTYPES
@pytest.mark.parametrize("kind", KINDS)
def test_numbers_follow_their_law_everywhere(kind, dtype):
    """The largest distance between empirical and exact distribution function."""
    numbers = np.sort(KINDS[kind](streams(2000, 7), 499, dtype).double().numpy().ravel())
    exact = norm.cdf(numbers) if kind == "normal" else numbers
    n = len(numbers)
    above, below = np.arange(1, n + 1) / n - exact, exact - np.arange(n) / n
    assert max(above.max(), below.max()) < 2.23 / math.sqrt(n)


@DTYPES
def test_the_tails_of_normal_numbers_are_there(dtype):
    z, n = normals(streams(4000, 11), 1000, dtype), 4_000_000
    for far in (3.0, 4.0, 4.5):
        for beyond, p in ((int((z > far).sum()), norm.sf(far)), (int((z < -far).sum()), norm.cdf(-far))):
            assert abs(beyond - n * p) < CERTAIN * math.sqrt(n * p)
    assert bool(z.isfinite().all())


@DTYPES
@pytest.mark.parametrize("apart", [1, 2, 3, 16])
def test_consecutive_numbers_are_independent(dtype, apart):
    """Numbers, their squares and their signs, along a stream and from stream to stream."""
    z = normals(streams(3000), 400, dtype).double()
    u = standard(uniforms(streams(3000), 400, dtype))
    square = lambda x: (x.square() - x.square().mean()) / x.square().std()
    for f in (lambda x: x, square, torch.sign):
        for x in (z, u):
            assert abs(correlated(f(x[:, apart:]), f(x[:, :-apart]))) < CERTAIN
            assert abs(correlated(f(x[apart:]), f(x[:-apart]))) < CERTAIN


def test_pairs_of_uniform_numbers_fill_the_square():
    """Chi-square of 32 x 32 cells: a mean of 1023, a standard deviation of 45."""
    u = uniforms(streams(4000), 500, torch.float32).double()
    cell = (u * 32).long()
    counts = torch.bincount((32 * cell[:, ::2] + cell[:, 1::2]).flatten(), minlength=1024).double()
    expected = counts.sum() / 1024
    chi = float(((counts - expected).square() / expected).sum())
    assert abs(chi - 1023) < CERTAIN * math.sqrt(2 * 1023)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_short_types_keep_their_range(dtype):
    u = uniforms(streams(500), 50, dtype)
    assert u.dtype == dtype and float(u.min()) >= 0 and float(u.max()) < 1
    assert abs(float(u.double().mean()) - 0.5) < 0.01
    assert normals(streams(5), 3, dtype).dtype == dtype


@DTYPES
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_is_the_same_alone_and_whatever_its_length(kind, width, dtype):
    """Bit for bit: also where a tile ends, and in the last places of a vector register."""
    whole = KINDS[kind](streams(301), width, dtype)
    for n in (1, 3, 17, 300):
        assert torch.equal(KINDS[kind](streams(n), width, dtype), whole[:n])
    for i in (0, 5, 64, 300):
        assert torch.equal(KINDS[kind](streams(1, i), width, dtype), whole[i : i + 1])
    for part in (1, width // 2, max(0, width - 1)):
        assert torch.equal(KINDS[kind](streams(301), part, dtype), whole[:, :part])


@DTYPES
@pytest.mark.parametrize("kind", KINDS)
def test_a_long_stream_goes_on_from_tile_to_tile(kind, dtype):
    long = KINDS[kind](streams(2), 40_001, dtype)
    assert torch.equal(KINDS[kind](streams(2), 777, dtype), long[:, :777])
    assert len(long[0].unique()) > 39_000
    assert KINDS[kind](streams(3), 0, dtype).shape == (3, 0)
    assert KINDS[kind](streams(0), 5, dtype).shape == (0, 5)
