"""Digests of rows, and draws that are keyed by them: equal rows draw alike, rows a bit apart independently.

A number lies within 5 standard errors of what is expected.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from simulacra.core.random.contents import Contents, contents_of, histories
from simulacra.core.random.keyed import Rng

pytestmark = pytest.mark.fault("scores 2.9")
WIDTHS = [1, 2, 3, 50, 784]
DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
CERTAIN = 5  # standard errors
KINDS = ["normal", "uniform"]


def pixels(n: int = 20_000, width: int = 12) -> torch.Tensor:
    """Rows of bytes, all of them different."""
    return torch.randint(0, 256, (n, width), generator=torch.Generator().manual_seed(3), dtype=torch.uint8)


def standard(u: torch.Tensor) -> torch.Tensor:
    """Uniform numbers with mean 0 and variance 1."""
    return (u.double() - 0.5) * math.sqrt(12)


def correlated(a: torch.Tensor, b: torch.Tensor) -> float:
    """The correlation of two sets of independent standard numbers, in its standard errors."""
    return float((a.double() * b.double()).mean() * math.sqrt(a.numel()))


# ---- digests


def test_a_digest_is_of_values_whatever_type_holds_them():
    x = pixels(50)
    expected = contents_of(x).digests
    for other in (x.long(), x.float(), x.double(), x.short(), x.T.contiguous().T, x.view(50, 3, 4)):
        assert np.array_equal(contents_of(other).digests, expected)
    zeros, signed = torch.zeros(2, 3), torch.tensor([[-0.0, 0.0, -0.0]] * 2)
    assert np.array_equal(contents_of(zeros).digests, contents_of(signed.double()).digests)
    assert np.array_equal(contents_of(zeros).digests, contents_of(zeros.bool()).digests)


def test_a_number_in_double_precision_is_that_in_single():
    x = torch.randn(20, 3, dtype=torch.float64)
    assert np.array_equal(contents_of(x).digests, contents_of(x.float()).digests)


def test_digests_do_not_depend_on_the_rows_beside():
    for width in (1, 12, 20_000):
        x = torch.randn(7, width)
        whole = contents_of(x).digests
        assert [int(contents_of(x[i : i + 1]).digests[0]) for i in range(7)] == whole.tolist()


def test_different_rows_have_different_digests():
    """All rows of 12 bits; the same entries in another order, and in another number."""
    every = torch.arange(4096).unsqueeze(1).bitwise_right_shift(torch.arange(12)).bitwise_and(1)
    assert len(np.unique(contents_of(every).digests)) == 4096
    x = torch.tensor([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0], [2.0, 1.0, 3.0]])
    assert len(np.unique(contents_of(x).digests)) == 3
    assert contents_of(torch.zeros(1, 3)).digests != contents_of(torch.zeros(1, 4)).digests


def test_what_is_missing_plays_no_part():
    """Neither what stands there, nor whether the rows beside have gaps."""
    x = torch.randn(6, 4)
    known = torch.rand(6, 4) < 0.6
    known[2] = True
    digests = contents_of(x, known).digests
    assert np.array_equal(contents_of(torch.where(known, x, 17.0), known).digests, digests)
    assert digests[2] == contents_of(x).digests[2]
    gaps = torch.tensor([[True, False], [False, True], [False, False], [True, True]])
    assert len(np.unique(contents_of(torch.zeros(4, 2), gaps).digests)) == 4


def test_a_bit_of_a_row_changes_half_of_the_digest():
    x = pixels()
    for entry, bit in ((0, 0), (0, 7), (5, 3), (11, 0)):
        other = x.clone()
        other[:, entry] ^= 1 << bit
        changed = contents_of(x).digests ^ contents_of(other).digests
        bits = np.unpackbits(changed.view(np.uint8)).reshape(len(x), 64).mean(0)
        assert np.abs(bits - 0.5).max() < CERTAIN * 0.5 / math.sqrt(len(x))


def test_histories_tell_what_went_before():
    x = torch.tensor([[0, 1, 1], [0, 1, 0], [1, 1, 1]]).unsqueeze(2)
    first, second, third = (past.digests for past in histories(x))
    assert len(set(first.tolist())) == 1
    assert second[0] == second[1] != second[2] and third[0] == third[1] != third[2]
    # a longer past is another one, also of nothing but zeros
    pasts = [past.digests[0] for past in histories(torch.zeros(1, 5, 2))]
    assert len(set(pasts)) == 5


def test_repeated_rows_have_streams_of_their_own():
    rows = contents_of(pixels(40))
    assert len(np.unique(rows.repeated(50).digests)) == 2000
    for n in (1, 7):
        few = rows[3:5].repeated(n).digests.reshape(2, n)
        assert np.array_equal(few, rows.repeated(50).digests.reshape(40, 50)[3:5, :n])


# ---- draws by content


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("width", WIDTHS)
@DTYPES
def test_draws_belong_to_rows_not_to_places(kind, width, dtype):
    x = pixels(120)
    draw = lambda rows: getattr(Rng(7, "score").by_content(rows), kind)("z", width, dtype=dtype)
    whole, order = draw(x), torch.randperm(120)
    assert torch.equal(draw(x[order]), whole[order])
    assert torch.equal(draw(x[50:51]), whole[50:51]) and torch.equal(draw(x[4:99]), whole[4:99])
    assert torch.equal(draw(x[:1].repeat(6, 1)), whole[:1].expand(6, width))


@pytest.mark.parametrize("kind", KINDS)
def test_draws_of_different_keys_are_independent(kind):
    """Rows one bit apart, names, seeds, paths: correlations of the same number of each row."""
    x, width = pixels(), 7
    other = x.clone()
    other[:, 4] ^= 1
    scale = (lambda t: t) if kind == "normal" else standard
    draw = lambda rng, rows=x, name="z": scale(getattr(rng.by_content(rows), kind)(name, width))
    base = draw(Rng(0, "score"))
    beside = [
        draw(Rng(0, "score"), other),
        draw(Rng(0, "score"), x.roll(1, 0)),
        draw(Rng(0, "score"), name="y"),
        draw(Rng(0, "score"), name="z1"),
        draw(Rng(1, "score")),
        draw(Rng(0, "score", 0)),
        draw(Rng(0, "score", 1)),
        draw(Rng(0, "features")),
    ]
    for a in beside:
        for shift in range(width):
            assert abs(correlated(base, a.roll(shift, 1))) < CERTAIN


def test_bernoulli_draws_by_content_have_their_probability():
    p = torch.linspace(0, 1, 9, dtype=torch.float64).expand(20_000, 9)
    x = Rng(0).by_content(pixels()).bernoulli("x", p)
    assert x.dtype == p.dtype and set(x.unique().tolist()) == {0.0, 1.0}
    assert torch.allclose(x.mean(0), p[0], atol=CERTAIN * 0.5 / 20_000**0.5)
    assert bool((x[:, 0] == 0).all()) and bool((x[:, -1] == 1).all())


def test_a_generator_by_content_keeps_its_key_device_and_source():
    x, asked = pixels(5), []

    def source(key, kind, draw):
        asked.append((key, kind))
        return draw()

    rng = Rng(3, "score", shards={"chains": range(2)}, source=source).by_content(x)
    assert rng.path == (3, "score") and rng.shards == {"chains": range(2)} and len(rng.rows) == 5
    rng.at("importance", 1).normal("z", 2)
    assert asked == [((3, "score", "importance", 1, "z"), "normal")]
    part = rng.on(rng.rows[1:3])
    assert torch.equal(part.uniform("u", 2, 3), rng.uniform("u", 2, 3)[1:3])
    assert torch.equal(rng.on(range(4)).normal("z", 2), Rng(3, "score", rows=range(4)).normal("z", 2))
    assert torch.equal(rng.per_row().normal("z", 2), rng.normal("z", 2))
    assert torch.equal(rng.normal("z", 2, rows=rng.rows[2:]), rng.normal("z", 2)[2:])


def test_draws_by_content_leave_the_generators_alone():
    before, global_state = torch.get_rng_state(), np.random.get_state()[1].copy()
    Rng(0).by_content(pixels(5)).normal("z", 3)
    assert torch.equal(before, torch.get_rng_state())
    assert np.array_equal(global_state, np.random.get_state()[1])


def test_contents_are_rows_that_are_read_when_they_draw():
    """What draws nothing, such as an exact score, reads nothing; a part reads its own rows alone."""
    read, x = [], pixels(9)

    def digests(rows):
        read.append((rows.start, rows.stop))
        return contents_of(x[rows]).digests

    whole = Contents(9, digests)
    part = whole[2:7][1:3]
    assert len(whole[2:4]) == 2 and len(whole[9:]) == len(whole[:0]) == 0 and not read
    assert np.array_equal(part.digests, contents_of(x).digests[3:5]) and read == [(3, 5)]
    assert np.array_equal(whole.digests, contents_of(x).digests)
    assert np.array_equal(part.digests, whole[3:5].digests) and read == [(3, 5), (0, 9)]
