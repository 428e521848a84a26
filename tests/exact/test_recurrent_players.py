"""Recurrent players of games: gates in numpy, shapes, dependence on noise, the penalty through the GRU."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import simulacra
from simulacra.core.batch import Batch
from simulacra.core.errors.suggestion import Refusal
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.composite import Sequence
from simulacra.core.spaces.plain import Binary, Levels, Real
from simulacra.models.adversarial.game.stabilizers import gradient_penalty
from simulacra.nets.adversarial.recurrent_players import RecurrentCritic, RecurrentGenerator, strides_of
from simulacra.nets.adversarial.virtual import Virtual

pytestmark = pytest.mark.system("F23")

sigmoid = lambda x: 1 / (1 + np.exp(-x))
SHAPES = [(1,), (3,), (7,), (53,), (129,), (5, 3), (11, 2, 3)]


def shaken(net: nn.Module, size: float = 0.5) -> nn.Module:
    """The network with weights that all matter."""
    for p in net.parameters():
        nn.init.normal_(p, 0.0, size)
    return net


def arrays(net: nn.Module) -> dict[str, np.ndarray]:
    return {name: p.detach().numpy() for name, p in net.named_parameters()}


def lstm(p: dict[str, np.ndarray], v: np.ndarray, n: int) -> np.ndarray:
    """All states of an LSTM, equation (3), from inputs (T, d), shape (T, n)."""
    h, m, states = np.zeros(n), np.zeros(n), []
    for x in v:
        a = p["weight_ih_l0"] @ x + p["bias_ih_l0"] + p["weight_hh_l0"] @ h + p["bias_hh_l0"]
        i, f, g, o = np.split(a, 4)
        m = sigmoid(f) * m + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(m)
        states.append(h)
    return np.stack(states)


def gru(p: dict[str, np.ndarray], u: np.ndarray, n: int) -> np.ndarray:
    """The last state of a GRU, equation (4), from inputs (T, d), shape (n,)."""
    k = np.zeros(n)
    for x in u:
        given, own = p["weight_ih_l0"] @ x + p["bias_ih_l0"], p["weight_hh_l0"] @ k + p["bias_hh_l0"]
        (r, s, g), (r_, s_, g_) = np.split(given, 3), np.split(own, 3)
        r, s = sigmoid(r + r_), sigmoid(s + s_)
        k = (1 - s) * np.tanh(g + r * g_) + s * k
    return k


def convolved(x: np.ndarray, layer: nn.Conv1d) -> np.ndarray:
    """A strided convolution of channels (d, T), entry by entry."""
    W, b, s = layer.weight.detach().numpy(), layer.bias.detach().numpy(), layer.stride[0]
    padded = np.pad(x, ((0, 0), (s, s)))
    steps = range(0, padded.shape[1] - 3 * s + 1, s)
    return np.stack([(W * padded[:, t : t + 3 * s]).sum((1, 2)) + b for t in steps], 1)


@pytest.mark.parametrize("shape, frame", [((7,), 3), ((5, 3), 1), ((5, 3), 2), ((2,), 2)])
def test_the_generator_is_its_equations(float64, shape, frame):
    G = shaken(RecurrentGenerator(2, (5, 4), shape, frame, condition=3, act="tanh")).eval()
    z, c = torch.randn(3, G.noise), torch.randn(3, 3)
    p, (one, _, _, _, last) = arrays(G.cell), G.readout
    for x, noise, given in zip(G(z, c).detach().numpy(), z.numpy(), c.numpy()):
        v = np.concatenate([noise.reshape(G.frames, 2), np.tile(given, (G.frames, 1))], 1)
        h = np.tanh(lstm(p, v, 5) @ arrays(one)["weight"].T + arrays(one)["bias"])
        tiles = h @ arrays(last)["weight"].T + arrays(last)["bias"]
        expected = tiles.reshape(G.frames * frame, *shape[1:])[: shape[0]]
        np.testing.assert_allclose(x, expected, rtol=1e-10)


@pytest.mark.parametrize("shape, frame", [((7,), 4), ((13,), 6), ((5, 3), 1)])
def test_the_critic_is_its_equations(float64, shape, frame):
    D = shaken(RecurrentCritic(shape, 4, channels=2, frame=frame, condition=1, act="tanh"), 0.3)
    x, c = torch.randn(2, *shape), torch.randn(2, 1)
    stride = int(np.prod(D.strides))
    for f, row, given in zip(D(x, c).detach().numpy(), x.numpy(), c.numpy()):
        u = row.reshape(shape[0], -1).T
        u = np.pad(u, ((0, 0), (0, -shape[0] % stride)))
        u = np.concatenate([u, np.tile(given[:, None], (1, u.shape[1]))])
        for layer in (part for part in D.body if isinstance(part, nn.Conv1d)):
            u = np.tanh(convolved(u, layer))
        assert u.shape[1] == -(-shape[0] // stride)
        np.testing.assert_allclose(f, gru(arrays(D.cell), u.T, 4), rtol=1e-10)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("frame", [None, 1, 3, 5])
def test_every_size_has_players_and_every_entry_counts(float64, shape, frame):
    if frame and frame > shape[0]:
        with pytest.raises(Refusal, match=f"frame_size is {frame}, but an observation has {shape[0]} steps"):
            RecurrentGenerator(2, (5,), shape, frame)
        return
    G, D = RecurrentGenerator(2, (5,), shape, frame), shaken(RecurrentCritic(shape, 3, 2, frame, act="tanh"))
    x = G(torch.randn(4, G.noise))
    assert x.shape == (4, *shape) and D(x).shape == (4, 3)
    assert G.frame * (G.frames - 1) < shape[0] <= G.frame * G.frames
    (slope,) = torch.autograd.grad(D(x).sum(), x)
    # no step at the end, or between strides, is out of the critic's sight
    assert (slope != 0).all()


def test_a_frame_depends_on_the_noise_before_its_end_only(float64):
    G = shaken(RecurrentGenerator(2, (5, 4), (11,), 3)).eval()
    slopes = torch.autograd.functional.jacobian(lambda z: G(z[None])[0], torch.randn(G.noise))
    first_noise = torch.arange(G.noise) // 2
    later = first_noise[None] > (torch.arange(11) // 3)[:, None]
    assert (slopes[later] == 0).all() and (slopes[~later] != 0).all()


def test_strides_cover_about_a_frame():
    for frame in range(1, 300):
        product = np.prod(strides_of(frame))
        assert frame / 4 < product <= frame and max(strides_of(frame)) <= 4 and len(strides_of(frame)) >= 2


@pytest.mark.parametrize("normalization", ["none", "layer"])
def test_the_penalty_through_the_recurrence_by_differences(float64, normalization):
    D = shaken(RecurrentCritic((7,), 3, channels=1, frame=2, normalization=normalization, act="tanh"))
    w = torch.randn(3)
    real, fake, e = torch.randn(4, 7), torch.randn(4, 7), torch.rand(4, 1)
    penalty = lambda: gradient_penalty(lambda x: D(x) @ w, real, fake, e).mean()
    parameters = dict(D.named_parameters())
    # the recurrent weights are where a double backward is needed; a difference for each of their entries
    gradients = torch.autograd.grad(penalty(), list(parameters.values()), allow_unused=True)
    for (name, p), gradient in zip(parameters.items(), gradients):
        flat, expected = p.data.view(-1), []
        for i in range(len(flat)):
            sides = []
            for step in (1e-5, -2e-5):
                flat[i] += step
                sides.append(penalty().item())
            flat[i] += 1e-5
            expected.append((sides[0] - sides[1]) / 2e-5)
        found = torch.zeros(len(flat)) if gradient is None else gradient.flatten()
        torch.testing.assert_close(found, torch.tensor(expected), rtol=1e-5, atol=1e-7, msg=name)
    assert gradients[list(parameters).index("cell.weight_hh_l0")].abs().min() > 1e-6


def test_the_critic_runs_without_cudnn_and_leaves_it_as_it_was(monkeypatch):
    D, seen = RecurrentCritic((7,), 3), []
    D.cell.register_forward_hook(lambda *_: seen.append(torch.backends.cudnn.enabled))
    for before in (True, False):
        with torch.backends.cudnn.flags(enabled=before):
            D(torch.zeros(2, 7))
            assert torch.backends.cudnn.enabled == before
    assert seen == [False, False]


def test_virtual_normalization_sees_each_row_alone(float64):
    options = {"condition": 2, "normalization": "virtual", "reference": 5}
    G = RecurrentGenerator(3, (5, 4), (7,), 2, **options)
    D = RecurrentCritic((7,), 3, 2, 2, **options)
    for net, size in ((G, G.noise), (D, 7)):
        net = Virtual(shaken(net), 5, (size,), 2)
        x, c = torch.randn(4, size), torch.randn(4, 2)
        alone = torch.cat([net(x[i : i + 1], c[i : i + 1]) for i in range(4)])
        torch.testing.assert_close(net(x, c), alone)


OBJECTIVES = ("non-saturating", "minimax", "least-squares", "wasserstein", "hinge", "relativistic")
CURES = {
    "minibatch": {"minibatch_kernels": 2},
    "batch": {"normalization": "batch", "critic_normalization": "batch"},
    "virtual": {"normalization": "virtual", "critic_normalization": "virtual"},
    "layer and penalty": {"critic_normalization": "layer", "gradient_penalty": 5.0},
    "slopes": {"r1": 0.5, "r2": 2.0},
    "clip, noise, flips": {"clip": 0.1, "noise": 0.2, "flips": 0.1},
    "matching, dropout": {"feature_matching": True, "dropout": 0.3},
    "history, smoothing": {"historical_averaging": 0.1, "smoothing": 0.9},
    "sphere": {"prior": "sphere"},
    **{objective: {"objective": objective} for objective in OBJECTIVES},
    **{how: {"conditioning": how} for how in ("concatenation", "embedding", "auxiliary", "projection")},
}
WAVES = {"audio": Audio((13,), 8000), "sequence": Sequence((5, 2), Real((2,))), "levels": Levels((7,), 5)}


def players(space, condition=None, **options) -> simulacra.GAN:
    torch.manual_seed(3)
    plain = {"latent": 2, "hidden": (5, 3), "channels": 2, "network": "recurrent", "normalization": "none"}
    return simulacra.GAN(space, condition, **{**plain, **options})


@pytest.mark.parametrize("cure", CURES)
def test_every_objective_and_cure_reaches_every_weight(float64, cure):
    for space in (WAVES["audio"], WAVES["sequence"]):
        model = players(space, Categorical((), 3), **CURES[cure]).train()
        rng = Rng(2, rows=range(6))
        batch = Batch.of(rng.uniform("x", *space.shape) - 0.5)
        batch.c = torch.arange(6) % 3
        for update in model.updates():
            model.zero_grad()
            terms = update.loss(model, batch, rng)
            total = sum(term.mean() for term in terms.loss.values())
            total.backward()
            own = {n: p for n, p in model.named_parameters() if n.startswith(update.params)}
            unmoved = [n for n, p in own.items() if p.grad is None or not p.grad.abs().sum() > 0]
            assert bool(total.isfinite()) and set(unmoved) <= idle(update.name, CURES[cure]), unmoved


def idle(player: str, options: dict) -> set[str]:
    """Weights without a gradient: the bias of D's score where only differences of scores count.

    The hinge loss has the slopes -1 and 1 while all scores are within the margin.
    """
    differences = options.get("objective") in ("wasserstein", "hinge")
    return {"D.score.bias"} if player == "D" and differences else set()


@pytest.mark.parametrize("name", WAVES)
def test_samples_are_observations_and_a_look_is_a_frame(name):
    model, seen = players(WAVES[name], frame_size=2), []
    x = model.sample(3, seed=1, watch=lambda t, total, x, known: seen.append((t, total, x, known)))
    T = WAVES[name].shape[0]
    assert [call[:2] for call in seen] == [(t, -(-T // 2)) for t in range(1, -(-T // 2) + 1)]
    for t, _, so_far, known in seen:
        assert known.float().mean().item() == pytest.approx(min(2 * t, T) / T)
        assert torch.equal(so_far[known], x[known]) and bool((so_far[~known] == 0).all())


def test_other_spaces_are_refused_with_networks_that_fit():
    image, others = (Binary((1, 16, 16)), ["dcgan", "mlp"]), (Real((2, 3, 5)), Real())
    for space, ways in (image, *((space, ["mlp"]) for space in others)):
        with pytest.raises(Refusal, match=r"needs waves \(T,\) or sequences") as refused:
            simulacra.GAN(space, network="recurrent")
        assert [dict(s.options)["network"] for s in refused.value.suggestions] == ways
    with pytest.raises(Refusal, match="needs the size of its state"):
        simulacra.GAN(Real((5,)), hidden=(), network="recurrent")
