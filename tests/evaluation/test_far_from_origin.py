"""Nearest rows far from the origin, where products of entries in float32 lose the distances."""

import pytest
import torch

from simulacra.evaluation.samples.nearest import nearest
from simulacra.evaluation.samples.neighbours import told_apart


def normal(n, d, seed=0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


@pytest.mark.fault("scores 2.4")
@pytest.mark.parametrize("offset", [0.0, 1e4, 1e6])
@pytest.mark.parametrize("clusters", [1, 2, 5])
def test_every_row_is_its_own_nearest_row(offset, clusters):
    """Also where no centre helps: clusters that lie far from each other."""
    x = normal(2000, 13) + offset * (torch.arange(2000) % clusters + 1).unsqueeze(1)
    distances, which = nearest(x[:200], x)
    assert (distances == 0).all()
    # at 1e6 some rows are equal in float32
    assert torch.equal(x[which], x[:200]) and (offset == 1e6 or torch.equal(which, torch.arange(200)))


@pytest.mark.fault("scores 2.4")
def test_nearest_rows_are_those_of_exact_differences():
    rows, queries = (
        1e4 + 7e3 * (normal(n, 5, seed) > 1) + normal(n, 5, seed + 9) for n, seed in ((1500, 1), (90, 2))
    )
    exact = (queries.double().unsqueeze(1) - rows.double()).square().sum(-1).sqrt().min(1)
    distances, which = nearest(queries, rows)
    assert torch.equal(which, exact.indices)
    torch.testing.assert_close(distances, exact.values, rtol=1e-12, atol=0)


@pytest.mark.fault("scores 2.4")
def test_samples_far_from_the_origin_are_told_apart_as_near_it():
    a, b = (torch.round(1024 * normal(300, 4, seed)).double() / 1024 for seed in (3, 4))
    assert told_apart(a + 1e9, b + 1e9) == told_apart(a, b)
