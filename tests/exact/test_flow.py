"""Flows of vectors and tables: round trips, determinants by autograd, mass one on a grid, seeds, refusals."""

from __future__ import annotations

import math
from functools import partial

import pytest
import torch

from simulacra.core.capabilities.general import EstimatesDensity, HasDensity, reconstructs
from simulacra.core.errors.suggestion import Refusal
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Levels, Real
from simulacra.models.flows.flow import KINDS, Flow

CLOSED = ("nice", "maf", "nsf")  # with an inverse in closed form
EXACT = (*CLOSED, "bpf")
CLASS = Categorical((), 3)


def moved(kind: str, shape=(3,), condition=None, by=0.3, **more) -> Flow:
    """A flow with weights far from the start, in double precision."""
    model = Flow(Real(shape), condition, kind=kind, **{"layers": 3, "hidden": (7,), **more}).double()
    with torch.no_grad():
        for i, p in enumerate(model.parameters()):
            p += by * Rng(i, "moved", rows=range(1)).normal("p", p.numel(), dtype=p.dtype).view_as(p)
        model.location.normal_()
        model.deviation.uniform_(0.5, 2)
    return model


@pytest.mark.system("C9")
@pytest.mark.parametrize("kind", EXACT)
def test_round_trips(float64, kind):
    # (3) of univariate.py is inverted by bisection to 1e-6
    bound = 1e-8 if kind in CLOSED else 1e-5
    for shape in ((3,), (2, 2)):
        model, x = moved(kind, shape), 2 * torch.randn(9, *shape)
        z = model.infer(x).detach()
        assert z.shape == (9, math.prod(shape)) and float((z - x.flatten(1)).abs().max()) > 0.1
        torch.testing.assert_close(model.emit(z).detach(), x, rtol=0, atol=bound)
        torch.testing.assert_close(model.infer(model.emit(z).detach()).detach(), z, rtol=0, atol=bound)


@pytest.mark.system("C9")
@pytest.mark.parametrize("kind", EXACT)
def test_the_density_has_the_determinant_of_autograd(float64, kind):
    model, x, c = moved(kind, (3,), CLASS), torch.randn(3, 3), torch.tensor([0, 1, 2])
    for row, label, found in zip(x, c, model.log_density(x, c)):
        given = partial(lambda label, v: model.infer(v[None], label[None])[0], label)
        J = torch.autograd.functional.jacobian(given, row)
        z = model.infer(row[None], label[None]).detach()
        due = -0.5 * float(z.square().sum()) - 1.5 * math.log(2 * math.pi) + float(torch.linalg.slogdet(J)[1])
        assert found.item() == pytest.approx(due, rel=1e-9)


@pytest.mark.system("C9")
@pytest.mark.parametrize("kind", EXACT)
def test_the_density_has_mass_one(float64, kind):
    model = moved(kind, (2,), by=0.15, layers=2)
    model.location.zero_()
    model.deviation.fill_(1)
    line = torch.linspace(-9, 9, 181)[:-1] + 0.05
    with torch.no_grad():
        mass = float(model.log_density(torch.cartesian_prod(line, line)).exp().sum()) * 0.1**2
    assert mass == pytest.approx(1, abs=1e-3)


def test_a_single_entry_has_a_density(float64):
    model = moved("nsf", (), CLASS)
    line = torch.linspace(-12, 12, 2001)[:-1]
    with torch.no_grad():
        for label in range(3):
            density = model.log_density(line, torch.full((2000,), label)).exp()
            assert float(density.sum()) * 0.012 == pytest.approx(1, abs=1e-3)
    assert model.draw(Rng(0, rows=range(3)), torch.arange(3)).shape == (3,)


@pytest.mark.parametrize("kind", KINDS)
def test_weights_and_orders_come_from_the_seed_alone(kind):
    """The state of the global generator changes nothing, and stays."""
    build = lambda seed: Flow(Real((6,)), kind=kind, layers=4, hidden=(5,), seed=seed)
    torch.manual_seed(1)
    one = build(3)
    torch.manual_seed(2)
    before = torch.get_rng_state()
    two = build(3)
    assert torch.equal(torch.get_rng_state(), before)
    for (name, a), (_, b) in zip(one.state_dict().items(), two.state_dict().items()):
        assert torch.equal(a, b), name
    draws = [model.draw(Rng(0, rows=range(5))) for model in (one, two)]
    assert torch.equal(*draws)
    if kind in ("maf", "nsf", "bpf"):
        ours = [layer.order.tolist() for layer in one.layers]
        others = [layer.order.tolist() for layer in build(4).layers]
        assert ours != others and ours[1] == ours[0][::-1] and ours[2] != ours[0]


@pytest.mark.parametrize("kind", KINDS)
def test_rows_do_not_depend_on_the_batch(kind):
    model = moved(kind)
    whole = model.draw(Rng(0, "x", rows=range(50)))
    for n in (2, 3):
        torch.testing.assert_close(model.draw(Rng(0, "x", rows=range(n))), whole[:n], rtol=0, atol=1e-9)
        if kind == "cnf":
            parts = [model.estimated_density(rows, None, Rng(0)).value for rows in (whole[:n], whole)]
            torch.testing.assert_close(parts[0], parts[1][:n], rtol=0, atol=1e-9)


def test_a_bijection_has_no_reconstruction_error():
    assert not any(reconstructs(Flow(Real((2,)), kind=kind)) for kind in KINDS)


def test_a_continuous_flow_is_an_estimate_with_its_tolerance():
    model, x = moved("cnf"), torch.randn(11, 3)
    assert model.supports(EstimatesDensity) and not model.supports(HasDensity)
    found = model.log_prob(x)
    assert found.kind == "stochastic" and "within" in found.method and "20 steps of rk4" in found.method
    exact = Flow(Real((3,)), kind="maf").log_prob(x)
    assert exact.kind == exact.method == "exact"


def test_tables_of_real_columns_are_taken():
    model = Flow(Table(a=Real(), b=Real()), kind="maf", layers=1, hidden=(3,))
    assert model.log_prob(torch.zeros(3, 2)).values.shape == (3,)


def test_what_a_flow_refuses():
    with pytest.raises(Refusal, match=r"Flow is a continuous density, .* dequantize='uniform'"):
        Flow(Levels((4,), 16))
    with pytest.raises(ValueError, match=r"its column b is a class: drop it with types=, or take a VAE"):
        Flow(Table(a=Real(), b=Categorical((), 2, ("x", "y"))))
    with pytest.raises(ValueError, match="kind is 'glow', but it must be 'nice', 'maf'"):
        Flow(Real((2,)), kind="glow")
    for wrong, words in (
        ({"layers": 0}, "at least one: take layers=4"),
        ({"hidden": (0,)}, r"at least one unit: take hidden=\(64, 64\)"),
        ({"kind": "nice", "layers": 1}, "from 2 couplings on: take layers=4"),
    ):
        with pytest.raises(Refusal, match=words):
            Flow(Real((2,)), **wrong)
    with pytest.raises(Refusal, match="has one: take kind='maf'"):
        Flow(Real((1,)), kind="nice")
