"""Preprocessing: inverses, Jacobians, densities on the raw space, dequantization as a bound."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy
import torch
from oracles import Prescribed, states
from placed import by_place
from scipy.special import logsumexp

from simulacra.core.preprocessing.chain import Preprocessing, preprocessing_from
from simulacra.core.preprocessing.transforms import Affine, Binarize, Dequantize, Logit
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Levels, Real
from simulacra.models.autoencoders import PPCA
from simulacra.models.variational import VAE

VECTOR = Affine((0.3, -2.0, 5.0, 1.0, 0.0, -1.0), (0.1, 3.0, 2.0, 0.5, 7.0, 1.5))
CHAINS = {
    "affine": (VECTOR,),
    "scalar": (Affine((2.5,), (0.1,)),),
    "logit": (Logit(0.02),),
    "tight logit": (Logit(1e-6),),
    "chain": (Affine((-0.5,), (2.0,)), Logit(0.05), VECTOR),
}


@pytest.mark.system("I5")
@pytest.mark.parametrize("name", CHAINS)
def test_inverse_and_jacobian(float64, name):
    chain = Preprocessing(Real((2, 3)), CHAINS[name])
    x = torch.rand(4, 2, 3) * 0.9 + 0.05
    y, log_det = chain.forward(x, Rng(0, rows=range(4)))
    torch.testing.assert_close(chain.inverse(y), x, atol=1e-10, rtol=1e-10)
    flat = lambda v: chain.apply(v.view(1, 2, 3), Rng(0)).flatten()
    for i in range(4):
        jacobian = torch.autograd.functional.jacobian(flat, x[i].flatten())
        expected = torch.linalg.slogdet(jacobian).logabsdet
        assert log_det[i].item() == pytest.approx(expected.item(), rel=1e-10, abs=1e-10)
    again = preprocessing_from(chain.spec()).forward(x, Rng(0, rows=range(4)))
    assert torch.equal(again[0], y) and torch.equal(again[1], log_det)


@pytest.mark.system("I5")
@pytest.mark.parametrize("levels", [2, 10, 17, 256])
def test_dequantization_is_undone_and_has_its_jacobian(float64, levels):
    chain = Preprocessing(Levels((5, 7), levels), (Dequantize(levels),))
    x = torch.randint(0, levels, (50, 5, 7))
    y, log_det = chain.forward(x, Rng(1, rows=range(50)))
    assert ((y >= 0) & (y < 1)).all() and torch.equal(chain.inverse(y).long(), x)
    # d/du (x + u) / levels at each entry
    assert log_det[0].item() == pytest.approx(-35 * math.log(levels), rel=1e-12)
    u = y * levels - x
    assert abs(u.mean() - 0.5) < 4 * math.sqrt(1 / 12 / u.numel()) and u.min() >= 0 and u.max() < 1


@pytest.mark.system("I5")
def test_a_density_behind_a_chain_integrates_to_one_on_the_raw_space(float64):
    chain = Preprocessing(Real((1,)), (Affine((-1.0,), (4.0,)), Logit(1e-6), Affine((0.3,), (1.7,))))

    def density(x: float) -> float:
        y, log_det = chain.forward(torch.tensor([[x]]), Rng(0))
        return math.exp(-0.5 * y.item() ** 2 - 0.5 * math.log(2 * math.pi) + log_det.item())

    total, error = scipy.integrate.quad(density, -1, 3, limit=400, epsabs=1e-10)
    # what the squeeze cuts off: N(0, 1) beyond logit(1e-6) after standardizing
    edge = lambda p: (math.log(p / (1 - p)) - 0.3) / 1.7
    lost = 0.5 * (math.erfc(-edge(1e-6) / math.sqrt(2)) + math.erfc(edge(1 - 1e-6) / math.sqrt(2)))
    assert total == pytest.approx(1 - lost, abs=1e-7 + error)
    assert lost < 1e-10


def small_ppca() -> PPCA:
    model = PPCA(Real((2,)), latent=1)
    model.location.copy_(torch.tensor([0.2, -0.4]))
    model.W.copy_(torch.tensor([[0.8], [-0.5]]))
    model.variance.fill_(0.3)
    return model


@pytest.mark.system("I5")
@pytest.mark.parametrize("kind", ["PPCA", "VAE"])
def test_scaling_the_data_shifts_the_density_by_its_jacobian(float64, kind):
    d = 2
    model = small_ppca() if kind == "PPCA" else VAE(Real((2,)), latent=1, hidden=(4,))
    x = torch.randn(6, d)
    model.preprocessing = Preprocessing(Real((2,)), (Affine((0.5, -1.0), (2.0, 0.7)),))
    once = by_place(model, x)
    model.preprocessing = Preprocessing(Real((2,)), (Affine((0.05, -0.1), (0.2, 0.07)),))
    tenth = by_place(model, 0.1 * x)
    # p_y(0.1 x) = p_x(x) 10^d
    torch.testing.assert_close(tenth.value - once.value, torch.full((6,), d * math.log(10)))
    assert tenth.kind == once.kind == {"PPCA": "exact", "VAE": "lower"}[kind]


@pytest.mark.system("I5")
def test_dequantized_score_is_the_bound_and_says_so(float64):
    levels, raw = 4, Levels((2,), 4)
    model = small_ppca()
    model.preprocessing = Preprocessing(raw, (Dequantize(levels), Logit(0.05), Affine((0.1,), (1.3,))))
    x = states(2, levels)
    nodes, weights = np.polynomial.legendre.leggauss(40)
    u = 0.5 * (nodes + 1)
    grid = np.stack(np.meshgrid(u, u, indexing="ij"), -1).reshape(-1, 2)
    log_w = np.log(np.outer(weights, weights).ravel() / 4)
    # the definition, step by step: y = (logit(.05 + .9 (x + u) / 4) - .1) / 1.3
    squeezed = 0.05 + 0.9 * (x[:, None] + grid) / levels
    y = (np.log(squeezed / (1 - squeezed)) - 0.1) / 1.3
    slope = math.log(0.9 / levels / 1.3) - np.log(squeezed * (1 - squeezed))
    cov = model.W.numpy() @ model.W.numpy().T + 0.3 * np.eye(2)
    r = y - model.location.numpy()
    log_p = -0.5 * np.einsum("xgi,ij,xgj->xg", r, np.linalg.inv(cov), r)
    log_p += -0.5 * np.linalg.slogdet(2 * np.pi * cov)[1] + slope.sum(-1)
    bound = (log_p * np.exp(log_w)).sum(1)
    mass = logsumexp(log_p + log_w, axis=1)
    assert (bound < mass).all() and np.exp(mass).sum() <= 1

    n = 3000
    ours = model.log_prob(x)
    assert ours.kind == "lower" and "dequantized" in ours.method
    values = by_place(model, torch.tensor(x).repeat_interleave(n, 0)).value.view(16, n)
    error = values.std(1) / math.sqrt(n)
    assert ((values.mean(1) - torch.tensor(bound)).abs() < 4 * error).all()
    # and one draw is the integrand at that draw
    model.preprocessing = Preprocessing(raw, model.preprocessing.steps)
    y0, log_det0 = model.preprocessing.forward(torch.tensor(x), Prescribed(torch.tensor([grid[7].tolist()])))
    one = model.log_density(y0) + log_det0
    np.testing.assert_allclose(one.numpy(), log_p[:, 7], rtol=1e-10)


@pytest.mark.system("I6")
def test_binarization_schemes(float64):
    levels, n = 5, 20_000
    x = torch.arange(levels).repeat_interleave(n).unsqueeze(1)
    draw = lambda scheme, key=0: Binarize(scheme, levels).forward(x, Rng(key, rows=range(len(x))))
    p = np.arange(levels) / 4
    frequencies = draw("dynamic").view(levels, n).mean(1).numpy()
    assert (abs(frequencies - p) <= 4 * np.sqrt(p * (1 - p) / n)).all()
    assert not torch.equal(draw("dynamic", 0), draw("dynamic", 1))
    assert torch.equal(draw("static", 0), draw("static", 1))
    assert torch.equal(draw("threshold").squeeze(1), (x.squeeze(1) > 2).double())
    labels = {Binarize(scheme, levels).label for scheme in ("dynamic", "static", "threshold")}
    labels |= {Binarize("static", levels, seed=1).label, Binarize("threshold", levels, 0.3).label}
    assert len(labels) == 5
    bits = torch.tensor([[0.0], [1.0]])
    assert Binarize("threshold", levels).inverse(bits).flatten().tolist() == [0, 4]
