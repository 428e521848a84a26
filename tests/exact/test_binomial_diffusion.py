"""The binomial diffusion, enumerated: its kernel, its bound, its law of samples. Row H20."""

from __future__ import annotations

import itertools

import pytest
import torch

from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary
from simulacra.models.diffusion.binomial import BinomialKernel, BitGuess, posterior
from simulacra.models.diffusion.inversion import Diffusion

T, D = 3, 2
pytestmark = [pytest.mark.system("H20"), pytest.mark.usefixtures("float64")]


def bits(d=D):
    return torch.tensor([*itertools.product((0.0, 1.0), repeat=d)])


def forward(kernel, t):
    """The matrix q(x_t | x_t-1) of one bit, from the rate 1 / (T - t + 1) of the paper."""
    b = 1 / (kernel.T - t + 1)
    return torch.tensor([[1 - b / 2, b / 2], [b / 2, 1 - b / 2]])


def column(*values):
    return torch.tensor(values).unsqueeze(1)


def built():
    model = Diffusion(Binary((D,)), T=T, hidden=(5,))
    with torch.no_grad():
        for i, p in enumerate(model.parameters()):
            p.copy_(torch.sin(torch.arange(p.numel()) * (1.3 + i)).view_as(p))
    return model


def reverse(model, t):
    """p(x_t-1 | x_t) of all pairs of states, (x_t, x_t-1)."""
    h, kernel = bits(), model.kernel
    now, before = kernel.level(column(*[float(t)] * len(h))), kernel.level(column(*[t - 1.0] * len(h)))
    with torch.no_grad():
        p = kernel.reverse(h, now, before, model.predicted(h, now, before, None))
    x = bits()
    return (x * p[:, None] + (1 - x) * (1 - p[:, None])).prod(2)


def noise(kernel, x0, t):
    """q(x_t | x_0) of all states, by products of the matrices of steps 1 to t."""
    one = torch.eye(2)
    for step in range(1, t + 1):
        one = one @ forward(kernel, step)
    return torch.stack([one[int(a)] for a in x0])


def test_the_kernel_is_the_product_of_its_steps():
    kernel = BinomialKernel(Binary((1,)), T)
    for t in (1, 2, 3):
        level = kernel.level(column(float(t)))
        for x0 in (0.0, 1.0):
            found = level.kept * x0 + (1 - level.kept) / 2
            assert found.item() == pytest.approx(noise(kernel, [x0], t)[0, 1].item(), abs=1e-14)
    assert kernel.level(column(3.0)).kept.item() == 0


def test_the_posterior_is_that_of_bayes_for_any_two_steps():
    kernel = BinomialKernel(Binary((1,)), T)
    for t, r, x0, x_t in itertools.product((2, 3), (1, 2), (0, 1), (0, 1)):
        if r >= t:
            continue
        between = torch.eye(2)
        for step in range(r + 1, t + 1):
            between = between @ forward(kernel, step)
        joint = noise(kernel, [x0], r)[0] * between[:, x_t]
        levels = kernel.level(column(float(t))), kernel.level(column(float(r)))
        found = posterior(column(float(x0)), column(float(x_t)), *levels)
        assert found.item() == pytest.approx((joint[1] / joint.sum()).item(), abs=1e-14)


def test_terms_of_the_bound_are_the_enumerated_divergences():
    model, kernel = built(), built().kernel
    for t, x0 in itertools.product((1, 2, 3), bits()):
        h = bits()
        now, before = kernel.level(column(*[float(t)] * 4)), kernel.level(column(*[t - 1.0] * 4))
        guess = model.predicted(h, now, before, None)
        found = kernel.nats(x0.expand(4, D), h, now, before, guess).detach()
        p = reverse(model, t)
        if t == 1:
            wanted = -p[:, int(x0[0] * 2 + x0[1])].log()
        else:
            one = posterior(x0.expand(4, D), h, now, before)
            q = (bits() * one[:, None] + (1 - bits()) * (1 - one[:, None])).prod(2)
            wanted = (q * (q / p).log()).sum(1)
        torch.testing.assert_close(found, wanted, atol=1e-10, rtol=1e-10)


def test_the_bound_is_below_log_p_and_its_mean_is_the_enumerated_one():
    model, kernel, states = built(), built().kernel, bits()
    p = torch.full((4,), 0.25)
    for t in (3, 2, 1):
        p = p @ reverse(model, t)
    torch.testing.assert_close(p.sum(), torch.ones(()))
    n = 4000
    for i, x0 in enumerate(states):
        wanted = 0.0
        for t in (1, 2, 3):
            q = noise(kernel, x0, t)
            weight = (q[0][states[:, 0].long()]) * (q[1][states[:, 1].long()])
            now, before = kernel.level(column(*[float(t)] * 4)), kernel.level(column(*[t - 1.0] * 4))
            nats = kernel.nats(
                x0.expand(4, D), states, now, before, model.predicted(states, now, before, None)
            )
            wanted -= float((weight * nats.detach()).sum())
        assert wanted <= p[i].log().item() + 1e-12
        with torch.no_grad():
            drawn = model.elbo(x0.expand(n, D), None, Rng(0, "bound", rows=range(n)))
        assert drawn.mean().item() == pytest.approx(wanted, abs=5 * drawn.std().item() / n**0.5 + 1e-12)


def test_samples_have_the_enumerated_law():
    model, n = built(), 20000
    p = torch.full((4,), 0.25)
    for t in (3, 2, 1):
        p = p @ reverse(model, t)
    with torch.no_grad():
        x = model.draw(Rng(1, "draw", rows=range(n)))
    found = torch.bincount((x @ torch.tensor([2.0, 1.0])).long(), minlength=4) / n
    assert float((found - p).abs().max()) < 5 * (0.25 / n) ** 0.5


class Exact(Diffusion):
    """With the exact law of each bit of x_0 given x_t, for data of two bits."""

    def predicted(self, h, t, r, c, kept=None):
        states = bits()
        each = states * t.kept[:, None] + (1 - t.kept[:, None]) / 2
        like = torch.where(h[:, None] > 0.5, each, 1 - each).prod(2) * self.law
        one = (like @ states) / like.sum(1, keepdim=True)
        return BitGuess(torch.logit(one))


def test_with_the_exact_prediction_the_bound_tends_to_log_p():
    law, gaps = torch.tensor([0.4, 0.1, 0.2, 0.3]), []
    for steps in (4, 16, 64):
        model = Exact(Binary((D,)), T=steps, hidden=(2,))
        model.law, kernel, gap = law, model.kernel, 0.0
        for i, x0 in enumerate(bits()):
            gap += law[i].item() * law[i].log().item()
            for t in range(1, steps + 1):
                now, before = kernel.level(column(*[float(t)] * 4)), kernel.level(column(*[t - 1.0] * 4))
                one = now.kept[0] * x0 + (1 - now.kept[0]) / 2
                weight = (bits() * one + (1 - bits()) * (1 - one)).prod(1)
                guess = model.predicted(bits(), now, before, None)
                gap += law[i].item() * float(
                    (weight * kernel.nats(x0.expand(4, D), bits(), now, before, guess)).sum()
                )
        gaps.append(gap)
    assert gaps[0] > gaps[1] > gaps[2] > 0 and gaps[2] < 0.01
