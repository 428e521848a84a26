"""The chemical VAE: joint loss by hand, head by quadrature and finite differences, rows without numbers."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from simulacra import ChemicalVAE, Real, SentenceVAE, Tokens
from simulacra.core.batch import Batch
from simulacra.core.capabilities import general as can
from simulacra.core.random.keyed import Rng
from simulacra.models.variational.texts.chemical_vae import joint_loss
from simulacra.models.variational.texts.sentence_vae import negative_elbo

pytestmark = pytest.mark.system("E24")
SPACE = Tokens((3,), 4, ("<end>", "C", "O", "N"), unit="smiles")
TEXTS = ["CO", "N", "CCN", "", "OCC"]


def model_of(properties: int = 2, **options) -> ChemicalVAE:
    sizes = {"latent": 1, "hidden": 5, "width": 3, "property_hidden": (7,)}
    return ChemicalVAE(SPACE, Real((properties,)), **{**sizes, "word_dropout": 0.0, **options}, seed=3)


def numbers(n: int, properties: int) -> Tensor:
    g = torch.Generator().manual_seed(5)
    return torch.randn(n, properties, generator=g)


def codes(n: int, model: ChemicalVAE) -> Tensor:
    g = torch.Generator().manual_seed(7)
    return torch.randn(n, model.code_size, generator=g)


def test_the_joint_loss_is_the_bound_of_the_text_and_the_head_at_the_same_code(float64):
    model, x, y = model_of(kl_warmup=0.0, property_weight=0.7), SPACE.rows(TEXTS), numbers(5, 2)
    rng = Rng(11, "loss", rows=range(5))
    terms = joint_loss(model, Batch.of(x, y), rng).loss
    q = model.posterior(x)
    z = q.sample(rng, "z")
    kl = 0.5 * (q.loc**2 + q.log_scale.exp() ** 2 - 1 - 2 * q.log_scale).sum(1)
    assert torch.allclose(terms["reconstruction"], -model.likelihood(z).log_prob(x))
    assert torch.allclose(terms["kl"], kl)
    W, b, V, a = model.f[0].weight, model.f[0].bias, model.f[2].weight, model.f[2].bias
    by_hand = torch.stack(
        [
            0.35 * sum((y[i, j] - V[j] @ torch.tanh(W @ z[i] + b) - a[j]) ** 2 for j in range(2))
            for i in range(5)
        ]
    )
    assert torch.allclose(terms["property"], by_hand)


@pytest.mark.parametrize("loss", ["squared", "gaussian"])
def test_without_its_head_the_loss_is_that_of_a_sentence_vae(float64, loss):
    model = model_of(property_loss=loss, word_dropout=0.4, kl_warmup=0.0)
    text = SentenceVAE(SPACE, latent=1, hidden=5, width=3, word_dropout=0.4, kl_warmup=0.0)
    text.load_state_dict({k: v for k, v in model.state_dict().items() if not k.startswith(("f.", "log_s"))})
    x, rng = SPACE.rows(TEXTS), Rng(2, "loss", rows=range(5))
    ours, theirs = joint_loss(model, Batch.of(x, numbers(5, 2)), rng), negative_elbo(text, Batch.of(x), rng)
    for name, term in theirs.loss.items():
        assert torch.equal(ours.loss[name], term)
    assert torch.equal(ours.log["elbo"], theirs.log["elbo"])


def test_the_gaussian_head_is_a_density_of_the_numbers(float64):
    """Its exponential sums to 1 over y, by quadrature in two dimensions."""
    model = model_of(property_loss="gaussian")
    with torch.no_grad():
        model.log_s.copy_(torch.tensor([-0.3, 0.4]))
    y = torch.cartesian_prod(*[torch.linspace(-12, 12, 401)] * 2)
    z = codes(1, model).expand(len(y), -1)
    total = (-model.property_terms(z, y)).exp().sum() * (24 / 400) ** 2
    assert total.item() == pytest.approx(1, abs=1e-9)


def test_the_joint_bound_is_below_the_log_joint_by_quadrature(float64):
    """log p(x, y) = log int p(z) p(x|z) p(y|z) dz, with one unit of code."""
    model, x, y = model_of(1, property_loss="gaussian", kl_warmup=0.0), SPACE.rows(TEXTS), numbers(5, 1)
    grid = torch.linspace(-9, 9, 1201).unsqueeze(1)
    log_prior = -0.5 * grid.square().sum(1) - 0.5 * math.log(2 * math.pi) + math.log(18 / 1200)
    joint = torch.stack(
        [
            model.likelihood(grid).log_prob(x[i].expand(len(grid), -1))
            - model.property_terms(grid, y[i].expand(len(grid), -1))
            for i in range(5)
        ]
    )
    exact = (joint + log_prior).logsumexp(1)
    q = model.posterior(x)
    weight = (-0.5 * ((grid.T - q.loc) / q.log_scale.exp()) ** 2).softmax(1)
    kl = 0.5 * (q.loc**2 + q.log_scale.exp() ** 2 - 1 - 2 * q.log_scale).sum(1)
    bound = (weight * joint).sum(1) - kl
    assert bool((bound < exact).all())
    draws = 4000
    rng = Rng(0, "mean", rows=range(5 * draws))
    terms = joint_loss(model, Batch.of(x.repeat(draws, 1), y.repeat(draws, 1)), rng).loss
    mean = -sum(terms.values()).view(draws, 5)
    assert bool(((mean.mean(0) - bound).abs() < 5 * mean.std(0) / draws**0.5).all())


def test_rows_without_numbers_train_the_text_alone(float64):
    model = model_of(kl_warmup=0.0)
    (update,) = model.updates()
    known = torch.tensor([True, False, True, False, False])
    y = numbers(5, 2).masked_fill(~known.unsqueeze(1), float("nan"))
    batch = Batch.of(SPACE.rows(TEXTS), y, c_known=known)
    terms = joint_loss(model, batch, Rng(0, "loss", rows=range(5))).loss
    weight = update.weights["property"](batch)
    assert weight.tolist() == [1, 0, 1, 0, 0]
    (weight * terms["property"]).sum().backward()
    assert all(bool(p.grad.isfinite().all()) for p in model.parameters() if p.grad is not None)


def test_a_prediction_is_that_of_the_mean_code_and_has_its_slope_by_finite_differences(float64):
    model, x = model_of(2, latent=3), SPACE.rows(TEXTS)
    assert torch.equal(model.response(x), model.response_at(model.posterior(x).loc))
    z = codes(5, model).requires_grad_()
    for j in range(2):
        (slope,) = torch.autograd.grad(model.response_at(z)[:, j].sum(), z)
        for k in range(3):
            step = 1e-5 * torch.eye(3)[k]
            with torch.no_grad():
                by_steps = (model.response_at(z + step) - model.response_at(z - step))[:, j] / 2e-5
            assert torch.allclose(slope[:, k], by_steps, rtol=1e-6, atol=1e-9)


def test_the_numbers_condition_nothing():
    model = model_of()
    assert not model.supports(can.TakesCondition) and not model.supports(can.Translates)
    assert model.supports(can.PredictsFromCode) and model.supports(can.Predicts)
    score = model.log_prob(TEXTS, k=7)
    assert torch.equal(score.values, model.log_prob(TEXTS, k=7).values)
    texts = SPACE.rows(["", *"CON", *(a + b for a in "CON" for b in "CON")])
    assert model.sample(3, seed=0).shape == (3, 3) and len(model.predict(texts)) == 13


@pytest.mark.parametrize("condition", [None, SPACE])
def test_what_predicts_no_numbers_is_refused(condition):
    with pytest.raises(ValueError, match="name columns of numbers when the data are loaded"):
        ChemicalVAE(SPACE, condition)
