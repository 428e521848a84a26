"""Table of several kinds: features and masks, the product's mass, exact marginals, JSON."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
import torch
from scipy.special import logsumexp
from tables import MIXED, numbers, values

from simulacra.core.distributions.heads import likelihood_head
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical, Ordinal
from simulacra.core.spaces.composite import Sequence, Table, space_from
from simulacra.core.spaces.plain import Binary, Count, Levels, Positive, Real

WIDE = Table({"a b": Categorical((2,), 3), "größe": Positive(), "n": Count((2,)), "o": Ordinal((3,), 4)})
WIDE_ROWS = [[0, 2, 0.5, 7, 0, 3, 0, 1], [1, 1, 20.0, 0, 12, 2, 2, 0]]


def test_features_stand_one_field_after_the_other(float64):
    x = torch.tensor(WIDE_ROWS, dtype=torch.float64)
    f = WIDE.features(x)
    one_hot = [[1, 0, 0, 0, 0, 1], [0, 0, 1, 1, 0, 0]]  # classes in front: (3, 2) of each row
    log_b = np.log([[0.5], [20.0]])
    log_n = np.log1p([[7, 0], [0, 12]])
    steps = [[1, 0, 1, 1, 0, 0, 1, 0, 0], [1, 1, 0, 1, 1, 0, 0, 0, 0]]
    expected = np.concatenate([one_hot, log_b, log_n, steps], 1)
    np.testing.assert_allclose(f, expected, atol=1e-14)
    assert WIDE.features_shape == (18,) and WIDE.shape == (8,) and WIDE.widths == [2, 1, 2, 3]
    np.testing.assert_allclose(WIDE.from_features(f), x, atol=1e-12)
    torch.testing.assert_close(WIDE.joined(WIDE.parts(x)), x, rtol=0, atol=0)


def test_a_features_mask_is_where_its_entry_decides(float64):
    x = torch.tensor(WIDE_ROWS, dtype=torch.float64)
    other = torch.tensor([[1, 0, 0.7, 9, 4, 0, 3, 3], [0, 2, 3.0, 5, 0, 0, 0, 3]], dtype=torch.float64)
    for j in range(8):
        known = torch.ones(2, 8, dtype=torch.bool)
        known[:, j] = False
        changed = WIDE.features(torch.where(known, x, other)) != WIDE.features(x)
        hidden = ~WIDE.features_known(known)
        assert hidden.shape == (2, 18)
        assert changed.any() and not (changed & ~hidden).any()
        assert hidden.sum(1).tolist() == [[3, 3, 1, 1, 1, 3, 3, 3][j]] * 2
        filled = WIDE.filled(torch.where(known, x, torch.nan), known)
        WIDE.check(filled)
        torch.testing.assert_close(filled[known], x[known], rtol=0, atol=0)
        torch.testing.assert_close(filled, WIDE.filled(other.where(~known, x), known), rtol=0, atol=0)


def head_and_numbers(space: Table, seed: int = 1, n: int = 1):
    head = likelihood_head(space)
    torch.manual_seed(seed)
    return head, torch.randn(n, *head.output) * 0.8


def all_rows(space: Table, n: int) -> tuple[torch.Tensor, np.ndarray]:
    """Every combination of the fields' values, and the logarithms of their weights, (cells,) as a box."""
    grids = [values(field, n) for _, field in space.fields]
    x = np.stack(np.meshgrid(*(g[0] for g in grids), indexing="ij"), -1)
    log_w = np.zeros(x.shape[:-1])
    for axis, (_, w) in enumerate(grids):
        log_w = log_w + np.expand_dims(w, [a for a in range(len(grids)) if a != axis])
    return torch.tensor(x), log_w


@pytest.mark.parametrize("name", MIXED)
def test_the_product_has_mass_one(float64, name):
    head, p = head_and_numbers(MIXED[name])
    assert head.output == (sum(numbers(field) for _, field in MIXED[name].fields),)
    x, log_w = all_rows(MIXED[name], 901)
    log_p = head.build(p).log_prob(x.flatten(0, -2)).view(log_w.shape)
    assert logsumexp(log_p.numpy() + log_w) == pytest.approx(0, abs=1e-10)


@pytest.mark.parametrize("name", MIXED)
def test_the_product_is_the_sum_of_its_fields_and_a_mask_their_marginal(float64, name):
    space = MIXED[name]
    head, p = head_and_numbers(space, seed=2)
    box, log_w = all_rows(space, 901)
    law = head.build(p)
    total = law.log_prob(box.flatten(0, -2)).view(log_w.shape).numpy() + log_w
    d, at = len(space.fields), tuple(min(2, s - 1) for s in log_w.shape)
    x = box[at].unsqueeze(0)
    shares = p.split([numbers(field) for _, field in space.fields], dim=1)
    own = [
        likelihood_head(field).build(share.view(1, -1)).log_prob(x[:, j]).item()
        for j, (share, (_, field)) in enumerate(zip(shares, space.fields, strict=True))
    ]
    np.testing.assert_allclose(law.entries(x)[0], own, atol=1e-13)
    weights = [values(field, 901)[1][i] for i, (_, field) in zip(at, space.fields, strict=True)]
    for known in itertools.product([False, True], repeat=d):
        mask = torch.tensor([known])
        here = law.log_prob(x, known=mask).item()
        assert here == pytest.approx(sum(v for v, k in zip(own, known, strict=True) if k), abs=1e-12)
        slab = total[tuple(slice(i, i + 1) if k else slice(None) for i, k in zip(at, known, strict=True))]
        marginal = logsumexp(slab) - sum(w for w, k in zip(weights, known, strict=True) if k)
        assert here == pytest.approx(marginal, abs=1e-10)
        junk = torch.where(mask, x, torch.ones_like(x))
        assert law.log_prob(junk, known=mask).item() == pytest.approx(here, abs=1e-12)


@pytest.mark.parametrize("space", [WIDE, *MIXED.values()], ids=str)
def test_the_product_broadcasts_over_samples_as_a_loop(float64, space):
    head, p = head_and_numbers(space, seed=3, n=2 * 3)
    p = p.view(2, 3, -1)
    x = head.build(p[:, 0]).sample(Rng(0, rows=range(2)))
    known = torch.rand(2, space.dims) < 0.6
    together = head.build(p).log_prob(x.unsqueeze(1), known=known.unsqueeze(1))
    assert together.shape == (2, 3)
    for i, j in itertools.product(range(2), range(3)):
        alone = head.build(p[i : i + 1, j]).log_prob(x[i : i + 1], known=known[i : i + 1]).item()
        assert together[i, j].item() == pytest.approx(alone, abs=1e-12)


def test_each_number_moves_the_law_of_one_entry(float64):
    head, p = head_and_numbers(WIDE, n=2)
    x = torch.tensor(WIDE_ROWS, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(lambda p: head.build(p).entries(x), p)
    for i in range(2):
        touched = (jacobian[i, :, i] != 0).long()  # (entries, numbers)
        assert (touched.sum(0) <= 1).all()
        assert (touched.sum(1) >= 1).all()
    assert torch.autograd.gradcheck(lambda p: head.build(p).entries(x), p.requires_grad_())


def test_draws_of_fields_lie_in_the_space_have_its_means_and_are_independent(float64):
    n = 20011
    head, p = head_and_numbers(space := Table(a=Count(), b=Count(), c=Ordinal((), 4), d=Real(), e=Real()))
    law = head.build(p.expand(n, -1))
    x = law.sample(Rng(6, rows=range(n))).double()
    space.check(x)
    error = x.std(0) / n**0.5
    assert ((x.mean(0) - law.mean[0]).abs() < 4 * error).all()
    ranks = np.argsort(np.argsort(x.numpy() + 1e-9 * np.random.default_rng(0).normal(size=x.shape), 0), 0)
    correlation = np.corrcoef(ranks.T) - np.eye(5)
    assert (abs(correlation) < 4.5 / n**0.5).all()


SPACES = [
    Real(), Binary((1, 5, 7)), Levels((3, 2), 17), Positive((2,)), Count((3,)),
    Categorical((), 3, ("rot", "grün", "sehr blau")), Ordinal((2,), 3, ("low", "mid", "high")),
    Sequence((9,), Categorical((2,), 5)), Sequence((4,), Sequence((3,), Count((2,)))), WIDE,
    Table({"Größe [cm]": Positive(), "": Real(), "self": Binary(), "named": Ordinal((), 2, ("a b", "ü"))}),
    Sequence((6,), Table({"x y": Real(), "日本": Categorical((), 2, ("い", "ろ"))})),
]  # fmt: skip


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_a_space_comes_back_from_its_json(space):
    spec = json.loads(json.dumps(space.spec()))
    again = space_from(spec)
    assert again == space and type(again) is type(space) and hash(again) == hash(space)
    assert json.dumps(again.spec()) == json.dumps(space.spec())
    assert again.shape == space.shape and again.features_shape == space.features_shape


def test_order_and_names_of_fields_matter():
    assert Table(a=Real(), b=Count()) != Table(b=Count(), a=Real())
    assert Table(a=Real()) != Table(b=Real())
    assert space_from(Table(b=Count(), a=Real()).spec()).names == ("b", "a")


@pytest.mark.parametrize(
    "spec",
    [
        {"kind": "Complex"},
        {"shape": [2]},
        {"kind": "Table", "fields": {"a": {"kind": "Real", "shape": []}, "b": {"kind": "Complex"}}},
        {"kind": "Sequence", "shape": [3], "of": {"kind": "Complex"}},
        {"kind": "Table", "fields": {}},
    ],
)
def test_a_spec_of_no_space_is_refused(spec):
    with pytest.raises(ValueError, match=r"kind|field"):
        space_from(spec)
