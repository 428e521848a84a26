"""The adversarial game: its losses, who moves when, and how strongly a losing generator learns."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from simulacra.api import fit
from simulacra.core.batch import Batch
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Levels, Real
from simulacra.data.sources.tensors import from_tensors
from simulacra.models.adversarial import GAN
from simulacra.models.adversarial.game.objectives import OBJECTIVES


def moves(model: GAN) -> dict:
    return {update.name: update for update in model.updates()}


@pytest.mark.system("F1")
def test_losses_are_binary_cross_entropies(float64):
    from sklearn.metrics import log_loss

    model, x = GAN(Real((3,)), latent=2, hidden=(8,), normalization="none"), 2 * torch.randn(20, 3)
    rng = Rng(4, rows=range(20))
    fake = model.generate(rng.normal("z", 2))
    p_real, p_fake = (torch.sigmoid(model.judge(t).score).detach().numpy() for t in (x, fake))
    d = moves(model)["D"].loss(model, Batch.of(x), rng).loss
    total = sum(t.mean().item() for t in d.values())
    labels, p = np.repeat([1, 0], 20), np.concatenate([p_real, p_fake])
    assert total == pytest.approx(2 * log_loss(labels, p), rel=1e-10)
    np.testing.assert_allclose(sum(d.values()).detach(), -np.log(p_real) - np.log(1 - p_fake), rtol=1e-10)
    g = {}
    for name in ("minimax", "non-saturating"):
        model.objective = OBJECTIVES[name]
        g[name] = moves(model)["G"].loss(model, Batch.of(x), rng).loss["loss"].detach().numpy()
    # min E log (1 - D(G)), and cross entropy with the labels turned round
    np.testing.assert_allclose(g["minimax"], np.log(1 - p_fake), rtol=1e-10)
    assert g["non-saturating"].mean() == pytest.approx(
        log_loss(np.ones(20), p_fake, labels=[0, 1]), rel=1e-10
    )


@pytest.mark.system("F1", "F16")
@pytest.mark.parametrize("output, low", [("tanh", -1), ("sigmoid", 0)])
def test_levels_go_to_the_discriminator_in_the_interval_of_the_output(float64, output, low):
    model = GAN(Levels((4,), 16), latent=2, hidden=(8,), normalization="none", output=output)
    x = torch.randint(0, 16, (6, 4))
    rng = Rng(1, rows=range(6))
    fake = model.generate(rng.normal("z", 2))
    by_hand = model.G(rng.normal("z", 2))
    torch.testing.assert_close(fake, by_hand.tanh() if output == "tanh" else by_hand.sigmoid())
    ours = moves(model)["D"].loss(model, Batch.of(x), rng).loss
    seen = low + (1 - low) * x / 15
    expected = -torch.nn.functional.logsigmoid(model.judge(seen).score)
    torch.testing.assert_close(ours["real"], expected)
    torch.testing.assert_close(model.emit(rng.normal("z", 2)), 15 * (fake - low) / (1 - low))
    drawn = model.sample(50)
    assert set(drawn.unique().tolist()) <= set(range(16))


class Watched(GAN):
    """A GAN that notes each move: its player, who changed, and the gradients there are after it."""

    def updates(self):
        """The game's moves with a note after each."""
        players = super().updates()
        for update in players:
            update.after = lambda model, terms, progress, name=update.name: model.note(name)
        return players

    def note(self, name: str) -> None:
        """Gradients and weights of both players after a move of `name`."""
        state = {
            player: (
                [None if p.grad is None else p.grad.clone() for p in network.parameters()],
                [p.detach().clone() for p in network.parameters()],
            )
            for player, network in (("D", self.D), ("G", self.G))
        }
        self.__dict__.setdefault("notes", []).append((name, state))


def same(a: list, b: list) -> bool:
    return all((s is None and t is None) or (s is not None and torch.equal(s, t)) for s, t in zip(a, b))


@pytest.mark.system("F2")
@pytest.mark.parametrize("k", [1, 3])
def test_players_take_turns_and_leave_each_other_alone(tmp_path, k):
    torch.manual_seed(0)
    model = Watched(Real((2,)), latent=2, hidden=(6,), discriminator_steps=k)
    data = from_tensors(torch.randn(120, 2), Real((2,)), valid=0.0, test=0.0)
    steps = []
    callback = lambda loop, ended: steps.append(len(model.notes))
    fit(model, data, out=tmp_path, epochs=3 * k, batch_size=20, progress=False, callbacks=(callback,))
    assert len(steps) == 18 and steps == [(k + 1) * (i + 1) for i in range(18)]
    assert [name for name, _ in model.notes] == (["D"] * k + ["G"]) * 18
    changed = 0
    for (_, before), (name, after) in zip(model.notes, model.notes[1:]):
        other = "G" if name == "D" else "D"
        for kind in (0, 1):  # gradients, weights
            assert same(before[other][kind], after[other][kind])
        assert not same(before[name][1], after[name][1])
        changed += 1
    assert changed == 18 * (k + 1) - 1


@pytest.mark.system("F2")
def test_the_discriminators_loss_does_not_reach_the_generator(float64):
    model, x = GAN(Real((2,)), latent=2, hidden=(6,), normalization="none"), torch.randn(5, 2)
    sum(
        t.sum() for t in moves(model)["D"].loss(model, Batch.of(x), Rng(0, rows=range(5))).loss.values()
    ).backward()
    assert all(p.grad is None for p in model.G.parameters())
    assert sum(p.grad.abs().sum().item() for p in model.D.parameters()) > 0
    assert moves(model)["D"].params == ("D.",) and moves(model)["G"].params == ("G.",)


def generator_gradient(model: GAN, kind: str, x: torch.Tensor) -> torch.Tensor:
    model.objective = OBJECTIVES[kind]
    model.zero_grad()
    moves(model)["G"].loss(model, Batch.of(x), Rng(2, rows=range(len(x)))).loss["loss"].mean().backward()
    return torch.cat([p.grad.flatten() for p in model.G.parameters()])


def sure_of_fakes(model: GAN, p: float) -> None:
    """Shift D's last bias so that D(G(z)) = p at the first draw of z."""
    z = Rng(2, rows=range(1)).normal("z", model.latent)
    with torch.no_grad():
        model.D.score.bias += math.log(p / (1 - p)) - model.judge(model.generate(z)).score
        assert torch.sigmoid(model.judge(model.generate(z)).score).item() == pytest.approx(p, rel=1e-9)


@pytest.mark.system("F3")
@pytest.mark.parametrize("p", [1e-6, 0.5, 0.9])
def test_the_alternative_payoff_learns_a_million_times_faster_from_a_lost_game(float64, p):
    model, x = GAN(Real((2,)), latent=3, hidden=(7,), normalization="none"), torch.zeros(1, 2)
    sure_of_fakes(model, p)
    slow, fast = (generator_gradient(model, kind, x) for kind in ("minimax", "non-saturating"))
    # d log(1 - D) = -D dd and -d log D = -(1 - D) dd: the same direction, (1 - D) / D times as far
    torch.testing.assert_close(fast, slow * (1 - p) / p, rtol=1e-8, atol=0)
    assert fast.abs().max() > 1e-4
    if p == 1e-6:
        assert (fast.norm() / slow.norm()).item() == pytest.approx(999_999, rel=1e-6)


@pytest.mark.system("F3")
def test_both_payoffs_rest_where_the_discriminator_is_flat(float64):
    model, x = GAN(Real((2,)), latent=3, hidden=(7,), normalization="none"), torch.zeros(8, 2)
    with torch.no_grad():
        for parameter in model.D.parameters():
            parameter.zero_()
    for kind in ("minimax", "non-saturating"):
        assert generator_gradient(model, kind, x).abs().max() == 0
    torch.nn.init.ones_(model.D.score.weight)
    torch.nn.init.ones_(next(iter(model.D.parameters())))
    for kind in ("minimax", "non-saturating"):
        assert generator_gradient(model, kind, x).abs().max() > 1e-3
