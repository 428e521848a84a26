"""VQ-VAE: its bound against the sum over all code maps, its prior, its draws and its gradient."""

from __future__ import annotations

import chain_rule as rule
import numpy as np
import pytest
import torch
from oracles import chi_square, states
from torch import Tensor

from simulacra.core.batch import Batch
from simulacra.core.capabilities import general as can
from simulacra.core.errors.suggestion import Refusal
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Binary, Count, Levels, Real, Space
from simulacra.models.variational.quantized.vq_vae import VQVAE, codes, prior_loss, quantized_loss

K = 3
PRIOR = {"prior_layers": 2, "prior_heads": 3, "prior_width": 6}
SMALL = {"codebook": K, "latent": 2, **PRIOR}
LABEL = Categorical((), 3)
IMAGE = {"net": "conv", "hidden": (5,)}  # a map of 2 x 2 codes for images of 3 x 3
LIST = {"net": "mlp", "hidden": (5,), "codes": 3, "activation": "tanh"}
CASES = {
    "map": (Binary((1, 3, 3)), None, IMAGE),
    "list": (Binary((7,)), None, LIST),
    "map with label": (Binary((1, 3, 3)), LABEL, IMAGE),
    "levels": (Levels((5,), 3), LABEL, LIST),
    "table": (Table(a=Binary(), b=Categorical((), 3), d=Levels((), 5)), None, LIST),
}


def made(space: Space, condition: Space | None = None, gain: float = 0.8, **more) -> VQVAE:
    """A small model with weights and codes so large that each of them matters."""
    torch.manual_seed(3)
    model = rule.strong(VQVAE(space, condition, **SMALL | more), gain).eval()
    model.codebook.e.copy_(torch.randn_like(model.codebook.e))
    return model


def case(name: str) -> tuple[VQVAE, int | None]:
    """The model of a case, and a class as its condition."""
    space, condition, more = CASES[name]
    return made(space, condition, **more), None if condition is None else 2


def every(space: Space) -> Tensor:
    """Every x of a small space."""
    if isinstance(space, Table):
        return torch.cartesian_prod(torch.arange(2), torch.arange(3), torch.arange(5)).double()
    return rule.table(space)


def given(c: int | None, n: int) -> Tensor | None:
    return None if c is None else torch.full((n,), c)


@torch.no_grad()
def joint(model: VQVAE, x: Tensor, c: int | None = None, known: Tensor | None = None) -> np.ndarray:
    """log p(x, k) of every x (rows) and code map k (columns), with the chain rule of the prior."""
    columns = []
    for k in torch.tensor(states(model.T, K)).long():
        maps = k.expand(len(x), -1)
        f = None if c is None else model.condition.vectors(given(c, len(x)), torch.float64)
        log_p = model.code_prior.parameters_of(maps, f).log_softmax(1)
        log_k = sum(log_p[:, k[t], t] for t in range(model.T))
        z = torch.stack([model.codebook.e[j] for j in k]).expand(len(x), -1, -1)
        columns.append(log_k + model.likelihood(z, given(c, len(x))).log_prob(x, known))
    return torch.stack(columns, 1).numpy()


def evidence(log_joint: np.ndarray) -> np.ndarray:
    """log p(x), the sum over all code maps."""
    return np.logaddexp.reduce(log_joint, 1)


@pytest.mark.system("E14")
@pytest.mark.parametrize("name", CASES)
@torch.no_grad()
def test_the_bound_is_one_term_of_the_sum_over_all_code_maps(float64, name):
    model, c = case(name)
    x = every(model.space)
    log_joint = joint(model, x, c)
    log_p = evidence(log_joint)
    assert np.exp(log_p).sum() == pytest.approx(1, abs=1e-12), "p(x) sums to 1"
    bound = model.elbo(x, given(c, len(x)), Rng(0)).numpy()
    assert (bound < log_p).all()
    # log p(x) = bound + KL(q(k|x) || p(k|x)) with q a point (E2)
    numbers = model.nearest(x) @ torch.tensor([K**t for t in reversed(range(model.T))])
    chosen = np.take_along_axis(log_joint, numbers.numpy()[:, None], 1)[:, 0]
    np.testing.assert_allclose(bound, chosen, rtol=1e-11)
    assert len(set(numbers.tolist())) > 3, "the codes depend on x"


@pytest.mark.system("E14")
@torch.no_grad()
def test_with_missing_entries_it_bounds_the_others(float64):
    model, _ = case("list")
    x = every(model.space)
    known = torch.tensor([1, 0, 1, 1, 0, 0, 1]).bool()
    mask = known.expand_as(x)
    log_p = evidence(joint(model, x, known=mask))
    bound = model.elbo(x, None, Rng(0), mask)
    assert (bound.numpy() < log_p).all()
    # the sum over the entries that are known alone is 1: each value stands for all of the others
    assert np.exp(log_p).sum() == pytest.approx(2 ** int((~known).sum()), abs=1e-9)
    other = torch.where(mask, x, 1 - x)
    torch.testing.assert_close(model.elbo(other, None, Rng(0), mask), bound, rtol=0, atol=0)


@pytest.mark.system("E14")
@torch.no_grad()
def test_a_bound_is_what_scores_call_it(float64):
    model, _ = case("map")
    x = every(model.space)[5:12]
    score = model.log_prob(x)
    assert (score.kind, score.method) == ("lower", "bound of one code map")
    torch.testing.assert_close(score.values, model.elbo(x, None, Rng(0)))
    assert not model.supports(can.HasDensity) and not model.supports(can.TightensBound)


@pytest.mark.system("E14")
@pytest.mark.parametrize("c", [None, 2])
@torch.no_grad()
def test_the_prior_is_exact(float64, c):
    model = made(Binary((1, 3, 3)), None if c is None else LABEL, **IMAGE)
    p, maps = model.code_prior, torch.tensor(states(4, K))
    f = None if c is None else LABEL.vectors(given(c, len(maps)), torch.float64)
    masses = p.log_density(maps, f).exp().numpy()
    assert masses.sum() == pytest.approx(1, abs=1e-12)
    rule.check_fast_draws(p, 13, None if f is None else f[:13])
    n = 6000
    draws = p.draw(Rng(8, rows=range(n)), None if f is None else f[:1].expand(n, -1))
    number = (draws @ torch.tensor([27, 9, 3, 1])).numpy()
    assert chi_square(number, masses) > 1e-3 and chi_square(number, masses[::-1]) < 1e-6


@pytest.mark.system("E14")
@pytest.mark.parametrize("name", ["list", "map with label"])
@torch.no_grad()
def test_draws_have_the_enumerated_frequencies(float64, name):
    model, c = case(name)
    x, n = every(model.space), 6000
    p = np.exp(evidence(joint(model, x, c)))
    draws = model.draw(Rng(4, rows=range(n)), given(c, n)).reshape(n, -1)
    number = draws.numpy() @ 2 ** np.arange(draws.shape[1])[::-1]
    assert chi_square(number, p) > 1e-3 and chi_square(number, p[::-1]) < 1e-6


@pytest.mark.system("E14")
@torch.no_grad()
def test_top_k_and_temperature_draw_codes(float64):
    model, _ = case("map")
    prior, rng = model.code_prior, Rng(2, rows=range(5))
    best = prior.draw(rng, how=model.drawing(top_k=1))
    expected = torch.zeros(1, 4)
    for t in range(4):
        expected[:, t] = prior.parameters_of(expected)[0, :, t].argmax()
    torch.testing.assert_close(best.double(), expected.expand(5, -1))
    torch.testing.assert_close(prior.draw(rng, how=model.drawing(temperature=1e-6)), best)


@pytest.mark.system("E14")
@pytest.mark.parametrize("name", ["map", "map with label", "list"])
def test_the_gradient_passes_straight_through(float64, name):
    """Finite differences of the surrogate: codes fixed, the decoder's input moves as the encoding does."""
    model, c = case(name)
    x = every(model.space)[::57]
    rows = given(c, len(x))
    with torch.no_grad():
        k, z_0 = model.nearest(x), model.encodings(x)
        z_q = model.codebook.embed(k)

    def surrogate() -> Tensor:
        z_e = model.encodings(x)
        nll = -model.likelihood(z_q + z_e - z_0, rows).log_prob(x)
        return (nll + model.beta * (z_e - z_q).square().sum((1, 2))).mean()

    terms = quantized_loss(model, Batch.of(x, rows), Rng(0, rows=range(len(x))))
    sum(terms.loss.values()).mean().backward()
    for part in (model.encoder, model.decoder):
        for p in part.parameters():
            direction = torch.randn_like(p)
            slope = (p.grad * direction).sum().item()
            with torch.no_grad():
                p.add_(1e-6 * direction)
                above = surrogate()
                p.sub_(2e-6 * direction)
                below = surrogate()
                p.add_(1e-6 * direction)
            assert slope == pytest.approx((above - below).item() / 2e-6, rel=1e-5, abs=1e-7)
    assert any(p.grad.abs().max() > 1e-3 for p in model.encoder.parameters())
    assert all(p.grad is None for p in model.code_prior.parameters())


@pytest.mark.system("E14")
@torch.no_grad()
def test_the_prior_learns_the_codes_of_the_frozen_encoder(float64):
    model, _ = case("map")
    x = every(model.space)[:11]
    batch = Batch.of(x, known=torch.ones_like(x, dtype=torch.bool))
    seen = codes(model, batch, Rng(0))
    assert torch.equal(seen.x, model.nearest(x)) and seen.known is None
    nll = prior_loss(model, seen, Rng(0)).loss["nll"]
    torch.testing.assert_close(
        -nll + model.likelihood(model.codebook.embed(seen.x)).log_prob(x), model.elbo(x, None, Rng(0))
    )
    rates = model.rates(x, None, Rng(0))
    torch.testing.assert_close(rates.sum(1), nll)
    assert rates.shape == (11, len(model.part_names)) and bool((rates > 0).all())
    names = [stage.updates[0].params for stage in (model.stage(0, []), model.stage(1, []))]
    assert names == [("encoder.", "decoder."), ("code_prior.",)] and model.stage(2, []) is None


@pytest.mark.system("E14")
@torch.no_grad()
def test_codes_numbers_and_vectors_lead_to_one_another(float64):
    model, _ = case("map")
    x = every(model.space)[:50]
    z = model.encode(x)
    k = model.numbers(z)
    assert k.shape == (50, 2, 2) and z.shape == (50, model.code_size)
    assert torch.equal(k.flatten(1), model.nearest(x)) and torch.equal(model.vectors(k), z)
    distances = (model.encodings(x).unsqueeze(2) - model.codebook.e).square().sum(3)
    assert torch.equal(distances.argmin(2), k.flatten(1))
    p = model.likelihood(z.unflatten(1, (4, 2)))
    torch.testing.assert_close(model.decode(z), p.mean)


@pytest.mark.system("E14")
@torch.no_grad()
def test_a_look_shows_the_codes_so_far(float64):
    model, _ = case("map")
    rng, seen = Rng(6, rows=range(7)), []
    x = model.draw(rng, watch=lambda t, total, x, known: seen.append((t, total, x.clone(), known)))
    assert [look[:2] for look in seen] == [(t, 4) for t in range(1, 5)]
    assert torch.equal(seen[-1][2], x) and torch.equal(x, model.draw(rng))
    assert all(bool(look[3].all()) for look in seen)


@pytest.mark.parametrize("space", [Real((5,)), Count((3,)), Levels((1, 17, 18), 4), Levels((3, 16, 16), 8)])
def test_spaces_have_codes(space):
    model = VQVAE(space, **SMALL)
    assert model.map == ((5, 5) if space.shape == (1, 17, 18) else (4, 4) if space.image else (16,))
    assert model.sample(2, seed=0).shape == (2, *space.shape)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"codebook": 1}, "codebook is 1"),
        ({"beta": -1.0}, "beta is -1.0"),
        ({"decay": 1.0}, "decay is 1.0"),
        ({"restart": 1.5}, "restart is 1.5"),
        ({"codes": 5, "net": "conv"}, "leave codes= out"),
        ({"prior_width": 7}, "prior_width is 7"),
        ({"prior_layers": 0}, "prior_layers is 0"),
    ],
)
def test_what_is_refused_has_a_way_out(arguments, words):
    with pytest.raises(Refusal, match=words) as refusal:
        VQVAE(Binary((1, 5, 5)), **SMALL | arguments)
    mend = dict(refusal.value.suggestions[0].options)
    assert VQVAE(Binary((1, 5, 5)), **SMALL | arguments | mend)
