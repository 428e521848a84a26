"""Sentence VAE: sums and quadrature over all texts, its networks, homotopies, completions."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from torch import Tensor

import simulacra
from simulacra.core.distributions.divergences import kl_to_standard_normal
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Real, Space
from simulacra.core.spaces.tokens import Tokens
from simulacra.exploration.latent.interpolation import interpolations
from simulacra.models.variational.texts import given_code
from simulacra.models.variational.texts.sentence_vae import SentenceVAE

pytestmark = pytest.mark.system("E23")
T, K, NODES = 3, 4, 40
NAMES = ("<end>", "<unknown>", "a", "b")
SPACE = Tokens((T,), K, NAMES, unknown=1)
SIZES = {"hidden": 5, "width": 3}


def made(
    latent: int = 1, condition: Space | None = None, steps: int = T, gain: float = 0.7, seed: int = 5
) -> SentenceVAE:
    """A small model with weights so large that code and tokens matter."""
    model = SentenceVAE(Tokens((steps,), K, NAMES, unknown=1), condition, latent, **SIZES)
    torch.manual_seed(seed)
    for p in model.parameters():
        torch.nn.init.normal_(p, std=gain)
    return model.eval()


def every_text() -> Tensor:
    """All texts of up to T tokens, padded with the end."""
    texts = [text for n in range(T + 1) for text in itertools.product(range(1, K), repeat=n)]
    return torch.tensor([[*text, *[0] * (T - len(text))] for text in texts])


def nodes(latent: int, n: int = NODES) -> tuple[Tensor, Tensor]:
    """Nodes (n^latent, latent) and log-weights of a quadrature under N(0, I)."""
    z, w = np.polynomial.hermite_e.hermegauss(n)
    log_w = torch.tensor(np.log(w) - 0.5 * math.log(2 * math.pi))
    grid = torch.cartesian_prod(*[torch.tensor(z)] * latent).view(-1, latent)
    return grid, torch.cartesian_prod(*[log_w] * latent).view(-1, latent).sum(1)


def exact(model: SentenceVAE, x: Tensor, c: Tensor | None = None, n: int = NODES) -> Tensor:
    """log p(x) by quadrature, shape (B,)."""
    z, log_w = nodes(model.code_size, n)
    p = model.likelihoods(z.expand(len(x), -1, -1), c)
    return (p.log_prob(x.unsqueeze(1)) + log_w).logsumexp(1)


def sigmoid(a: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-a))


def naive_gru(p: dict[str, np.ndarray], name: str, x: np.ndarray, h: np.ndarray) -> np.ndarray:
    """One step of a GRU, gate by gate."""
    into, back = (p[f"{name}.gru.weight_{side}_l0"] for side in ("ih", "hh"))
    a = np.split(into @ x + p[f"{name}.gru.bias_ih_l0"], 3)
    b = np.split(back @ h + p[f"{name}.gru.bias_hh_l0"], 3)
    r, u = sigmoid(a[0] + b[0]), sigmoid(a[1] + b[1])
    return (1 - u) * np.tanh(a[2] + r * b[2]) + u * h


@torch.no_grad()
@pytest.mark.parametrize("condition", [None, Real((2,))], ids=["none", "numbers"])
def test_the_networks_are_those_of_the_equations(float64, condition):
    model, x = made(2, condition), torch.tensor([[2, 3, 0], [1, 2, 3], [0, 0, 0]])
    c = None if condition is None else torch.randn(3, 2)
    z = torch.randn(3, 2)
    q, log_p = model.posterior(x, c), model.likelihood(z, c).entries(x)
    p = {name: value.numpy() for name, value in model.named_parameters()}
    for i, length in enumerate([2, 3, 0]):
        f = np.zeros(0) if c is None else c[i].numpy()
        h, u = np.zeros(5), np.concatenate([z[i].numpy(), f])
        for t in range(min(length + 1, T)):
            h = naive_gru(p, "encoder", p["encoder.E.weight"][x[i, t]], h)
        mu_sigma = p["encoder.A.weight"] @ np.concatenate([h, f]) + p["encoder.A.bias"]
        np.testing.assert_allclose(torch.cat([q.loc[i], q.log_scale[i]]), mu_sigma, rtol=1e-11, atol=1e-12)
        s = np.tanh(p["decoder.B.weight"] @ u + p["decoder.B.bias"])
        for t in range(min(length + 1, T)):
            before = p["decoder.D.weight"][x[i, t - 1] if t else K]
            s = naive_gru(p, "decoder", np.concatenate([before, u]), s)
            y = p["decoder.Y.weight"] @ s + p["decoder.Y.bias"]
            expected = y[x[i, t]] - np.log(np.exp(y).sum())
            assert log_p[i, t].item() == pytest.approx(expected, abs=1e-12)
        assert (log_p[i, length + 1 :] == 0).all()


@torch.no_grad()
@pytest.mark.parametrize("latent", [1, 2])
def test_probabilities_of_all_texts_sum_to_one(float64, latent):
    x = every_text()
    assert exact(made(latent), x).exp().sum().item() == pytest.approx(1, abs=1e-11)


@torch.no_grad()
def test_probabilities_sum_to_one_for_each_condition(float64):
    model, x = made(1, Categorical((), 3)), every_text()
    p = torch.stack([exact(model, x, torch.full((len(x),), c)).exp() for c in range(3)])
    assert p.sum(1).tolist() == pytest.approx([1, 1, 1], abs=1e-11)
    assert (p[0] - p[1]).abs().max() > 0.02


@torch.no_grad()
def test_the_bound_lies_below_log_p_and_importance_samples_close_the_gap(float64):
    model, x = made(1), torch.tensor([[2, 3, 0], [3, 3, 2], [0, 0, 0], [1, 2, 0]])
    log_p, (nodes_z, log_w) = exact(model, x, n=120), nodes(1)
    q = model.posterior(x)
    at = q.loc.unsqueeze(1) + q.log_scale.exp().unsqueeze(1) * nodes_z
    given = model.likelihoods(at, None).log_prob(x.unsqueeze(1))
    bound = (log_w.exp() * given).sum(1) - kl_to_standard_normal(q)
    assert (bound < log_p - 1e-3).all()
    n, k = 3000, 500
    repeated = x.repeat_interleave(n, 0)
    drawn = model.elbo(repeated, None, Rng(0, rows=range(4 * n))).view(4, n)
    assert ((drawn.mean(1) - bound).abs() < 5 * drawn.std(1) / n**0.5).all()
    weights = model.log_weights(x, None, Rng(1, rows=range(4)), 20 * k)
    tighter = weights.view(4, 20, k).logsumexp(2) - math.log(k)
    assert ((tighter.mean(1) - log_p).abs() < (log_p - bound) / 20 + 5 * tighter.std(1) / 20**0.5).all()
    assert (tighter.mean(1) > bound).all()


@torch.no_grad()
def test_the_joint_density_is_prior_times_likelihood(float64):
    model, x = made(2), every_text()[:5]
    z = torch.randn(5, 3, 2)
    prior = -0.5 * (z * z).sum(2) - math.log(2 * math.pi)
    each = torch.stack([model.likelihood(z[:, j]).log_prob(x) for j in range(3)], 1)
    torch.testing.assert_close(model.log_joint(x, z), prior + each, rtol=0, atol=1e-12)


@torch.no_grad()
def test_frequencies_of_drawn_texts_are_their_probabilities(float64):
    model, n = made(1), 20_000
    rows, counts = model.sample(n, seed=0).unique(dim=0, return_counts=True)
    p = exact(model, rows).exp()
    assert ((counts / n - p).abs() < 5 * (p * (1 - p) / n).sqrt() + 1e-9).all()


@torch.no_grad()
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_text_has_one_score_and_code_to_the_bit_however_far_it_is_padded(dtype):
    x = torch.tensor([[2, 3, 0], [3, 0, 0], [0, 0, 0], [1, 1, 2]])[:, :T]
    z, rng = torch.randn(4, 7, 2, generator=torch.Generator().manual_seed(0)).to(dtype), Rng(0, rows=range(4))
    found = []
    for steps in (4, 5, 12, 16, 33):
        model = made(2, steps=steps).to(dtype)
        padded = torch.nn.functional.pad(x, (0, steps - T))
        q = model.posterior(padded)
        found.append((q.loc, q.log_scale, model.log_joint(padded, z), model.elbo(padded, None, rng)))
    assert all(a.equal(b) for other in found[1:] for a, b in zip(found[0], other))
    ways = (["ab", "b"], [[2, 3], [3]], [[2, 3, 0], [3, 0, 0]], torch.tensor([[2, 3, 0, 0], [3, 0, 0, 0]]))
    model = made(2).to(dtype)
    scores = [model.log_prob(rows, k=3, seed=1) for rows in ways]
    assert all(score.values.equal(scores[0].values) for score in scores)
    assert {score.dims for score in scores} == {2.5}


@torch.no_grad()
def test_token_by_token_is_the_same_as_the_whole_text(float64):
    model, x = made(2, Real((2,)), steps=9), torch.randint(1, K, (5, 9))
    p = model.likelihood(torch.randn(5, 2), torch.randn(5, 2))
    whole, state = p.parameters_of(x), p.begin(5)
    for t in range(9):
        torch.testing.assert_close(p.next_parameters(state, t), whole[:, :, t], rtol=0, atol=1e-13)
        state = p.advance(state, t, x[:, t].double())
    torch.testing.assert_close(p.entries(x).sum(1), p.log_prob(x), rtol=0, atol=1e-12)


@torch.no_grad()
def test_texts_are_scored_in_parts_without_gradients(float64, monkeypatch):
    model, x, z = made(2), every_text()[:7], torch.randn(7, 3, 2)
    whole = model.log_joint(x, z)
    monkeypatch.setattr(given_code, "AT_ONCE", 4 * T * K)
    torch.testing.assert_close(model.log_joint(x, z), whole, rtol=0, atol=1e-13)


@torch.no_grad()
def test_a_decoded_text_takes_the_likeliest_token_each_time(float64):
    model, z = made(2), torch.randn(6, 2)
    p, found = model.likelihood(z), model.emit(z)
    best = model.space.closed(p.parameters_of(found).argmax(1))
    assert found.equal(best) and len(found.unique(dim=0)) > 1


@torch.no_grad()
def test_the_ends_of_a_homotopy_are_the_reconstructions_of_both_texts(float64):
    model = made(2, steps=7, gain=1.0, seed=0)
    # no token is likely throughout, and codes are far apart
    for name, p in model.named_parameters():
        p.mul_(0 if "bias" in name else 3 if name == "encoder.A.weight" else 1)
    a, b = model.space.rows(["abba", "b", ""]), model.space.rows(["bb", "aabab", "a"])
    between = interpolations(model, a, b, steps=9, how="lerp")
    assert between.shape == (3, 9, 7)
    assert between[:, 0].equal(model.reconstruct(a)) and between[:, -1].equal(model.reconstruct(b))
    middle = model.decode(0.5 * (model.encode(a) + model.encode(b)))
    assert between[:, 4].equal(middle)
    assert len(between.flatten(0, 1).unique(dim=0)) > 3


@torch.no_grad()
@pytest.mark.parametrize("known", [[True, False, False], [True, False, True]], ids=["behind", "gap"])
def test_completions_have_the_conditional_distribution(float64, known):
    model, x, n = made(1, gain=0.5), every_text(), 1000
    fits = (x[:, 0] == 2) & (x[:, 2] == 3) if known[2] else x[:, 0] == 2
    p = torch.where(fits, exact(model, x).exp(), 0.0)
    drawn = model.complete([[2, 0, 3 if known[2] else 0]] * n, known=known, seed=0)
    shares = torch.stack([(drawn == row).all(1).double().mean() for row in x])
    # importance resampling of 64 candidates: close, not exact
    assert (shares - p / p.sum()).abs().max() < 0.05


@torch.no_grad()
def test_weighted_candidates_of_a_completion_have_its_distribution(float64):
    model, x, n = made(1, gain=0.5), every_text(), 40
    p = torch.where(x[:, 0] == 2, exact(model, x).exp(), 0.0)
    known = torch.tensor([[True, False, False]]).expand(n, -1)
    rows = torch.tensor([[2, 0, 0]]).expand(n, -1)
    drawn, log_w = model.weighted_fills(rows, known, Rng(0, rows=range(n)), None, k=2)
    w = log_w.softmax(1)
    shares = torch.stack([((drawn == row).all(2) * w).sum() / n for row in x])
    assert drawn.shape == (n, 64, T) and (shares - p / p.sum()).abs().max() < 0.05


@torch.no_grad()
def test_the_code_of_a_beginning_is_that_of_its_tokens_alone(float64):
    model = made(2)
    known = torch.tensor([[True, True, False], [True, False, True]])
    rows = torch.tensor([[2, 3, 1], [2, 3, 1]])
    q, other = model.posterior(rows, None, known), model.posterior(torch.tensor([[2, 3, 0], [2, 1, 1]]), None)
    again = model.posterior(torch.tensor([[2, 3, 2], [2, 2, 2]]), None, known)
    assert q.loc.equal(again.loc) and not q.loc.equal(other.loc)
    h = model.encoder.gru(model.encoder.E(rows))[0]
    torch.testing.assert_close(model.encoder.A(torch.stack([h[0, 1], h[1, 0]]))[:, :2], q.loc)


def test_what_does_not_fit_is_said():
    with pytest.raises(ValueError, match=r"^a sentence VAE takes texts, but the space is .*a VAE\.$"):
        simulacra.SentenceVAE(Real((3,)))
    for name in ("latent", "hidden", "width"):
        with pytest.raises(ValueError, match=f"^{name} is 0, but a sentence VAE .* take {name}=1.$"):
            SentenceVAE(SPACE, **{name: 0})
    with pytest.raises(ValueError, match=r"^word_dropout is 1.5, .* take word_dropout=0.5\.$"):
        SentenceVAE(SPACE, word_dropout=1.5)
    with pytest.raises(ValueError, match=r"^free_bits is -1.0, but a KL is never negative"):
        SentenceVAE(SPACE, free_bits=-1.0)
    with pytest.raises(ValueError, match=r"^kl_warmup is 2.0, but a share"):
        SentenceVAE(SPACE, kl_warmup=2.0)
