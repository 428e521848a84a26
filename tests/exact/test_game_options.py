"""Every option of a game takes effect, in the direction that its paper says: the list of ganhacks."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import simulacra
from simulacra.api import fit
from simulacra.core.batch import Batch
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Levels, Real
from simulacra.data.sources.tensors import from_tensors

B = 12


def gan(**options) -> simulacra.GAN:
    """A small game on points of the plane, the same weights for the same sizes."""
    torch.manual_seed(7)
    return simulacra.GAN(Real((2,)), **{"latent": 3, "hidden": (9,), "normalization": "none", **options})


def terms(model, player: str, x: torch.Tensor, seed: int = 3) -> dict[str, torch.Tensor]:
    """The terms of a player's loss."""
    update = {update.name: update for update in model.updates()}[player]
    return update.loss(model, Batch.of(x), Rng(seed, rows=range(len(x)))).loss


def scores(model, x: torch.Tensor, seed: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    """s(x) and s(G(z)) for the z of `terms`."""
    fake = model.generate(model.prior(Rng(seed, rows=range(len(x)))))
    return model.judge(model.seen(x)).score, model.judge(fake).score


@pytest.fixture
def x(float64):
    """Rows of data."""
    return torch.randn(B, 2) + 1


logD = lambda s: s.sigmoid().log()
log1D = lambda s: (1 - s.sigmoid()).log()
PAPERS = {
    "minimax": (lambda s: -logD(s), lambda s: -log1D(s), log1D),
    "non-saturating": (lambda s: -logD(s), lambda s: -log1D(s), lambda s: -logD(s)),
    "least-squares": (lambda s: (s - 1) ** 2 / 2, lambda s: s**2 / 2, lambda s: (s - 1) ** 2 / 2),
    "wasserstein": (lambda s: -s, lambda s: s, lambda s: -s),
    "hinge": (lambda s: (1 - s).clamp(min=0), lambda s: (1 + s).clamp(min=0), lambda s: -s),
}


@pytest.mark.system("F16", "F1", "F3", "G9", "G10")
@pytest.mark.parametrize("name", list(PAPERS))
def test_objective(x, name):
    model = gan(objective=name)
    real, fake = scores(model, x)
    D, G = terms(model, "D", x), terms(model, "G", x)
    expected = [f(s) for f, s in zip(PAPERS[name], (real, fake, fake))]
    torch.testing.assert_close([D["real"], D["fake"], G["loss"]], expected)


@pytest.mark.system("F16")
def test_prior(float64):
    rng = Rng(1, rows=range(3000))
    z = {prior: gan(prior=prior).prior(rng) for prior in ("normal", "uniform", "sphere")}
    assert z["normal"].std().item() == pytest.approx(1, abs=0.03) and z["normal"].abs().max() > 3
    assert z["uniform"].abs().max() <= 1 and z["uniform"].var().item() == pytest.approx(1 / 3, abs=0.01)
    torch.testing.assert_close(z["sphere"].norm(dim=1), torch.full((3000,), math.sqrt(3)))
    assert all(abs(draw.mean().item()) < 0.05 for draw in z.values())


@pytest.mark.system("F15", "F16")
def test_smoothing(x):
    model = gan(smoothing=0.9)
    real, fake = scores(model, x)
    found = terms(model, "D", x)
    torch.testing.assert_close(found["real"], -0.9 * logD(real) - 0.1 * log1D(real))
    torch.testing.assert_close(found["fake"], -log1D(fake))
    torch.testing.assert_close(terms(model, "G", x), terms(gan(), "G", x))


@pytest.mark.system("F16")
def test_flips(float64):
    x = torch.randn(2003, 2)
    model = gan(flips=0.2)
    real, fake = scores(model, x)
    found = terms(model, "D", x)
    for name, s, right, wrong in (("real", real, logD, log1D), ("fake", fake, log1D, logD)):
        kept, turned = torch.isclose(found[name], -right(s)), torch.isclose(found[name], -wrong(s))
        assert (kept | turned).all()
        assert turned.double().mean().item() == pytest.approx(0.2, abs=0.04)  # 4 standard errors
    torch.testing.assert_close(terms(model, "G", x), terms(gan(), "G", x))


@pytest.mark.system("F16", "F18")
def test_noise_falls_to_nothing_over_the_training(x):
    model = gan(noise=0.5).train()
    plain = [terms(gan(), player, x) for player in "DG"]
    for progress, left in ((0.0, 0.5), (0.4, 0.3), (1.0, 0.0)):
        model.updates()[0].after(model, {}, progress)
        assert model.noise.item() == pytest.approx(left)
        seen = model.blurred(torch.zeros(5000, 2), Rng(2, rows=range(5000)), "n")
        assert seen.std().item() == pytest.approx(left, rel=0.03)
        ours = [terms(model, player, x) for player in "DG"]
        same = [all(torch.equal(a[k], b[k]) for k in a) for a, b in zip(plain, ours)]
        assert same == [progress == 1] * 2
    model.updates()[0].after(model, {}, 0)
    torch.testing.assert_close([terms(model.eval(), player, x) for player in "DG"], plain)


@pytest.mark.system("F13", "F14", "F16")
@pytest.mark.parametrize("kind", ["none", "layer", "batch", "virtual"])
@pytest.mark.parametrize("who", ["normalization", "critic_normalization"])
def test_normalization(tmp_path, kind, who):
    model = gan(hidden=(9, 8), **{who: kind}).train()  # the critic's first layer is never normalized
    data = from_tensors(torch.randn(70, 2), Real((2,)), valid=0.0, test=0.0)
    fit(model, data, out=tmp_path, epochs=1, batch_size=10, progress=False)  # the reference batch
    model.train()
    plain = gan(hidden=(9, 8))
    counts = [sum(p.numel() for p in player.parameters()) for player in (model.G, plain.G, model.D, plain.D)]
    assert (counts[0] > counts[1]) == (who == "normalization" and kind != "none")
    assert (counts[2] > counts[3]) == (who == "critic_normalization" and kind != "none")
    rows, width = torch.randn(8, 3), 3 if who == "normalization" else 2
    player = model.generate if who == "normalization" else lambda h: model.judge(h).score
    others = torch.cat([rows[:4], 5 * rows[4:] + 2])
    before, after = player(rows[:, :width])[:4], player(others[:, :width])[:4]
    assert torch.allclose(before, after, atol=1e-6) is (kind != "batch")


@pytest.mark.system("F16")
def test_data_and_samples_are_judged_in_batches_of_their_own(x):
    model = gan(hidden=(9, 8), critic_normalization="batch").train()
    real, fake = scores(model, x)
    torch.testing.assert_close(terms(model, "D", x), {"real": -logD(real), "fake": -log1D(fake)})
    z = model.prior(Rng(3, rows=range(B)))
    mixed = model.judge(torch.cat([x, model.generate(z)])).score
    assert not torch.allclose(mixed[:B], real, atol=1e-3)


@pytest.mark.system("F12", "F16")
def test_minibatch_kernels(x):
    model, plain = gan(minibatch_kernels=5), gan()
    moved = torch.cat([x[:6], x[6:] + 4])
    assert not torch.allclose(model.judge(x).score[:6], model.judge(moved).score[:6], atol=1e-4)
    torch.testing.assert_close(plain.judge(x).score[:6], plain.judge(moved).score[:6])
    assert all(update.coupled for update in model.updates()) and not any(u.coupled for u in plain.updates())
    equal = x[:1].expand(B, 2)  # a collapsed batch tells itself from one of many kinds
    score = model.judge(equal).score
    torch.testing.assert_close(score, score[:1].expand(B))
    assert (score[0] - model.judge(x).score[0]).abs() > 1e-4


@pytest.mark.system("F15", "F16")
def test_feature_matching(x):
    model = gan(feature_matching=True)
    fake = model.generate(model.prior(Rng(3, rows=range(B))))
    f = lambda h: model.judge(h).features.mean(0)
    (found,) = terms(model, "G", x).values()
    assert found.mean().item() == pytest.approx((f(x) - f(fake)).square().sum().item(), rel=1e-9)
    torch.testing.assert_close(terms(model, "D", x), terms(gan(), "D", x))
    assert model.updates()[1].coupled
    gradients = torch.autograd.grad(found.mean(), list(model.G.parameters()))
    assert sum(g.abs().sum() for g in gradients) > 0
    # nothing to learn where the features are those of the data already
    (same,) = terms(model, "G", fake.detach()).values()
    assert same.mean().item() == pytest.approx(0, abs=1e-20)


@pytest.mark.system("F15", "F16")
def test_historical_averaging(x):
    model = gan(historical_averaging=0.7)
    for update, player in zip(model.updates(), "DG"):
        plain = terms(gan(), player, x)
        update.before(model, Batch.of(x), Rng(0, rows=range(B)))
        start = terms(model, player, x)
        assert set(start) - set(plain) == {"history"} and start["history"].abs().max() < 1e-20
        network, before = getattr(model, player), []
        for p in network.parameters():
            before.append(p.detach().clone())
            p.data += 0.1
        n = sum(p.numel() for p in before)
        torch.testing.assert_close(terms(model, player, x)["history"], torch.full((B,), 0.7 * n * 0.01))
        for p, old in zip(network.parameters(), before):
            p.data.copy_(old)


@pytest.mark.system("F16")
def test_learning_rates_and_optimizers(tmp_path):
    data = from_tensors(torch.randn(20, 2), Real((2,)), valid=0.0, test=0.0)

    def moved(name, **options):
        model = gan(**options)
        before = {k: v.clone() for k, v in model.named_parameters()}
        fit(model, data, out=tmp_path / name, epochs=1, batch_size=20, progress=False)
        steps = {k: (v - before[k]).detach().abs().flatten() for k, v in model.named_parameters()}
        return [torch.cat([s for k, s in steps.items() if k.startswith(p)]).numpy() for p in ("D.", "G.")]

    for name, options, of_D, of_G in (
        ("one", {"lr": 0.003}, 0.003, 0.003),
        ("two", {"lr": 0.003, "discriminator_lr": 0.02}, 0.02, 0.003),
    ):
        D, G = moved(name, **options)  # Adam's first step is lr wherever there is a gradient
        np.testing.assert_allclose([D.max(), G.max()], [of_D, of_G], rtol=1e-3)
        assert np.median(D) == pytest.approx(of_D, rel=1e-2)
    D, G = moved("sgd", lr=0.003, discriminator_lr=0.02, discriminator_optimizer="sgd")
    twice, _ = moved("twice", lr=0.003, discriminator_lr=0.04, discriminator_optimizer="sgd")
    assert D.std() > 0.1 * D.mean() and G.max() == pytest.approx(0.003, rel=1e-3)
    np.testing.assert_allclose(twice, 2 * D, rtol=1e-2, atol=1e-7)  # a step of SGD is lr times the gradient


@pytest.mark.system("F16")
def test_leaky_units_pass_gradients_where_rectifiers_are_dead(x):
    for act, dead in (("relu", True), ("leaky-relu-0.2", False)):
        model = gan(critic_activation=act)
        first = next(m for m in model.D.modules() if isinstance(m, torch.nn.Linear))
        torch.nn.init.constant_(first.bias, -100)
        (gradient,) = torch.autograd.grad(terms(model, "G", x)["loss"].sum(), next(model.G.parameters()))
        assert (gradient.abs().max().item() == 0) is dead
    z = torch.randn(5, 3)
    assert not torch.allclose(gan(activation="tanh").generate(z), gan().generate(z))
    layer, last = [m for m in gan(activation="tanh").G.modules() if isinstance(m, torch.nn.Linear)]
    torch.testing.assert_close(gan(activation="tanh").generate(z), last(layer(z).tanh()))


@pytest.mark.system("F16", "G4")
def test_networks_and_sizes():
    space = Levels((1, 16, 16), 256)
    kinds = lambda model, kind: sum(isinstance(m, kind) for m in model.modules())
    make = lambda network, channels=4: simulacra.GAN(
        space, latent=5, normalization="none", network=network, channels=channels
    )
    weights = lambda model: sum(p.numel() for p in model.parameters())
    ups = lambda network: kinds(make(network).G, torch.nn.ConvTranspose2d)
    assert kinds(make("mlp"), torch.nn.Conv2d) == 0 and kinds(make("mlp"), torch.nn.Linear) > 5
    for network in ("dcgan", "residual", "auto"):
        model = make(network)
        assert kinds(model.D, torch.nn.Conv2d) > 0 and model.sample(3).shape == (3, 1, 16, 16)
        assert weights(make(network, 8)) > 1.5 * weights(model)
    assert ups("auto") == ups("dcgan") > 0 == ups("mlp")
    wide = gan(latent=4, hidden=(6, 8))
    sizes = lambda player: [tuple(m.weight.shape) for m in player.modules() if isinstance(m, torch.nn.Linear)]
    assert sizes(wide.G) == [(6, 4), (8, 6), (2, 8)] and sizes(wide.D) == [(8, 2), (6, 8), (1, 6)]


@pytest.mark.system("F16")
@pytest.mark.parametrize(
    "options",
    [
        {"objective": "fair"}, {"prior": "cauchy"}, {"output": "relu"}, {"smoothing": 0.0},
        {"smoothing": 1.1}, {"flips": -0.1}, {"noise": -1.0}, {"clip": -1.0}, {"gradient_penalty": -1.0},
        {"discriminator_steps": 0}, {"dropout": 1.0}, {"network": "tree"}, {"normalization": "spectral"},
        {"historical_averaging": -1.0}, {"discriminator_optimizer": "newton"},
        {"critic_normalization": "odd"}, {"activation": "step"},
    ],
)  # fmt: skip
def test_an_impossible_option_is_named_in_one_sentence(options):
    with pytest.raises(ValueError) as error:
        gan(**options)
    said, (given,) = str(error.value), options.values()
    assert str(given) in said and said.endswith(".") and ". " not in said and "\n" not in said


@pytest.mark.system("F14")
@pytest.mark.parametrize("who", ["normalization", "critic_normalization"])
def test_too_few_rows_for_a_reference_batch_are_refused_in_a_sentence(tmp_path, who):
    data = from_tensors(torch.randn(30, 2), Real((2,)), valid=0.0, test=0.0)
    with pytest.raises(ValueError, match=r"needs 64 rows of data .* the training split has 30: .*\.$"):
        fit(gan(hidden=(9, 8), **{who: "virtual"}), data, out=tmp_path, epochs=1, progress=False)
