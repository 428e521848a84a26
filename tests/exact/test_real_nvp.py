"""RealNVP: round trips, determinants by autograd, mass one on a grid, masks, what it learns."""

from __future__ import annotations

import math

import pytest
import torch

from simulacra.core.capabilities.general import reconstructs
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary, Levels, Real
from simulacra.models.flows.masks import image_mask, vector_mask
from simulacra.models.flows.real_nvp import RealNVP

SHAPES = pytest.mark.parametrize("shape", [(5,), (2, 3), (1, 4, 6), (2, 3, 5)], ids=str)


def moved(shape, couplings: int = 7, hidden=(6,)) -> RealNVP:
    """A flow with weights far from the start, in double precision."""
    model = RealNVP(Real(shape), couplings, hidden).double()
    with torch.no_grad():
        for p in model.parameters():
            p += 0.3 * torch.randn_like(p)
        model.location.normal_()
        model.deviation.uniform_(0.5, 2)
    return model


@SHAPES
@pytest.mark.system("C9")
def test_round_trips(float64, shape):
    model, x = moved(shape), 3 * torch.randn(9, *shape)
    z = model.infer(x).detach()
    torch.testing.assert_close(model.emit(z), x, rtol=0, atol=1e-8)
    torch.testing.assert_close(model.infer(model.emit(z)), z, rtol=0, atol=1e-8)
    assert z.shape == (9, math.prod(shape)) and float((z - x.flatten(1)).abs().max()) > 0.1


@SHAPES
@pytest.mark.system("C9")
def test_the_density_has_the_determinant_of_autograd(float64, shape):
    model, x = moved(shape), torch.randn(3, *shape)
    for row, found in zip(x, model.log_density(x)):
        J = torch.autograd.functional.jacobian(lambda v: model.infer(v.unsqueeze(0))[0], row)
        d, z = row.numel(), model.infer(row.unsqueeze(0))
        normal = -0.5 * float(z.detach().square().sum()) - d / 2 * math.log(2 * math.pi)
        due = normal + float(torch.linalg.slogdet(J.reshape(d, d))[1])
        assert found.item() == pytest.approx(due, rel=1e-10)


@pytest.mark.system("C9")
def test_the_density_has_mass_one(float64):
    model = moved((2,), couplings=4)
    line = torch.linspace(-20, 20, 501)[:-1] + 0.04
    grid = torch.cartesian_prod(line, line)
    with torch.no_grad():
        assert float(model.log_density(grid).exp().sum()) * 0.08**2 == pytest.approx(1, abs=1e-4)


def test_masks_alternate_and_move_every_entry():
    for make, shape, period in ((vector_mask, (7,), 4), (image_mask, (2, 5, 6), 6)):
        masks = torch.stack([make(shape, layer) for layer in range(period)])
        assert bool((masks[::2] ^ masks[1::2]).all())
        assert 0 < int(masks[0].sum()) < masks[0].numel()
        assert bool((make(shape, period + 1) == masks[1]).all())
    assert vector_mask((5,), 2).tolist() == [True, True, True, False, False]
    assert image_mask((1, 4, 4), 4)[0].int().tolist() == [[1, 1, 0, 0]] * 2 + [[0, 0, 1, 1]] * 2


def test_rows_do_not_depend_on_the_batch():
    model = moved((3,))
    whole = model.draw(Rng(0, "x", rows=range(50)))
    for n in (2, 3):
        torch.testing.assert_close(model.draw(Rng(0, "x", rows=range(n))), whole[:n], rtol=0, atol=1e-12)


def test_a_bijection_has_no_reconstruction_error():
    assert not reconstructs(RealNVP(Real((2,))))


def test_levels_need_noise_first():
    with pytest.raises(ValueError, match=r"RealNVP is a continuous density, .* dequantize='uniform'"):
        RealNVP(Levels((1, 4, 4), 16))
    with pytest.raises(ValueError, match="take an RBM"):
        RealNVP(Binary((4,)))
    with pytest.raises(ValueError, match=r"has one: take a GaussianModel"):
        RealNVP(Real((1,)))
    with pytest.raises(ValueError, match=r"couplings is 1, but"):
        RealNVP(Real((2,)), couplings=1)
    with pytest.raises(ValueError, match=r"net='conv' needs images"):
        RealNVP(Real((4,)), net="conv")
