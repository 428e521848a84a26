"""The moves of the game: turns, monitors, the spy, collapse, and noise that gives samples a density."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch

import simulacra
from simulacra.api import fit
from simulacra.core.batch import Batch
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Real
from simulacra.data.sources.tensors import from_tensors
from simulacra.data.toys import Ring
from simulacra.evaluation.likelihood.parzen import log_windows
from simulacra.models.adversarial.game.monitor import spread, spy
from simulacra.models.adversarial.game.objectives import OBJECTIVES, share_right
from simulacra.models.adversarial.game.stabilizers import History


def gan(**options) -> simulacra.GAN:
    """A small game on points of the plane."""
    return simulacra.GAN(Real((2,)), **{"latent": 3, "hidden": (9,), "normalization": "none", **options})


def loss(model, player: str, x: torch.Tensor, seed: int = 3) -> dict[str, torch.Tensor]:
    """The terms of a player's loss."""
    update = {update.name: update for update in model.updates()}[player]
    return update.loss(model, Batch.of(x), Rng(seed, rows=range(len(x)))).loss


@pytest.mark.system("F2", "F16", "G10", "G11")
@pytest.mark.parametrize(
    "make, k",
    [
        (lambda s: simulacra.GAN(s, latent=2, hidden=(5,), normalization="none", discriminator_steps=2), 2),
        (lambda s: simulacra.WGANGP(s, latent=2, hidden=(5,), critic_steps=3), 3),
        (lambda s: simulacra.WGAN(s, latent=2, hidden=(5,)), 5),
        (lambda s: simulacra.LSGAN(s, latent=2, hidden=(5,)), 1),
        (lambda s: simulacra.BEGAN(s, latent=2, hidden=(5,)), 1),
    ],
)
def test_one_player_is_frozen_while_the_other_moves_k_times(tmp_path, make, k):
    model, notes = make(Real((2,))), []
    weights = lambda player: torch.cat([p.detach().flatten() for p in getattr(model, player).parameters()])

    def watched(update, after):
        def note(model, terms, progress):
            if after:
                after(model, terms, progress)
            notes.append((update.name, weights("D"), weights("G")))

        update.after = note
        return update

    made = model.updates
    model.updates = lambda: [watched(update, update.after) for update in made()]
    assert [u.params for u in made()] == [("D.",), ("G.",)]
    data = from_tensors(torch.randn(30 * k, 2), Real((2,)), valid=0.0, test=0.0)
    fit(model, data, out=tmp_path, epochs=3, batch_size=10, progress=False)
    names = [name for name, _, _ in notes]
    assert len(names) >= 3 * (k + 1) and names == (["D"] * k + ["G"]) * (len(names) // (k + 1))
    for (_, D, G), (name, new_D, new_G) in pairwise(notes):
        assert torch.equal(D, new_D) == (name == "G") and torch.equal(G, new_G) == (name == "D")


@pytest.mark.system("F8")
@pytest.mark.parametrize("name", list(OBJECTIVES))
def test_the_monitor_is_a_half_where_samples_are_the_data(float64, name):
    game, s = OBJECTIVES[name], 3 * torch.randn(101)
    assert share_right(game, s, s).mean().item() == 0.5
    others = s[torch.randperm(101)]
    assert share_right(game, s, others).mean().item() == pytest.approx(0.5, abs=0.15)
    top, bottom = torch.full((5,), 4.0), torch.full((5,), -4.0)
    assert share_right(game, top, bottom).mean() == 1 and share_right(game, bottom, top).mean() == 0
    model = gan(objective=name)
    for parameter in model.G.parameters():
        torch.nn.init.zeros_(parameter)  # G emits 0, and so are the data
    assert model.diagnostics(torch.zeros(11, 2), Rng(0, rows=range(11)))["accuracy"] == 0.5


@pytest.mark.system("F8", "F3")
def test_what_reaches_the_generator_by_the_strength_of_the_discriminator(float64):
    x, found = torch.randn(40, 2), {"minimax": [], "non-saturating": []}
    strengths = (1e-4, 1e-2, 1.0, 1e2, 1e4)
    for name, norms in found.items():
        torch.manual_seed(1)
        model = gan(objective=name)
        with torch.no_grad():  # the mean sample is called fake: s < 0
            model.D.score.bias -= model.judge(model.generate(torch.randn(40, 3))).score.max() + 0.1
        state = {k: v.clone() for k, v in model.D.score.state_dict().items()}
        for strength in strengths:
            model.D.score.load_state_dict({k: strength * v for k, v in state.items()})
            norms.append(model.diagnostics(x, Rng(1, rows=range(40)))["gradient"])
            s = model.judge(model.generate(model.prior(Rng(1, rows=range(40))))).score
            share = s.sigmoid() if name == "minimax" else (-s).sigmoid()
            slope = torch.autograd.functional.jacobian(
                lambda h, model=model: model.judge(h).score.sum(),
                model.generate(model.prior(Rng(1, rows=range(40)))),
            )
            assert norms[-1] == pytest.approx((share * slope.norm(dim=1)).mean().item(), rel=1e-9)
    weak, _, _, _, strong = found["minimax"]
    # too weak: nothing to learn from; too strong: the saturating payoff is flat, the other is not
    assert weak < 1e-2 * max(found["minimax"]) and strong < 1e-6 * max(found["minimax"])
    assert found["non-saturating"] == sorted(found["non-saturating"])


@pytest.mark.system("F9")
@pytest.mark.parametrize("name", list(OBJECTIVES))
def test_the_spy_is_the_chain_rule_and_tells_how_to_look_real(float64, name):
    model, z = gan(objective=name, critic_activation="tanh"), torch.randn(6, 3)
    fake = model.generate(z)
    real = model.judge(torch.randn(6, 2)).score.detach()
    slope, score = spy(model, fake, real=real)
    torch.testing.assert_close(score, model.judge(fake).score.detach())
    for i, axis in enumerate(torch.eye(2)):  # dl(D(x))/dx by differences
        value = lambda h: model.objective.fooled(model.judge(h).score, real)
        difference = (value(fake + 1e-6 * axis) - value(fake - 1e-6 * axis)) / 2e-6
        torch.testing.assert_close(slope[:, i], difference.detach(), rtol=1e-6, atol=1e-8)
    parameters = list(model.G.parameters())
    lost = model.objective.fooled(model.judge(model.generate(z)).score, real).sum()
    whole = torch.autograd.grad(lost, parameters)
    chained = torch.autograd.grad((model.generate(z) * slope).sum(), parameters)
    for a, b in zip(whole, chained):
        torch.testing.assert_close(a, b)
    if name != "least-squares":  # whose generator wants a score of 1, not a higher one
        assert (model.judge(fake - 1e-3 * slope / slope.norm(dim=1, keepdim=True)).score > score).all()


@pytest.mark.system("F11")
def test_a_collapsed_generator_covers_one_mode_and_is_named(float64):
    ring, model = Ring(), gan()
    x, rng = ring.sample(300, seed=5).double(), Rng(2, rows=range(300))
    with torch.no_grad():  # whatever z: the first mode
        for parameter in model.G.parameters():
            parameter.zero_()
        list(model.G.parameters())[-1].copy_(ring.modes[0])
    fake = model.sample(300, seed=1).double()
    assert ring.coverage(fake) == {"modes": 1, "good": 1.0}
    assert ring.coverage(x)["modes"] == 8 and ring.coverage(x)["good"] > 0.97
    found = model.diagnostics(x, rng)
    assert found["diversity"] == pytest.approx(0, abs=1e-6) and "mode collapse" in model.alarm(found)
    healthy = {**found, "diversity": float(spread(ring.sample(300, seed=6).double()) / spread(x))}
    assert healthy["diversity"] == pytest.approx(1, abs=0.1)
    assert "collapse" not in (model.alarm(healthy) or "")
    rows = torch.randn(13, 2)
    pairs = [(a - b).norm().item() for i, a in enumerate(rows) for j, b in enumerate(rows) if i != j]
    assert spread(rows).item() == pytest.approx(sum(pairs) / len(pairs), rel=1e-9)


class Point(torch.nn.Module):
    """A player with one number."""

    def __init__(self, at: float):
        super().__init__()
        self.at = torch.nn.Parameter(torch.tensor(at))


@pytest.mark.system("F15", "F6")
def test_historical_averaging_damps_the_spiral(float64):
    def radius(weight: float) -> list[float]:
        a, b = Point(0.6), Point(-0.8)
        past, seen = {p: History(p) for p in (a, b)}, []
        for _ in range(400):
            for player, history in past.items():
                history.add(player)
            v = a.at * b.at
            (da,) = torch.autograd.grad(v + weight * past[a].distance(a), a.at, retain_graph=True)
            (db,) = torch.autograd.grad(-v + weight * past[b].distance(b), b.at)
            with torch.no_grad():
                a.at -= 0.1 * da
                b.at -= 0.1 * db
            seen.append(math.hypot(a.at.item(), b.at.item()))
        return seen

    free, damped = radius(0), radius(0.5)
    assert free[-1] == pytest.approx(1.01**200, rel=1e-9)  # (1 + lr^2)^(n / 2)
    assert damped[-1] < 0.25 < damped[0] and free[-1] > 7  # the mean of the past falls as 1 / t


@pytest.mark.system("F15")
def test_history_is_the_mean_of_all_past_weights(float64):
    player, kept = torch.nn.Linear(3, 2), []
    history = History(player)
    for _ in range(5):
        torch.nn.init.normal_(player.weight)
        history.add(player)
        kept.append(torch.cat([p.detach().flatten() for p in player.parameters()]))
    expected = (kept[-1] - torch.stack(kept).mean(0)).square().sum()
    torch.testing.assert_close(history.distance(player), expected)
    (gradient,) = torch.autograd.grad(history.distance(player), player.weight)
    torch.testing.assert_close(gradient.flatten(), 2 * (kept[-1] - torch.stack(kept).mean(0))[:6])


@pytest.mark.system("F17")
def test_dropout_stays_on_while_the_generator_learns(float64):
    x = torch.randn(12, 2)
    model = gan(dropout=0.5).train()
    first, second = (loss(model, "G", x)["loss"] for _ in range(2))
    assert not torch.allclose(first, second)
    model.eval()
    torch.testing.assert_close(loss(model, "G", x), loss(model, "G", x))
    whole = gan(dropout=0.0).train()
    torch.testing.assert_close(loss(whole, "G", x), loss(whole, "G", x))


@pytest.mark.system("F18")
def test_noise_gives_the_samples_a_density_where_there_was_none(float64):
    model = gan(latent=1, noise=0.3).train()  # a curve in the plane: its law has no density
    with torch.no_grad():
        for parameter in model.G.parameters():
            parameter.zero_()
        list(model.G.parameters())[-1].copy_(torch.tensor([1.0, 0.0]))
    data = torch.tensor([[0.0, 0.0], [1.0, 1.0], [-2.0, 0.5]])
    rng = Rng(4, rows=range(4000))
    raw = model.generate(model.prior(rng))
    assert torch.cdist(data, raw).min() > 0.9  # no sample at any training point
    noised = model.blurred(raw, rng, "noise")
    assert (noised - raw).std().item() == pytest.approx(0.3, rel=0.03)
    density = log_windows(raw, data, [0.3])[0]  # of p_G * N(0, s^2)
    square = (data - torch.tensor([1.0, 0.0])).square().sum(1)
    torch.testing.assert_close(density, -square / (2 * 0.09) - math.log(2 * math.pi * 0.09))
    near = (noised - torch.tensor([1.3, 0.0])).norm(dim=1) < 0.1
    expected = math.exp(-0.5) / (2 * math.pi * 0.09) * math.pi * 0.01  # density times area
    assert near.double().mean().item() == pytest.approx(expected, rel=0.25)
    torch.testing.assert_close(model.eval().blurred(raw, rng, "noise"), raw)
