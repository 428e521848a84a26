"""The story of counterfeiter and police where it can be solved: notes N(m, 1), forged ones N(t, 1), a line.

The best police is s(x) = (m - t) (x - (m + t) / 2), since log p/q is a line. Means over both laws are
Gauss-Hermite quadrature, so that nothing is drawn.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

import simulacra
from simulacra.core.batch import Batch
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Real

NODES, WEIGHTS = (torch.tensor(a) for a in np.polynomial.hermite_e.hermegauss(150))
WEIGHTS = WEIGHTS / WEIGHTS.sum()


class Story:
    """A game of one number, with the notes and the noise at the nodes of the quadrature."""

    def __init__(self, m: float, t: float, a: float = 1.0):
        self.m, self.t, self.a = m, t, a
        options = {"latent": 1, "hidden": (), "normalization": "none"}
        self.model = simulacra.GAN(Real((1,)), **options).double()
        self.model.prior = lambda rng, name="z": NODES[:, None]
        G, D = self.model.G.body[-1], self.model.D.score
        self.forger, self.police = (G.weight, G.bias), (D.weight, D.bias)
        self.set(self.forger, a, t)
        self.set(self.police, m - t, (t * t - m * m) / 2)  # the best police where a = 1

    @staticmethod
    def set(player, slope: float, shift: float) -> None:
        """Give a player its two numbers."""
        player[0].data.fill_(slope)
        player[1].data.fill_(shift)

    def mean_loss(self, player: str) -> torch.Tensor:
        """The expected loss of a player."""
        update = {update.name: update for update in self.model.updates()}[player]
        notes = Batch.of(self.m + NODES[:, None])
        terms = update.loss(self.model, notes, Rng(0, rows=range(len(NODES)))).loss
        return sum((WEIGHTS * term).sum() for term in terms.values())


@pytest.mark.system("F10", "F4")
@pytest.mark.parametrize("m, t", [(2.0, -0.5), (0.3, 1.2)])
def test_the_best_police_gains_nothing_by_moving(float64, m, t):
    story = Story(m, t)
    slopes = torch.autograd.grad(story.mean_loss("D"), story.police)
    assert all(slope.abs().max() < 1e-9 for slope in slopes)
    # its value is -log 4 + 2 JSD, by quadrature over the shade
    x = torch.linspace(-12, 12, 4001)
    p, q = (torch.exp(-0.5 * (x - at) ** 2) / math.sqrt(2 * math.pi) for at in (m, t))
    middle = (p + q) / 2
    jsd = 0.5 * torch.trapezoid(torch.xlogy(p, p / middle) + torch.xlogy(q, q / middle), x)
    assert -story.mean_loss("D").item() == pytest.approx(-math.log(4) + 2 * jsd.item(), abs=1e-8)


@pytest.mark.system("F10", "F9")
def test_the_forger_learns_from_the_police_alone(float64):
    m, t = 2.0, -0.5
    story = Story(m, t)
    move, stretch = (
        torch.autograd.grad(story.mean_loss("G"), story.forger[i], retain_graph=True)[0].item()
        for i in (1, 0)
    )
    # d E[-log S(s)] / dt = -w E[S(-s)], and the shade beside it for the stretch
    w, caught = m - t, torch.sigmoid(-((m - t) * (t + NODES) + (t * t - m * m) / 2))
    assert move == pytest.approx(-w * (WEIGHTS * caught).sum().item(), rel=1e-9) and move < 0
    assert stretch == pytest.approx(-w * (WEIGHTS * caught * NODES).sum().item(), rel=1e-9)


@pytest.mark.system("F10", "F5")
def test_turn_by_turn_the_notes_become_the_same_and_the_police_guesses(float64):
    m, t, values = 2.0, -0.5, []
    for _ in range(40):
        story = Story(m, t)
        values.append(-story.mean_loss("D").item())
        t -= torch.autograd.grad(story.mean_loss("G"), story.forger[1])[0].item()
    assert all(b <= a + 1e-12 for a, b in pairwise(values))
    assert t == pytest.approx(m, abs=1e-6) and values[-1] == pytest.approx(-math.log(4), abs=1e-9)


@pytest.mark.system("F10")
@pytest.mark.parametrize("a", [0.2, 3.0])
def test_a_police_of_one_line_is_blind_to_the_spread(float64, a):
    story = Story(1.0, 1.0, a)  # the right mean, any spread: the best line is flat, and the value -log 4
    assert all(s.abs().max() < 1e-9 for s in torch.autograd.grad(story.mean_loss("D"), story.police))
    assert story.mean_loss("D").item() == pytest.approx(math.log(4))
    slopes = torch.autograd.grad(story.mean_loss("G"), story.forger)
    assert all(slope.abs().max() == 0 for slope in slopes)
