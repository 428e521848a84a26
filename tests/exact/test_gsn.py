"""Chains of denoising: transition matrices of tiny machines by enumeration, and their stationary laws."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import nn

import simulacra
from simulacra.core.batch import Batch
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary, Levels, Real
from simulacra.data.sources.tensors import from_tensors
from simulacra.models.chains import GSN
from simulacra.models.chains.gsn import walked_back


class OneHot(nn.Module):
    """An encoder that tells the state of one entry of levels, steeply enough for tanh to be 1."""

    def __init__(self, levels: int):
        super().__init__()
        self.levels = levels

    def forward(self, f, *given):
        """Returns 30 at the level of each row, shape (B, levels)."""
        at = (f.flatten(1) * (self.levels - 1)).round().long().squeeze(1)
        return 30.0 * nn.functional.one_hot(at, self.levels).to(f.dtype)


class Rows(nn.Module):
    """A decoder whose logits are a table: row x~ holds those of P(x | x~)."""

    def __init__(self, logits: torch.Tensor):
        super().__init__()
        self.logits = nn.Parameter(logits)

    def forward(self, h, *given):
        """Returns logits, shape (B, levels, 1)."""
        return (h @ self.logits).unsqueeze(2)


def tabular(levels: int, logits: torch.Tensor, **options) -> GSN:
    """A chain over one entry without memory or noise, whose emission is a table."""
    model = GSN(
        Levels((1,), levels), latent=levels, memory=False, noise=0.0, likelihood="categorical", **options
    )
    model.encoder, model.decoder = OneHot(levels), Rows(logits.clone())
    return model


def salted(p: float, levels: int = 4) -> torch.Tensor:
    """C(x~ | x) of salt and pepper on one entry, a row for each x."""
    C = (1 - p) * torch.eye(levels)
    C[:, 0] += p / 2
    C[:, -1] += p / 2
    return C


def stationary(T: torch.Tensor) -> torch.Tensor:
    """The law that T, with rows that sum to one, leaves unchanged."""
    n = len(T)
    A = torch.cat([T.T - torch.eye(n), torch.ones(1, n)])
    return torch.linalg.lstsq(A, torch.cat([torch.zeros(n), torch.ones(1)]).unsqueeze(1)).solution.squeeze(1)


LAW = [0.4, 0.05, 0.25, 0.3]


@pytest.mark.system("D12")
def test_with_the_exact_conditional_the_data_are_the_stationary_law(float64):
    law, C = torch.tensor(LAW), salted(0.5)
    exact = (law.unsqueeze(1) * C / (law @ C)).T  # P(x | x~), a row for each x~
    model = tabular(4, exact.clamp_min(1e-300).log(), corruption="salt:0.5")
    T = C @ model.decoder.logits.detach().softmax(1)
    torch.testing.assert_close(stationary(T), law, rtol=0, atol=1e-12)
    # the chain's own steps follow T: 4 standard errors
    n = 2500
    x = torch.arange(4.0).repeat_interleave(n).unsqueeze(1)
    rng = Rng(0, rows=range(4 * n))
    after = model.shown(model.step(model.chain_at(x, rng), rng)).long().reshape(4, n)
    for i, row in enumerate(T):
        found = torch.bincount(after[i], minlength=4) / n
        assert bool(((found - row).abs() < 4 * (row * (1 - row) / n).sqrt() + 1e-3).all())


@pytest.mark.system("D12")
def test_the_loss_is_stationary_at_the_exact_conditional_and_not_elsewhere(float64):
    """The expectation over the data and the corruption is a sum over x and u below p/2, below p, above."""
    law, p = torch.tensor(LAW), 0.5
    C = salted(p)
    exact = (law.unsqueeze(1) * C / (law @ C)).T.clamp_min(1e-300).log()
    x = torch.arange(4.0).repeat_interleave(3).unsqueeze(1)
    u = torch.tensor([p / 4, 3 * p / 4, 0.99]).repeat(4).unsqueeze(1)
    w = law.repeat_interleave(3) * torch.tensor([p / 2, p / 2, 1 - p]).repeat(4)

    def slope(logits: torch.Tensor) -> float:
        model = tabular(4, logits, corruption=f"salt:{p}", walk=1)
        rng = Rng(0, rows=range(12), source=lambda *_: u)
        loss = (w * walked_back(model, Batch.of(x), rng).loss["walk"]).sum()
        return float(torch.autograd.grad(loss, model.decoder.logits)[0].abs().max())

    assert slope(exact) < 1e-12
    assert slope(torch.zeros(4, 4)) > 0.01


def local(levels: int, s: float) -> torch.Tensor:
    """C(x~ | x) of rounded and clipped Gaussian noise of deviation s levels."""

    def cdf(t):
        return 0.5 * (1 + math.erf(t / (s * math.sqrt(2))))

    C = torch.zeros(levels, levels)
    for i, j in itertools.product(range(levels), repeat=2):
        high = 1.0 if j == levels - 1 else cdf(j + 0.5 - i)
        C[i, j] = high - (0.0 if j == 0 else cdf(j - 0.5 - i))
    return C


@pytest.mark.system("D13")
def test_walking_back_removes_modes_that_local_noise_never_sees(float64):
    """Data on levels 0 and 1 of 6, noise of 0.3 levels: rows x~ = 3, 4, 5 are never seen by k = 1.

    All emissions stay where they are at first (probability 0.9), so these levels are modes far from the data.
    Their mass after ten steps from the uniform law is exact, by the transition matrix.
    """
    C, stay = local(6, 0.3), math.log(0.9 / 0.02) * torch.eye(6)
    rows = (torch.arange(100) >= 60).long().unsqueeze(1)

    def spurious(walk: int) -> float:
        model = tabular(6, stay, corruption="gaussian:0.06", walk=walk)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
        for t in range(100):
            optimizer.zero_grad()
            walked_back(model, Batch.of(rows), Rng(0, t, rows=range(100))).loss["walk"].mean().backward()
            optimizer.step()
        T = C @ model.decoder.logits.detach().softmax(1)
        return float((torch.full((6,), 1 / 6) @ torch.linalg.matrix_power(T, 10))[2:].sum())

    alone, back = spurious(1), spurious(5)
    assert alone > 0.15
    assert back < 0.5 * alone


def codes(n: int) -> torch.Tensor:
    """All values of n binary units, shape (2^n, n)."""
    return torch.tensor(list(itertools.product([0.0, 1.0], repeat=n)), dtype=torch.float64)


def matrix(model: GSN, x: torch.Tensor, C: torch.Tensor) -> torch.Tensor:
    """The transition matrix over (x, h) with binary units, by enumeration; x is the slow index.

    x holds all observations and C(x~ | x) has a row for each.
    """
    H = codes(model.latent)
    T = torch.zeros(len(x), len(H), len(x), len(H))
    with torch.no_grad():
        emitted = torch.stack([model.emission(H).log_prob(one.expand(len(H), -1)).exp() for one in x], 1)
        for i, h in enumerate(H):
            a = model.preactivation(x, h.expand(len(x), -1)).sigmoid().unsqueeze(1)
            q = (a * H + (1 - a) * (1 - H)).prod(2)  # P(h' | x~, h), (x~, h')
            T[:, i] = torch.einsum("xy,yh,hz->xzh", C, q, emitted)
    return T.reshape(len(x) * len(H), -1)


@pytest.mark.system("D14")
def test_the_stationary_law_of_three_bits_is_that_of_the_data(float64):
    """Three bits as one entry of 8 levels, so that the emission can be any conditional P(x | h)."""
    law = torch.tensor([0.3, 0.02, 0.04, 0.14, 0.02, 0.1, 0.18, 0.2])
    rows = torch.arange(8.0).repeat_interleave((law * 500).round().long()).unsqueeze(1)
    data = from_tensors(rows, Levels((1,), 8), "three bits", valid=0, test=0)
    options = {"likelihood": "categorical", "units": "binary", "corruption": "salt:0.5", "lr": 0.01}
    model = GSN(data.space, latent=4, hidden=(16,), walk=3, walk_back=False, seed=1, **options)
    run = simulacra.fit(model, data, epochs=40, batch_size=100, progress=False)
    T = matrix(run.model.double(), torch.arange(8.0).unsqueeze(1), salted(0.5, 8))
    torch.testing.assert_close(T.sum(1), torch.ones(len(T)), rtol=0, atol=1e-12)
    found = stationary(T).reshape(8, -1).sum(1)
    assert float((found - law).abs().sum() / 2) < 0.05


@pytest.mark.system("D14")
def test_steps_of_the_chain_follow_the_transition_matrix(float64):
    model = GSN(Binary((3,)), latent=2, hidden=(5,), units="binary", corruption="salt:0.3", seed=2)
    for parameter in model.parameters():
        parameter.data.mul_(3.0)
    bits, n = codes(3), 3000
    same = (bits.unsqueeze(1) == bits).double()
    T = matrix(model, bits, (same * 0.85 + (1 - same) * 0.15).prod(2))
    for s in (0, 13, 30):
        h = torch.tensor([float(s % 4 // 2), float(s % 2)])
        state, rng = model.packed(bits[s // 4].expand(n, -1), h.expand(n, -1)), Rng(s, rows=range(n))
        after = model.step(state, rng).long()
        found = torch.bincount(after @ torch.tensor([16, 8, 4, 2, 1]), minlength=32) / n
        assert bool(((found - T[s]).abs() < 4.5 * (T[s] * (1 - T[s]) / n).sqrt() + 1e-3).all())


@pytest.mark.system("D14")
def test_completions_hold_what_is_known_and_a_condition_chooses_the_law(float64):
    x, known = torch.tensor([[1.0, 0.0, 1.0]]).repeat(7, 1), torch.tensor([[True, True, False]]).repeat(7, 1)
    model = GSN(Binary((3,)), latent=4, hidden=(5,), burn_in=5)
    filled = model.fill(x, known, Rng(0, rows=range(7)))
    assert torch.equal(filled[:, :2], x[:, :2])
    given = GSN(Binary((3,)), simulacra.Categorical((), 2), latent=4, hidden=(5,), burn_in=5)
    for parameter in given.parameters():
        parameter.data.mul_(4.0)
    one, other = (given.sample(50, condition=c, seed=0) for c in (0, 1))
    assert not torch.equal(one, other)


@pytest.mark.parametrize("n", [2, 3, 50])
@pytest.mark.parametrize("space", [Binary((3,)), Levels((3,), 5), Real((3,))], ids=str)
def test_a_sample_does_not_depend_on_the_batch(float64, n, space):
    model = GSN(space, latent=5, hidden=(4,), burn_in=3)
    torch.testing.assert_close(model.sample(n, seed=1), model.sample(50, seed=1)[:n], rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"corruption": "salty:0.4"}, "there is no corruption 'salty:0.4'"),
        ({"corruption": "gaussian:0.4"}, "corruption 'gaussian:0.4' needs"),
        ({"walk": 0}, "walk is 0"),
        ({"noise": -1.0}, "use noise=0.0"),
    ],
)
def test_options_that_do_not_fit_are_refused_in_one_sentence(options, said):
    with pytest.raises(ValueError, match=said):
        GSN(Binary((3,)), **options)
