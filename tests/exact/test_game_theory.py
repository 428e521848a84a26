"""The theory of the game by enumeration: best discriminators, the value of the game, its equilibria."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import scipy
import torch

from simulacra.models.adversarial.game.objectives import (
    OBJECTIVES,
    least_squares,
    optimal_discriminator,
    value,
)
from simulacra.models.adversarial.game.stabilizers import clip_weights
from simulacra.models.adversarial.game.theory import exploitability, fgsm, finite_sample_table, saddle_steps


def laws(n: int = 7) -> tuple[torch.Tensor, torch.Tensor]:
    """Two laws on n states."""
    return torch.randn(n).softmax(0), torch.randn(n).softmax(0)


def best_scores(game, p: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    """The table of scores that loses least against p and q: a discriminator trained to the end."""
    s = torch.zeros_like(p, requires_grad=True)
    search = {"tolerance_grad": 1e-10, "tolerance_change": 0, "line_search_fn": "strong_wolfe"}
    mover = torch.optim.LBFGS([s], lr=1, max_iter=300, **search)

    def lost():
        mover.zero_grad()
        loss = (p * game.real(s) + q * game.fake(s)).sum()
        loss.backward()
        return loss

    mover.step(lost)
    return s.detach()


@pytest.mark.system("F4")
def test_a_trained_table_is_the_best_discriminator(float64):
    p, q = laws()
    found = best_scores(OBJECTIVES["minimax"], p, q).sigmoid()
    np.testing.assert_allclose(found, p / (p + q), atol=1e-5)
    torch.testing.assert_close(optimal_discriminator(p, q), p / (p + q))
    y = np.linspace(0, 1, 100_003)[1:-1]
    for a, b in ((0.3, 0.7), (2.0, 0.5), (1e-2, 3.0)):
        assert y[np.argmax(a * np.log(y) + b * np.log(1 - y))] == pytest.approx(a / (a + b), abs=1e-5)


@pytest.mark.system("F5")
def test_the_value_at_the_best_is_the_jensen_shannon_divergence(float64):
    for _ in range(5):
        p, q = laws()
        D, m = optimal_discriminator(p, q), ((p + q) / 2).numpy()
        found = value(p, q, D).item()
        assert found == pytest.approx(
            -math.log(4) + 2 * scipy.spatial.distance.jensenshannon(p, q) ** 2, abs=1e-12
        )
        assert found == pytest.approx(
            scipy.stats.entropy(p, m) + scipy.stats.entropy(q, m) - math.log(4), abs=1e-12
        )
        s, game = (D / (1 - D)).log(), OBJECTIVES["minimax"]
        assert found == pytest.approx(-(p * game.real(s) + q * game.fake(s)).sum().item(), abs=1e-12)
        for other in (torch.rand(7), (D + 0.01).clamp(max=0.999)):
            assert value(p, q, other).item() < found


@pytest.mark.system("F5")
def test_the_minimum_is_minus_log_four_at_the_data_only(float64):
    p = torch.tensor([0.2, 0.5, 0.3])
    grid = [(i / 20, j / 20, (20 - i - j) / 20) for i in range(21) for j in range(21 - i)]
    V = {}
    for point in grid:
        q = torch.tensor(point)
        V[point] = value(p, q, optimal_discriminator(p, q)).item()
    assert V[0.2, 0.5, 0.3] == pytest.approx(-math.log(4), abs=1e-12)
    assert all(v > -math.log(4) + 1e-4 for point, v in V.items() if point != (0.2, 0.5, 0.3))
    assert value(torch.eye(3)[0], torch.eye(3)[1], torch.eye(3)[0]).item() == 0  # disjoint: -log 4 + 2 log 2


@pytest.mark.system("F1")
@pytest.mark.parametrize("name", ["minimax", "non-saturating"])
def test_the_game_of_tables_ends_at_the_law_of_the_data(float64, name):
    p, _ = laws(6)
    theta, s, game = torch.randn(6, requires_grad=True), torch.zeros(6, requires_grad=True), OBJECTIVES[name]
    for _ in range(500):
        for _ in range(3):
            D_loss = (p * game.real(s) + theta.softmax(0).detach() * game.fake(s)).sum()
            (gradient,) = torch.autograd.grad(D_loss, s)
            s.data -= 5 * gradient
        (gradient,) = torch.autograd.grad((theta.softmax(0) * game.generator(s)).sum(), theta)
        theta.data -= 1.5 * gradient
    np.testing.assert_allclose(theta.softmax(0).detach(), p, atol=2e-3)
    np.testing.assert_allclose(s.detach().sigmoid(), 0.5, atol=2e-2)


@pytest.mark.system("F7")
def test_the_game_is_of_sum_zero_and_its_other_payoff_is_not(float64):
    s = torch.linspace(-4, 4, 9)
    torch.testing.assert_close(OBJECTIVES["minimax"].generator(s), -OBJECTIVES["minimax"].fake(s))
    other = OBJECTIVES["non-saturating"]
    assert (other.generator(s) + other.fake(s)).abs().min() > 1


@pytest.mark.system("F7")
def test_nobody_gains_at_a_mixed_equilibrium_and_somebody_does_elsewhere(float64):
    A = torch.randn(3, 5)

    def solved(A):  # max v with A'p >= v
        c = np.r_[np.zeros(len(A)), -1]
        found = scipy.optimize.linprog(
            c, A_ub=np.c_[-A.T, np.ones(A.shape[1])], b_ub=np.zeros(A.shape[1]),
            A_eq=[np.r_[np.ones(len(A)), 0]], b_eq=[1], bounds=[(0, None)] * len(A) + [(None, None)],
        )  # fmt: skip
        return torch.tensor(found.x[:-1])

    p, q = solved(A.numpy()), solved(-A.numpy().T)
    assert abs(exploitability(A, p, q).item()) < 1e-8
    for _ in range(20):
        other_p, other_q = torch.randn(3).softmax(0), torch.randn(5).softmax(0)
        gains = (A @ other_q).max() - other_p @ A @ other_q, other_p @ A @ other_q - (other_p @ A).min()
        assert exploitability(A, other_p, other_q).item() == pytest.approx(sum(gains).item(), rel=1e-9)
        assert exploitability(A, other_p, other_q) > 1e-3


@pytest.mark.system("F6")
@pytest.mark.parametrize("lr", [0.03, 0.4])
def test_together_the_players_spiral_out_and_in_turn_they_circle(float64, lr):
    radius = saddle_steps(0.6, -1.1, lr, 200).norm(dim=1)
    np.testing.assert_allclose(radius[1:] / radius[:-1], math.sqrt(1 + lr**2), rtol=1e-12)
    path = saddle_steps(0.6, -1.1, lr, 5000, alternating=True)
    a, b = path.T
    np.testing.assert_allclose(a**2 + b**2 - lr * a * b, 0.6**2 + 1.1**2 + lr * 0.66, rtol=1e-10)
    assert path.norm(dim=1).max() < 2 and path[-1000:].norm(dim=1).max() > 1  # neither out nor in
    # the steps are those of the gradients of v = a b
    x = torch.tensor([0.6, -1.1], requires_grad=True)
    (gradient,) = torch.autograd.grad(x[0] * x[1], x)
    expected = x + lr * gradient * torch.tensor([-1.0, 1.0])
    torch.testing.assert_close(saddle_steps(0.6, -1.1, lr, 1)[1], expected.detach())


@pytest.mark.system("F15")
@pytest.mark.parametrize("target", [0.9, 0.6])
def test_smoothing_lowers_the_best_discriminator_by_its_factor(float64, target):
    p, q = laws()
    game = OBJECTIVES["minimax"].smoothed(target)
    found = best_scores(game, p, q).sigmoid()
    np.testing.assert_allclose(found, target * p / (p + q), atol=1e-5)
    torch.testing.assert_close(optimal_discriminator(p, q, target), target * p / (p + q))
    s = torch.randn(5)
    torch.testing.assert_close(game.fake(s), OBJECTIVES["minimax"].fake(s))  # one-sided
    torch.testing.assert_close(game.generator(s), OBJECTIVES["minimax"].generator(s))


@pytest.mark.system("G9")
def test_least_squares_and_pearsons_chi_square(float64):
    p, q = laws()
    for a, b, c in ((0.0, 1.0, 1.0), (-1.0, 1.0, 0.0), (0.3, 2.3, 1.3)):
        game = least_squares(a, b, c)
        D = (b * p + a * q) / (p + q)
        np.testing.assert_allclose(best_scores(game, p, q), D, atol=1e-6)
        wanted = 2 * ((p + q) * game.generator(D)).sum().item()
        chi2 = ((2 * q - (p + q)) ** 2 / (p + q)).sum().item()
        if b - c == pytest.approx(1) and b - a == pytest.approx(2):
            assert wanted == pytest.approx(chi2, rel=1e-10)
        else:
            assert wanted != pytest.approx(chi2, rel=1e-3)
    assert OBJECTIVES["least-squares"].generator(torch.tensor(0.2)).item() == pytest.approx(0.8**2 / 2)
    for name, least, most in (("minimax", 0, 1e-8), ("least-squares", 20, 22)):
        s = torch.tensor(-20.0, requires_grad=True)
        (slope,) = torch.autograd.grad(OBJECTIVES[name].generator(s), s)
        assert least < slope.abs().item() < most


@pytest.mark.system("G10")
def test_the_critics_game_is_the_dual_of_sorted_differences(float64):
    x, y = np.random.default_rng(5).normal(size=(2, 9))
    y = 1.5 * y + 1
    primal = np.abs(np.sort(x) - np.sort(y)).mean()
    at = np.concatenate([x, y])
    order = at.argsort()
    steps = np.zeros((17, 18))  # |f(u) - f(v)| <= |u - v| for neighbours is enough on a line
    steps[np.arange(17), order[1:]], steps[np.arange(17), order[:-1]] = 1, -1
    gaps, weights = np.diff(at[order]), np.r_[np.ones(9), -np.ones(9)] / 9
    bounds = [(0, 0)] + [(None, None)] * 17
    found = scipy.optimize.linprog(-weights, A_ub=np.r_[steps, -steps], b_ub=np.r_[gaps, gaps], bounds=bounds)
    game, f = OBJECTIVES["wasserstein"], torch.tensor(found.x)
    assert -(game.real(f[:9]) + game.fake(f[9:])).mean().item() == pytest.approx(primal, rel=1e-9)
    assert scipy.stats.wasserstein_distance(x, y) == pytest.approx(primal, rel=1e-12)


@pytest.mark.system("G10")
def test_a_clipped_critic_measures_point_masses_by_their_distance_and_jsd_does_not(float64):
    game, found = OBJECTIVES["wasserstein"], []
    distances = (0.25, 0.5, 1.0, 2.0)
    for d in distances:
        critic = torch.nn.Sequential(torch.nn.Linear(1, 5), torch.nn.LeakyReLU(0.2), torch.nn.Linear(5, 1))
        for parameter in critic.parameters():
            torch.nn.init.constant_(parameter, 0.05)
        mover = torch.optim.SGD(critic.parameters(), lr=0.5)
        real, fake = torch.full((3, 1), d), torch.zeros(3, 1)
        for _ in range(60):
            mover.zero_grad()
            (game.real(critic(real)) + game.fake(critic(fake))).mean().backward()
            mover.step()
            clip_weights(critic, 0.1)
        found.append((critic(real) - critic(fake)).mean().item())
    np.testing.assert_allclose(np.array(found) / distances, 5 * 0.1**2, rtol=1e-9)  # sum of products
    grid = torch.eye(9)
    for a, b in pairwise((0, 3, 8)):
        V = value(grid[a], grid[b], grid[a])
        assert (V.item() + math.log(4)) / 2 == pytest.approx(math.log(2), rel=1e-12)


@pytest.mark.system("F25")
def test_the_three_gaps_of_the_theory(float64):
    p, q = laws(8)
    draw = lambda law, n: torch.bincount(torch.multinomial(law, n, replacement=True), minlength=8).double()
    cells = torch.arange(8) // 2

    def table(n, steps=6):
        rows = finite_sample_table(p, q, draw(p, n) + 1, draw(q, n) + 1, cells, steps)
        return {row.name: row for row in rows}

    V = -math.log(4) + 2 * scipy.spatial.distance.jensenshannon(p, q) ** 2
    small, large = table(30), table(300_000)
    assert small["best"].population == pytest.approx(V, rel=1e-12)
    for name in ("finite sample", "restricted family", "stopped early"):
        assert small[name].population < V - 1e-4
    assert small["finite sample"].training > small["finite sample"].population  # it fits its own sample best
    assert large["finite sample"].population == pytest.approx(V, abs=1e-4)
    pooled = [law.view(4, 2).sum(1).numpy() for law in (p, q)]
    coarse = -math.log(4) + 2 * scipy.spatial.distance.jensenshannon(*pooled) ** 2
    assert small["restricted family"].population == pytest.approx(coarse, rel=1e-12)
    assert large["restricted family"].population == small["restricted family"].population  # data do not help
    values = [table(30, steps)["stopped early"].population for steps in (0, 3, 30, 3000)]
    assert values == sorted(values) and values[0] == pytest.approx(-math.log(4))
    assert values[-1] == pytest.approx(V, abs=1e-6)
    counts = torch.tensor([0.0, 0, 3, 1, 1, 1, 1, 1])  # data never seen where samples were: V = -inf
    unseen = finite_sample_table(p, q, counts, counts.flip(0), cells)[1]
    assert unseen.training > V and unseen.population == -math.inf


@pytest.mark.system("F26")
def test_the_sign_step_moves_a_linear_loss_by_eps_times_the_one_norm(float64):
    w, x, eps = torch.randn(11), torch.randn(4, 11), 0.07
    loss = lambda x: x @ w + 2
    moved = fgsm(loss, x, eps)
    torch.testing.assert_close(loss(moved) - loss(x), torch.full((4,), eps * w.abs().sum().item()))
    assert (moved - x).abs().max().item() == pytest.approx(eps)
    for _ in range(20):  # no other step of that size moves it as far
        assert (loss(x + eps * (2 * torch.rand(4, 11) - 1)) < loss(moved)).all()
    net = torch.nn.Sequential(torch.nn.Linear(11, 6), torch.nn.Tanh(), torch.nn.Linear(6, 1))
    curved = lambda x: torch.nn.functional.softplus(-net(x).squeeze(1))  # -log D
    assert (curved(fgsm(curved, x, 1e-3)) > curved(x)).all()
