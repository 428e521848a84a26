"""The local dimension of rows: that of the codes of a generator, where its surface is nearly flat."""

from __future__ import annotations

import math

import pytest
import torch

import simulacra
from simulacra.core.numerics.dimension import ENOUGH, SMALL, Curve, directions, local_dimension
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Real
from simulacra.evaluation.latents.dimension import Dimensions, dimensions
from simulacra.evaluation.measures.codes import DIMENSION
from simulacra.evaluation.measures.measure import Case


def normals(n: int, d: int, seed: int = 0) -> torch.Tensor:
    """Draws of N(0, I), shape (n, d)."""
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.system("D20")
def test_directions_are_counted_from_the_eigenvalues_of_the_covariance(float64):
    """Also for fewer rows than entries, as the two matrices of products share their eigenvalues."""
    for n, d in ((50, 3), (3, 50), (7, 7), (2, 5)):
        x = normals(n, d) * torch.logspace(0, -1.5, d)
        values = torch.linalg.eigvalsh(torch.cov(x.T))
        assert directions(x) == int((values > SMALL * values[-1]).sum())
    assert directions(torch.ones(5, 3)) == 0


@pytest.mark.system("D20")
@pytest.mark.parametrize("d", [1, 2, 3])
def test_a_linear_generator_has_the_dimension_of_its_codes(d):
    x = normals(600, d) @ normals(d, 11, 1)
    curve = local_dimension(x)
    assert max(curve.dimension) <= d
    assert curve.found == pytest.approx(d, abs=0.02)
    # at every scale with four neighbours a direction or more
    assert all(dim > d - 0.02 for k, dim in zip(curve.neighbours, curve.dimension) if k >= ENOUGH * d)


@pytest.mark.system("D20")
@pytest.mark.parametrize("d", [1, 2, 3])
def test_a_curved_generator_has_the_dimension_of_its_codes_at_small_scales(d):
    """On a product of d half circles, few neighbours lie flat and the whole has 2 d directions."""
    g = torch.Generator().manual_seed(d)
    angles = math.pi * torch.rand(1000, d, generator=g, dtype=torch.float64)
    x = torch.cat([angles.cos(), angles.sin()], 1) @ torch.linalg.qr(normals(23, 23, 1)).Q[: 2 * d]
    curve = local_dimension(x)
    assert round(curve.found) == d and abs(curve.found - d) < 0.25
    assert directions(x) == 2 * d


@pytest.mark.system("D20")
@pytest.mark.parametrize("d", [1, 2, 3])
def test_samples_of_a_generator_that_is_no_bijection_have_the_dimension_of_z(d):
    """A network of random weights with codes of d entries: its samples, in 15 dimensions."""
    data = simulacra.from_tensors(normals(700, 15).float(), Real((15,)))
    model = simulacra.GMMN(data.space, latent=d, hidden=(), seed=1)
    found = dimensions(model, data, n=500)
    assert found.samples.found == pytest.approx(d, abs=0.02) and found.decoded is None
    # the data are a cloud without a surface
    assert found.data.found is None or found.data.found > 6


@pytest.mark.system("D20")
def test_turning_an_image_gives_a_circle():
    """A soft blob that turns around the middle: one dimension at small scales, two or more of the whole."""
    t = 2 * math.pi * torch.arange(72, dtype=torch.float64) / 72
    ticks = torch.linspace(-2, 2, 12, dtype=torch.float64)
    squares = (ticks - t.cos()[:, None, None]).square() + (ticks[:, None] - t.sin()[:, None, None]).square()
    curve = local_dimension((-squares).exp())
    assert curve.found == 1.0 and curve.dimension[-1] > 1.5


@pytest.mark.system("D20")
def test_noise_has_every_dimension_and_is_seen_at_small_scales_only():
    x = torch.cat([normals(600, 1), torch.zeros(600, 9, dtype=torch.float64)], 1)
    clean, noisy = local_dimension(x), local_dimension(x + 0.02 * normals(600, 10, 2))
    assert clean.found == 1.0
    assert noisy.dimension[0] > 2 and noisy.dimension[-1] == 1.0 and noisy.found > 1.0


def test_the_scale_of_the_dimension_has_four_neighbours_a_direction():
    curve = Curve((4, 8, 16), (0.1, 0.2, 0.4), (3.0, 2.0, 2.0), (0.1, 0.1, 0.0), 50)
    assert (curve.place, curve.found, curve.words) == (1, 2.0, "2.0 +- 0.1 (of 8 neighbours)")
    none = Curve((4, 8), (0.1, 0.2), (3.9, 7.0), (0.1, 0.1), 50)
    assert none.found is None and none.words == "more than 50 rows can tell"


def test_the_dimension_does_not_depend_on_the_scale_or_the_place_of_rows():
    x = normals(300, 2) @ normals(2, 5, 1)
    one, other = local_dimension(x), local_dimension(1000 * x + 7)
    assert one.dimension == other.dimension
    torch.testing.assert_close(1000 * torch.tensor(one.radius), torch.tensor(other.radius))


def test_a_decoder_with_noise_is_measured_with_and_without_it():
    data = simulacra.from_tensors(normals(400, 7).float(), Real((7,)))
    found = dimensions(simulacra.VAE(data.space, latent=2, hidden=(), scale=0.3), data, n=300)
    assert found.decoded.found == 2.0 and found.samples.dimension[0] > 2.5
    assert list(found.curves) == ["data", "samples", "decoded codes"]


def test_the_report_keeps_the_dimension_where_it_is_asked_for(tmp_path):
    data = simulacra.load_data("ring")
    model = simulacra.VAE(data.space, latent=1, hidden=())
    report = simulacra.evaluate(model, data, limit=200, dimension=True)
    assert report.asked["dimension"] and report.dimension.decoded.found == 1.0
    assert DIMENSION.recorded(report.dimension) == report.dimension
    assert "local dimension of decoded codes" in report.table()
    assert DIMENSION.lacks(Case(model, data)) == "to be asked for"


@pytest.mark.fault("dimension")
def test_too_few_rows_and_rows_of_classes_are_not_measured():
    with pytest.raises(ValueError, match="a neighbourhood has 5 rows, but there are 3: give more"):
        local_dimension(torch.zeros(3, 2))
    classes = simulacra.from_tensors(torch.randint(0, 3, (60, 4)), Categorical((4,), 3))
    case = Case(simulacra.NADE(classes.space, hidden=3), classes, asked=frozenset({"dimension"}))
    assert DIMENSION.lacks(case) == "rows of 0/1, levels or real numbers"
    assert Dimensions(local_dimension(torch.zeros(9, 2))).data.found == 0.0
