"""Two ideas of a discussion: a discriminator that knows blurred data, and one that tells the noise."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import simulacra
from simulacra.api import fit
from simulacra.core.batch import Batch
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary, Real
from simulacra.data.sources.tensors import from_tensors
from simulacra.models.adversarial.noise_aware import shortcut


def three_way(**options) -> simulacra.ThreeWayGAN:
    """A small one on binary images."""
    torch.manual_seed(4)
    made = {"latent": 3, "network": "mlp", "hidden": (9,), **options}
    return simulacra.ThreeWayGAN(Binary((1, 5, 6)), **made)


def losses(model, x, rng):
    """The terms of D and of G."""
    return [update.loss(model, Batch.of(x), rng) for update in model.updates()]


@pytest.mark.system("F19")
def test_blurring_is_a_mean_over_windows(float64):
    model, h = three_way(blur=3), torch.randn(2, 1, 5, 6)
    found = model.smeared(h)
    for i in range(5):
        for j in range(6):
            window = h[:, :, max(i - 1, 0) : i + 2, max(j - 1, 0) : j + 2]
            torch.testing.assert_close(found[:, :, i, j], window.mean((2, 3)))


@pytest.mark.system("F19")
def test_three_answers_are_one_softmax_and_their_losses_add_up(float64):
    model, x, rng = three_way(), (torch.rand(7, 1, 5, 6) < 0.4).double(), Rng(2, rows=range(7))
    D, G = losses(model, x, rng)
    real = model.seen(x)
    fake = model.generate(model.prior(rng))
    names = ("real", "fake", "blurred")
    rows = (real, fake, model.smeared(real))
    logs = {name: model.judge(h).labels.log_softmax(1) for name, h in zip(names, rows)}
    assert set(D.loss) == set(names) and D.loss["real"].shape == (7,)
    answer = {"real": 0, "fake": 1, "blurred": 2}
    for name, column in answer.items():
        torch.testing.assert_close(D.loss[name], -logs[name][:, column])
    total = -sum(logs[name][:, column] for name, column in answer.items())
    torch.testing.assert_close(sum(D.loss.values()), total)
    torch.testing.assert_close(sum(G.loss.values()), -logs["fake"][:, 0])  # only the answer "real"
    p = logs["fake"][:, 0].exp()
    torch.testing.assert_close(model.judge(fake).score, (p / (1 - p)).log())


@pytest.mark.system("F19")
def test_nothing_of_the_blurred_rows_reaches_the_generator(float64):
    model, x, rng = three_way(), (torch.rand(7, 1, 5, 6) < 0.4).double(), Rng(2, rows=range(7))
    D, _ = losses(model, x, rng)
    parameters = list(model.G.parameters())
    for term in D.loss.values():
        found = torch.autograd.grad(term.sum(), parameters, retain_graph=True, allow_unused=True)
        assert all(g is None or g.abs().max() == 0 for g in found)
    # the generator's loss is the same whatever rows there are, blurred or not
    _, first = losses(model, x, rng)
    _, second = losses(model, 1 - x, rng)
    torch.testing.assert_close(first.loss, second.loss)
    assert sum(g.abs().sum() for g in torch.autograd.grad(first.loss["loss"].sum(), parameters)) > 0


@pytest.mark.system("F19")
def test_a_short_training_tells_blurred_rows_apart(tmp_path):
    torch.manual_seed(1)
    x = (torch.rand(2000, 1, 5, 6) < 0.4).float()
    model = three_way(hidden=(50,), lr=3e-3)
    data = from_tensors(x, model.space, valid=0.0, test=0.0)
    fit(model, data, out=tmp_path, epochs=7, batch_size=50, progress=False)
    held_out = model.eval().seen((torch.rand(200, 1, 5, 6) < 0.4).float())
    answers = lambda h: model.judge(h).labels.argmax(1)
    share = lambda found, answer: (found == answer).double().mean().item()
    found = share(answers(model.smeared(held_out)), 2), share(answers(held_out), 2)
    assert found[0] > 0.8 and found[1] < 0.1


@pytest.mark.system("F19")
def test_impossible_blurs_are_refused():
    with pytest.raises(ValueError, match=r"blur is 4.*\.$"):
        three_way(blur=4)
    with pytest.raises(ValueError, match=r"image.*\.$"):
        simulacra.ThreeWayGAN(Real((5,)))


def waves(n: int, seed: int) -> torch.Tensor:
    """Rows of 40 entries along smooth curves."""
    rng = np.random.default_rng(seed)
    t, a, phase = np.arange(40) / 40, rng.uniform(0.3, 0.6, (n, 1)), rng.uniform(0, 2 * np.pi, (n, 1))
    return torch.tensor(a * np.sin(2 * np.pi * t + phase), dtype=torch.float32)


def noise_aware(**options) -> simulacra.NoiseAwareGAN:
    """A small one on the waves."""
    torch.manual_seed(6)
    made = {"latent": 4, "hidden": (96, 48), "network": "mlp", "largest": 0.5, **options}
    return simulacra.NoiseAwareGAN(Real((40,)), **made)


def r2(truth: torch.Tensor, found: torch.Tensor) -> float:
    """The share of the variance of `truth` that is found."""
    return 1 - ((truth - found).square().sum() / (truth - truth.mean()).square().sum()).item()


@pytest.mark.system("F20")
def test_the_game_is_played_on_noisy_rows_and_the_level_is_regressed(float64):
    model, x, rng = noise_aware(weight=3.0), waves(8, 1).double(), Rng(5, rows=range(8))
    D, G = losses(model, x, rng)
    seen = {"real": x, "fake": model.generate(model.prior(rng))}
    for name, sign in (("real", 1), ("fake", -1)):
        noisy, s = model.noisy(seen[name], rng, name)
        assert s.min() >= 0 and s.max() <= 0.5
        verdict = model.judge(noisy)
        torch.testing.assert_close(D.loss[name], -(sign * verdict.score).sigmoid().log())
        torch.testing.assert_close(D.loss[f"{name} noise"], 3 * (model.noise_level(noisy) - s) ** 2)
    noisy, _ = model.noisy(seen["fake"], rng, "fake")
    torch.testing.assert_close(sum(G.loss.values()), -model.judge(noisy).score.sigmoid().log())
    total = sum(t.sum() for t in D.loss.values())
    fakes = torch.autograd.grad(total, list(model.G.parameters()), allow_unused=True)
    assert all(g is None for g in fakes)
    many = Rng(1, rows=range(4000))
    noisy, s = model.noisy(torch.zeros(4000, 40), many, "real")
    assert s.mean().item() == pytest.approx(0.25, abs=0.01)
    assert s.std().item() == pytest.approx(0.5 / 12**0.5, rel=0.03)
    ratio = noisy.square().mean(1) / s.square()
    assert ratio.mean().item() == pytest.approx(1, abs=0.02)  # of each row its own level


@pytest.mark.system("F20")
def test_the_head_learns_the_level_and_so_does_the_hack(tmp_path):
    from sklearn.linear_model import LinearRegression

    model = noise_aware(lr=4e-3, weight=10.0)
    data = from_tensors(waves(1500, 2), Real((40,)), valid=0.0, test=0.0)
    noisy, s = model.noisy(waves(500, 3), Rng(8, rows=range(500)), "held out")
    before = r2(s, model.eval().noise_level(noisy).detach())
    fit(model, data, out=tmp_path, epochs=30, batch_size=100, progress=False)
    assert before < 0.1 and r2(s, model.eval().noise_level(noisy).detach()) > 0.9
    # no image is needed for it: one number of each row, and a line
    told, level = shortcut(noisy).unsqueeze(1).numpy(), s.numpy()
    line = LinearRegression().fit(told[:250], level[:250])
    assert line.score(told[250:], level[250:]) > 0.8
    row = noisy[3].double()
    by_hand = np.sqrt(np.mean(np.diff(row.numpy()) ** 2))
    assert shortcut(row[None]).item() == pytest.approx(by_hand, rel=1e-9)


@pytest.mark.system("F20")
@pytest.mark.parametrize("options", [{"largest": 0.0}, {"weight": -1.0}])
def test_impossible_levels_are_refused(options):
    with pytest.raises(ValueError, match=r"(largest|weight).*\.$"):
        noise_aware(**options)
