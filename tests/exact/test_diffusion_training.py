"""How diffusions are trained: steps by importance, features of fine scales, and a reverse that is learned."""

from __future__ import annotations

import math

import pytest
import torch

import simulacra
from simulacra.core.batch import Batch
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary, Levels, Real
from simulacra.models.diffusion.ddpm import DDPM
from simulacra.models.diffusion.gaussian import back
from simulacra.models.diffusion.inversion import Diffusion
from simulacra.models.diffusion.steps.importance import DECAY, Importance
from simulacra.models.diffusion.steps.losses import bound_loss, drawn_level, follow
from simulacra.nets.timed import TimedMLP, octaves
from simulacra.training.state.ema import Ema

pytestmark = [pytest.mark.usefixtures("float64")]
M, S = 0.7, 0.4


def column(*values):
    return torch.tensor(values, dtype=torch.float64).unsqueeze(1)


@pytest.mark.system("H20")
def test_steps_are_drawn_by_their_law_and_weighed_by_its_inverse():
    found, n = Importance(5), 50_000
    found.moments.copy_(torch.tensor([9.0, 4.0, 0.0, 1.0, 0.25]))
    p = found.law()
    # the unseen step counts as the mean of the moments of all that were seen
    size = torch.tensor([3.0, 2.0, math.sqrt(14.25 / 4), 1.0, 0.5])
    torch.testing.assert_close(p, 0.99 * size / size.sum() + 0.01 / 5)
    t, weight = found.draw((torch.arange(n) + 0.5).unsqueeze(1) / n)
    share = torch.bincount(t[:, 0].long() - 1, minlength=5) / n
    assert float((share - p).abs().max()) < 2 / n
    torch.testing.assert_close(weight[:, 0], 1 / p[t[:, 0].long() - 1])
    even, _ = Importance(7).draw((torch.arange(700) + 0.5).unsqueeze(1) / 700)
    assert torch.bincount(even[:, 0].long()).tolist() == [0] + [100] * 7


@pytest.mark.system("H20")
def test_no_law_of_the_steps_has_a_smaller_variance_than_the_roots_of_the_moments():
    terms = torch.tensor([3.0, -2.0, 0.1, 1.0, 0.5])
    found = Importance(5)
    found.follow(torch.ones(5), terms.square())
    variance = lambda p: float((terms.square() / p).sum() - terms.sum() ** 2)
    best, even = variance(terms.abs() / terms.abs().sum()), variance(torch.full((5,), 0.2))
    assert best <= variance(found.law()) < best + 0.02 * (even - best)


@pytest.mark.system("H20")
def test_the_moments_are_those_of_the_rows_of_all_parts_of_a_batch():
    found, nats = Importance(3), torch.tensor([2.0, 3.0, 5.0, 7.0])
    t = column(1.0, 3.0, 3.0, 1.0)
    whole = found.counted(t, nats)
    parts = [found.counted(t[i : i + 2], nats[i : i + 2]) for i in (0, 2)]
    for name, total in whole.items():
        torch.testing.assert_close(sum(part[name] for part in parts), total)
    found.follow(**whole)
    torch.testing.assert_close(found.moments, torch.tensor([(4 + 49) / 2, 0, (9 + 25) / 2]))
    found.follow(**found.counted(column(3.0, 3.0), torch.tensor([1.0, 1.0])))
    kept = DECAY**2
    torch.testing.assert_close(found.moments, torch.tensor([26.5, 0, kept * 17 + (1 - kept) * 1]))


@pytest.mark.system("H20")
def test_the_loss_has_the_bound_as_its_mean_whatever_the_law_of_the_steps():
    model, n = Diffusion(Real((2,)), T=6, hidden=(3,)), 4000
    with torch.no_grad():
        for i, p in enumerate(model.parameters()):
            p.copy_(0.3 * torch.sin(torch.arange(p.numel()) * (1.3 + i)).view_as(p))
    x = torch.tensor([[0.9, -0.2]]).expand(n, 2)
    bound = -model.elbo(x, None, Rng(0, "bound", rows=range(n))) - model.kernel.last(x[:1])
    for moments in (torch.zeros(6), torch.tensor([4.0, 0.1, 0.1, 0.1, 9.0, 0.01])):
        model.importance.moments.copy_(moments)
        terms = bound_loss(model, Batch.of(x), Rng(1, "loss", rows=range(n)))
        losses = terms.loss["bound"]
        spread = math.hypot(losses.std().item(), bound.std().item()) / math.sqrt(n)
        assert losses.mean().item() == pytest.approx(bound.mean().item(), abs=5 * spread)
        assert terms.stats["rows"].sum() == n
    follow(model, terms.stats, 0.5)
    assert float((model.importance.moments - moments).abs().min()) > 0


@pytest.mark.system("H20")
@pytest.mark.parametrize("passes", [2, 4, 7])
def test_a_few_terms_of_the_bound_have_its_mean(passes):
    model, n = Diffusion(Real((2,)), T=7, hidden=(3,)), 4000
    x = torch.tensor([[0.9, -0.2]]).expand(n, 2)
    with torch.no_grad():
        whole = model.elbo(x, None, Rng(0, "bound", rows=range(n)))
        brief = model.brief_bound(x, None, Rng(1, "brief", rows=range(n)), passes)
        part = model.brief_bound(x[:3], None, Rng(1, "brief", rows=range(3)), passes)
    spread = math.hypot(whole.std().item(), brief.std().item()) / math.sqrt(n)
    assert brief.mean().item() == pytest.approx(whole.mean().item(), abs=5 * spread)
    torch.testing.assert_close(part, brief[:3])


def test_bits_and_the_simple_loss_draw_their_steps_evenly():
    for model in (Diffusion(Binary((3,)), T=4, hidden=(3,)), DDPM(Real((3,)), T=4, hidden=(3,))):
        assert model.importance is None and model.updates()[0].after is None
        x = torch.zeros(50, 3)
        whole = drawn_level(model, Batch.of(x), Rng(0, "t", rows=range(50)))
        assert set(whole.t[:, 0].tolist()) == {1, 2, 3, 4} and bool((whole.weight == 4).all())
        for n in (2, 3):
            part = drawn_level(model, Batch.of(x[:n]), Rng(0, "t", rows=range(n)))
            assert torch.equal(part.t, whole.t[:n]) and torch.equal(part.e, whole.e[:n])
    assert DDPM(Real((3,)), T=4, hidden=(3,), loss="bound").updates()[0].after is follow


@pytest.mark.system("H20")
@pytest.mark.parametrize("kind", [Diffusion, DDPM])
def test_the_learned_reverse_is_the_closed_form(kind):
    """After training on N(M, S^2), mean and variance of the steps back, and the bound, are the exact ones."""
    torch.set_default_dtype(torch.float32)
    more = {} if kind is Diffusion else {"schedule": "cosine", "predicts": "v"}
    model, n = kind(Real((1,)), T=20, hidden=(32,), **more), 2000
    x = M + S * Rng(0, "x", rows=range(n)).normal("x", 1)
    data = simulacra.from_tensors(x, model.space, "normal", test=0.25)
    run = simulacra.fit(model, data, epochs=80, progress=False, doctor=False, validate=False)
    level = run.model.kernel.level
    for t in (2, 6, 12, 18):
        now, before = (level(torch.full((3, 1), float(i))) for i in (t, t - 1))
        A = now.log_kept.exp()
        wide = A * S**2 + now.variance
        h = now.a * M + wide.sqrt() * torch.tensor([[-1.0], [0.0], [1.0]])
        with torch.no_grad():
            guess = run.model.predicted(h, now, before, None)
        exact, (k, _, V) = M + now.a * S**2 / wide * (h - now.a * M), back(now, before)
        found, wanted = (V + k.square() * v for v in (guess.var, S**2 * now.variance / wide))
        assert float((k * (guess.mean - exact)).abs().max()) < 0.1 * wanted.sqrt().min()
        if kind is Diffusion:
            torch.testing.assert_close(found, wanted, rtol=0.1, atol=0)
    if kind is Diffusion:
        exact = -0.5 * ((data.test.x - M) / S).square() - math.log(S * math.sqrt(2 * math.pi))
        found = run.model.log_prob(data.test.x)
        gap = exact.mean().item() - found.mean
        assert -3 * found.error < gap < 0.05 + 3 * found.error


def test_features_of_fine_scales_are_sines_and_cosines_of_doubled_entries():
    h = column(0.3, -1.2)
    wanted = [h, h.sin(), h.cos(), (2 * h).sin(), (2 * h).cos()]
    torch.testing.assert_close(octaves(h, 2), torch.cat(wanted, 1))
    assert torch.equal(octaves(h, 0), h)
    width = lambda space: DDPM(space, T=4, hidden=(3,), net="mlp").net.body[0].in_features
    assert width(Real((2,))) == 9 * 2 + 32 and width(Levels((8,), 4)) == 9 * 8 + 32
    assert width(Real((65,))) == 65 + 32 and TimedMLP(5, 1, (3,)).body[0].in_features == 5 + 32
    assert Diffusion(Binary((5,)), T=4, hidden=(3,)).net.body[0].in_features == 5 + 32


def test_an_average_of_weights_leaves_the_initial_ones_soon():
    net = torch.nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        net.weight.fill_(5.0)
    ema, wanted = Ema(net, 0.9), 5.0
    with torch.no_grad():
        for n in range(1, 200):
            net.weight.fill_(1.0 / n)
            ema.update(n)
            d = min(0.9, (1 + n) / (10 + n))
            wanted = d * wanted + (1 - d) / n
            if n == 20:
                # the share of the initial weights is a product of (1 + n) / (10 + n)
                assert math.prod((1 + k) / (10 + k) for k in range(1, 21)) < 1e-3 < 0.9**20
    assert ema.average["weight"].item() == pytest.approx(wanted, rel=1e-12)
