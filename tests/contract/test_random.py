"""Keyed random numbers: a function of seed, path, name and row, and of nothing else.

The widths 2, 3 and 50 are no multiples of 16, which 784 is: torch fills blocks of 16 otherwise, so
that an unpadded draw would pass with images and fail with tables.
"""

from __future__ import annotations

import pytest
import torch

from simulacra.core.batch import Batch
from simulacra.core.random.keyed import Rng, ambient, current_rng, key_of
from simulacra.nets.layers import Dropout

WIDTHS = [1, 2, 3, 50, 784]
KINDS = ["normal", "uniform"]


def draw(kind: str, width: int, rows: range, *path: object, **more) -> torch.Tensor:
    """Numbers for `rows` under the seed 7 and `path`."""
    return getattr(Rng(7, *path, rows=rows), kind)("z", width, **more)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_a_prefix_is_the_same_whatever_the_number_of_rows(kind, width, dtype):
    whole = draw(kind, width, range(300), dtype=dtype)
    for n in (1, 2, 3, 16, 17, 50, 127, 128, 129, 257):
        assert torch.equal(draw(kind, width, range(n), dtype=dtype), whole[:n])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("width", WIDTHS)
def test_slices_of_rows_are_those_of_the_whole(kind, width):
    whole = draw(kind, width, range(300))
    for start, stop in ((0, 1), (5, 6), (3, 131), (127, 129), (128, 128), (140, 300), (256, 257)):
        assert torch.equal(draw(kind, width, range(start, stop)), whole[start:stop])


@pytest.mark.parametrize("block", [1, 7, 128])
@pytest.mark.parametrize("width", WIDTHS)
def test_slices_agree_for_every_block_size(block, width):
    whole = Rng(0, rows=range(40), block=block).normal("z", width)
    assert torch.equal(Rng(0, rows=range(11, 29), block=block).normal("z", width), whole[11:29])


@pytest.mark.parametrize("width", WIDTHS)
def test_one_generator_a_row(width):
    whole = Rng(0, rows=range(40)).per_row().normal("z", width)
    assert torch.equal(Rng(0, rows=range(13, 14)).per_row().normal("z", width), whole[13:14])
    assert len(torch.unique(whole, dim=0)) == 40


def test_shapes_dtypes_and_names_make_no_difference_to_the_rows():
    rng = Rng(0, rows=range(5))
    assert torch.equal(rng.normal("z", 2, 3).flatten(1), rng.normal("z", 6))
    assert rng.normal("z").shape == (5,) and rng.normal("z", 0).shape == (5, 0)
    assert torch.equal(rng.normal("z", 6, rows=range(2, 4)), rng.normal("z", 6)[2:4])
    assert rng.normal("z", 2, dtype=torch.float64).dtype == torch.float64


def test_different_keys_give_different_numbers():
    keys = [
        (0,),
        (1,),
        (0, "a"),
        (0, "a", 1),
        (0, "a", 2),
        (0, "a", "b"),
        (0, "ab"),
        (0, "b", "a"),
        (0, 1, "a"),
    ]
    draws = [Rng(*key, rows=range(4)).normal("z", 3) for key in keys]
    draws += [Rng(0, rows=range(4)).normal("other", 3), Rng(0, rows=range(4, 8)).normal("z", 3)]
    assert len({tuple(d.flatten().tolist()) for d in draws}) == len(draws)
    assert len({key_of(*key) for key in keys}) == len(keys)


def test_draws_are_pure():
    """The order of draws does not matter, and torch's own generator is left alone."""
    before = torch.get_rng_state()
    rng = Rng(3, rows=range(9))
    first = rng.normal("a", 4), rng.uniform("b", 4)
    rng = Rng(3, rows=range(9))
    second = rng.uniform("b", 4), rng.normal("a", 4)
    assert torch.equal(first[0], second[1]) and torch.equal(first[1], second[0])
    assert torch.equal(before, torch.get_rng_state())


def test_at_and_on_change_only_the_key_or_the_rows():
    rng = Rng(0, "a", rows=range(6), shards={"chains": range(2, 5)})
    assert torch.equal(rng.at("b", 3).normal("z", 2), Rng(0, "a", "b", 3, rows=range(6)).normal("z", 2))
    assert torch.equal(rng.on(range(2, 4)).normal("z", 2), rng.normal("z", 2)[2:4])
    batch = Batch(torch.zeros(2, 1), rows=range(2, 4))
    assert torch.equal(rng.on(batch).normal("z", 2), rng.normal("z", 2)[2:4])
    assert rng.at("b").on(range(1)).shards == {"chains": range(2, 5)}
    assert rng.shard("chains", torch.zeros(3, 1)) == range(2, 5)
    assert rng.shard("other", torch.zeros(3, 1)) == range(3)


def test_permutations():
    rng = Rng(0, "order")
    assert sorted(rng.permutation("epoch-0", 103).tolist()) == list(range(103))
    assert not torch.equal(rng.permutation("epoch-0", 103), rng.permutation("epoch-1", 103))
    assert torch.equal(rng.permutation("e", 103), rng.on(range(4, 9)).permutation("e", 103))


@pytest.mark.parametrize("width", [3, 50])
def test_moments(width):
    """Within five standard errors, over rows and within blocks' seams."""
    n = 20_000
    z, u = draw("normal", width, range(n)).double(), draw("uniform", width, range(n)).double()
    error = 5 / (n * width) ** 0.5
    assert abs(float(z.mean())) < error
    assert abs(float(z.var()) - 1) < 2**0.5 * error
    assert abs(float((z**4).mean()) - 3) < 96**0.5 * error
    assert abs(float(u.mean()) - 0.5) < error / 12**0.5 and float(u.min()) >= 0 and float(u.max()) < 1
    # neighbours: along a row, from row to row, and from block to block
    for a, b in ((z[:, 1:], z[:, :-1]), (z[1:], z[:-1]), (z[128:], z[:-128])):
        assert abs(float((a * b).mean())) < error * 1.1


def test_bernoulli_has_its_probability():
    p = torch.linspace(0, 1, 9, dtype=torch.float64).expand(20_000, 9)
    x = Rng(0, rows=range(20_000)).bernoulli("x", p)
    assert x.dtype == p.dtype and set(x.unique().tolist()) == {0.0, 1.0}
    assert torch.allclose(x.mean(0), p[0], atol=5 * 0.5 / 20_000**0.5)
    assert bool((x[:, 0] == 0).all()) and bool((x[:, -1] == 1).all())


# ---- dropout, the noise inside a forward pass


def test_dropout_is_keyed_by_the_rows():
    layer, x = Dropout(0.4), torch.ones(11, 3)
    with ambient(Rng(0, rows=range(11))):
        whole = layer(x)
    with ambient(Rng(0, rows=range(4, 9))):
        assert torch.equal(layer(x[4:9]), whole[4:9])
    with ambient(Rng(1, rows=range(11))):
        assert not torch.equal(layer(x), whole)
    assert current_rng() is None


def test_each_layer_drops_something_else():
    x = torch.ones(11, 50)
    with ambient(Rng(0, rows=range(11))):
        assert not torch.equal(Dropout(0.5)(x), Dropout(0.5)(x))


def test_several_samples_a_row_have_noise_of_their_own():
    """Rows repeated k times, as by importance samples, are keyed by their place among all."""
    layer, x = Dropout(0.5), torch.ones(6 * 4, 50)
    with ambient(Rng(0, rows=range(6))):
        whole = layer(x)
    with ambient(Rng(0, rows=range(2, 5))):
        assert torch.equal(layer(x[: 3 * 4]), whole[2 * 4 : 5 * 4])
    assert len(torch.unique(whole, dim=0)) == 24


def test_dropout_keeps_the_mean_and_rests_in_evaluation():
    layer, x = Dropout(0.3), torch.ones(500, 50)
    with ambient(Rng(0, rows=range(500))):
        y = layer(x)
    assert float(y.mean()) == pytest.approx(1, abs=0.02)
    assert float((y == 0).double().mean()) == pytest.approx(0.3, abs=0.02)
    assert torch.equal(layer.eval()(x), x)
