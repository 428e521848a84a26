"""H9: NADE against a loop over the entries that autograd differentiates, and against enumeration."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from oracles import states, within
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from simulacra.core.batch import Batch
from simulacra.core.capabilities.ancestral import ancestral, ancestral_slow
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical, Ordinal
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Binary, Count, Levels, Positive, Real
from simulacra.data.sources.tensors import from_tensors
from simulacra.models.autoregressive.vectors.nade import NADE
from simulacra.nets.autoregressive.recursion import shared_recursion

pytestmark = pytest.mark.system("H9")


def loop(x, W, a, V, rho=None, f="sigmoid"):
    """The recursion one entry after the other."""
    act, outputs = getattr(torch, f), []
    a = a.expand(len(x), -1)
    for t in range(x.shape[1]):
        outputs.append(act(a if rho is None else rho[t] * a) @ V[t].T)
        a = a + x[:, t] @ W[t]
    return torch.stack(outputs, 1)


def tensors(B, D, E, P, H, zeros, rescaled=False):
    """Inputs of which a share is zero, and weights that ask for gradients."""
    x = torch.randn(B, D, E) * (torch.rand(B, D, E) >= zeros)
    rho = torch.rand(D) + 0.5 if rescaled else None
    weights = [torch.randn(D, E, H), torch.randn(B, H), torch.randn(D, P, H)] + [rho] * rescaled
    return x, [w.requires_grad_() for w in weights]


CASES = [  # (D, E, P, share of zeros, rescaled, f): blocks have 8 or 16 entries
    (1, 1, 1, 0.0, False, "sigmoid"),
    (7, 1, 1, 0.0, False, "relu"),
    (21, 1, 2, 0.1, False, "sigmoid"),
    (16, 1, 1, 0.6, False, "sigmoid"),
    (21, 1, 1, 0.6, False, "sigmoid"),
    (35, 1, 2, 0.9, False, "relu"),
    (19, 1, 1, 1.0, False, "sigmoid"),
    (19, 3, 4, 0.5, False, "sigmoid"),
    (11, 1, 6, 0.9, True, "relu"),
    (11, 2, 3, 0.0, True, "sigmoid"),
]


@pytest.mark.parametrize("x_too", [False, True])
@pytest.mark.parametrize("D, E, P, zeros, rescaled, f", CASES)
def test_the_blocks_agree_with_the_loop(float64, D, E, P, zeros, rescaled, f, x_too):
    x, weights = tensors(3, D, E, P, 5, zeros, rescaled)
    wanted = [x.requires_grad_(), *weights] if x_too else weights
    ours, theirs = shared_recursion(x, *weights, f=f), loop(x, *weights, f=f)
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    upstream = torch.randn_like(theirs)
    found = torch.autograd.grad(ours, wanted, upstream)
    # where there is one entry, its inputs are not used
    due = torch.autograd.grad(theirs, wanted, upstream, allow_unused=True)
    for a, b in zip(found, due):
        torch.testing.assert_close(a, torch.zeros_like(a) if b is None else b, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize(
    "zeros, rescaled, x_too", [(0.0, False, True), (0.7, False, False), (0.3, True, True)]
)
def test_gradients_are_those_of_finite_differences(float64, zeros, rescaled, x_too):
    x, weights = tensors(2, 10, 1, 1, 3, zeros, rescaled)
    assert torch.autograd.gradcheck(shared_recursion, (x.requires_grad_(x_too), *weights))


def test_single_precision(seeded):
    x, weights = tensors(50, 100, 1, 1, 30, 0.8)
    weights = [(w / 5).detach().requires_grad_() for w in weights]
    exact = [w.detach().double().requires_grad_() for w in weights]
    ours, theirs = shared_recursion(x, *weights), loop(x.double(), *exact)
    assert (ours - theirs).abs().max() < 1e-5
    due = torch.autograd.grad(theirs.sum(), exact)
    for a, b in zip(torch.autograd.grad(ours.sum(), weights), due):
        assert (a - b).abs().max() < 1e-5 * b.abs().max()


class Largest(TorchDispatchMode):
    """The most numbers that one tensor held, and how many were kept for the way back."""

    size = kept = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for t in out if isinstance(out, (tuple, list)) else [out]:
            if isinstance(t, torch.Tensor):
                self.size = max(self.size, t.untyped_storage().nbytes() // t.element_size())
        return out

    def keep(self, t):
        self.kept += t.numel()
        return t


def memory(recursion, x, weights):
    """What `Largest` sees of the recursion and its gradient."""
    with Largest() as seen, torch.autograd.graph.saved_tensors_hooks(seen.keep, lambda t: t):
        recursion(x, *weights).sum().backward()
    return seen


@pytest.mark.parametrize("zeros", [0.0, 0.6, 0.9])
def test_no_tensor_holds_the_states_of_all_entries(float64, zeros):
    B, D, H = 50, 90, 30
    x, weights = tensors(B, D, 1, 1, H, zeros)
    ours, theirs = memory(shared_recursion, x, weights), memory(loop, x, weights)
    assert ours.size < B * D * H / 4 and ours.kept < B * D * H / 4
    assert theirs.kept > 2 * B * D * H


def test_the_cost_is_linear_in_entries(float64):
    def flops(D):
        x, weights = tensors(5, D, 1, 1, 11, 0.0)
        with FlopCounterMode(display=False) as counter:
            shared_recursion(x, *weights).sum().backward()
        return counter.get_total_flops()

    assert flops(64) == 2 * flops(32) == 4 * flops(16) > 0


def by_hand(model, x):
    """log p of binary rows from equations (1) to (3), conditional by conditional."""
    W, V, b, c = (p.detach() for p in (model.net.W[:, 0], model.net.V[:, 0], model.net.b[:, 0], model.net.c))
    order, total = model.order.tolist(), torch.zeros(len(x))
    for t, i in enumerate(order):
        before = x[:, order[:t]]
        h = torch.sigmoid(c + before @ W[:t])
        p = torch.sigmoid(b[t] + h @ V[t])
        total = total + torch.where(x[:, i] == 1, p, 1 - p).log()
    return total


def wild(model, scale=1.0):
    """The model with parameters of order one."""
    for p in model.parameters():
        p.data = scale * torch.randn_like(p)
    return model


def test_log_p_is_that_of_the_equations_and_sums_to_one(float64):
    model = wild(NADE(Binary((9,)), hidden=7, order=(4, 8, 0, 3, 7, 1, 5, 2, 6)))
    x = torch.tensor(states(9))
    log_p = model.log_density(x)
    torch.testing.assert_close(log_p, by_hand(model, x), rtol=1e-12, atol=1e-12)
    assert log_p.logsumexp(0).abs() < 1e-12


@pytest.mark.parametrize(
    "space, likelihood, levels",
    [
        (Levels((3,), 4), "logistic", 4),
        (Levels((3,), 4), "logistic-mixture", 4),
        (Levels((3,), 4), "categorical", 4),
        (Categorical((3,), 3), "auto", 3),
        (Ordinal((3,), 4), "auto", 4),
        (Binary((1, 2, 3)), "auto", 2),
    ],
)
def test_it_sums_to_one_over_every_kind_of_entry(float64, space, likelihood, levels):
    order = tuple(np.random.default_rng(3).permutation(space.dims).tolist())
    model = wild(NADE(space, hidden=5, likelihood=likelihood, mixtures=2, order=order))
    x = torch.tensor(states(space.dims, levels)).reshape(-1, *space.shape)
    assert model.log_density(x).logsumexp(0).abs() < 1e-10


def test_counts_and_single_entries(float64):
    model = wild(NADE(Count((2,)), hidden=3, likelihood="poisson"), 0.3)
    x = torch.cartesian_prod(torch.arange(60), torch.arange(60))
    assert model.log_density(x).logsumexp(0).abs() < 1e-10
    single = wild(NADE(Binary(()), hidden=2))
    assert single.log_density(torch.tensor([0.0, 1.0])).logsumexp(0).abs() < 1e-12


def test_the_jacobian_is_strictly_causal_in_the_order(float64):
    order = (3, 0, 10, 5, 1, 9, 2, 8, 4, 7, 6)
    model = wild(NADE(Binary((11,)), hidden=6, order=order))
    x = torch.rand(1, 11)
    jacobian = torch.autograd.functional.jacobian(model.parameters_of, x)[0, 0, :, 0]
    jacobian = jacobian[model.order][:, model.order]
    assert (jacobian.triu() == 0).all()
    assert (jacobian.tril(-1) != 0).sum() == 55


@pytest.mark.parametrize("space", [Binary((2, 5)), Levels((7,), 5), Categorical((4,), 3)])
def test_drawing_entry_by_entry_is_drawing_from_the_whole(float64, space):
    order = tuple(np.random.default_rng(1).permutation(space.dims).tolist())
    model = wild(NADE(space, hidden=6, order=order))
    rng = Rng(7, rows=range(50))
    assert torch.equal(ancestral(model, rng), ancestral_slow(model, rng))


def test_draws_have_the_probabilities_that_are_scored(float64):
    model = wild(NADE(Binary((3,)), hidden=4, order=(2, 0, 1)))
    p = model.log_density(torch.tensor(states(3))).exp().detach().numpy()
    x = model.draw(Rng(5, rows=range(20000))).numpy()
    share = np.bincount((x @ [4, 2, 1]).astype(int), minlength=8) / len(x)
    assert all(within(s, q, np.sqrt(q * (1 - q) / len(x))) for s, q in zip(share, p))


def test_completions_keep_what_is_known_and_follow_the_conditional(float64):
    model = wild(NADE(Binary((4,)), hidden=4, order=(2, 0, 3, 1)))
    known = torch.tensor([True, False, True, False]).expand(20000, 4)
    x = torch.tensor([1.0, 0.0, 0.0, 0.0]).expand(20000, 4)
    filled = model.fill(x, known, Rng(2, rows=range(20000)))
    assert torch.equal(filled[known], x[known])
    candidates = torch.tensor([[1.0, a, 0.0, b] for a in (0, 1) for b in (0, 1)])
    p = model.log_density(candidates).softmax(0).detach().numpy()
    share = np.bincount((filled[:, 1] * 2 + filled[:, 3]).int().numpy(), minlength=4) / 20000
    assert all(within(s, q, np.sqrt(q * (1 - q) / 20000)) for s, q in zip(share, p))


def test_gradients_of_the_loss_reach_all_that_matters(float64):
    model = wild(NADE(Binary((5,)), hidden=4))
    x = (torch.rand(6, 5) < 0.5).double()
    loss = model.updates()[0].loss(model, Batch(x, rows=range(6)), Rng(0, rows=range(6))).loss["nll"]
    torch.testing.assert_close(loss, -by_hand(model, x))
    loss.sum().backward()
    assert all(torch.isfinite(p.grad).all() and p.grad.abs().sum() > 0 for p in model.parameters())
    # nothing comes behind the last entry
    assert (model.net.W.grad[-1] == 0).all()


def test_the_output_begins_at_the_mean_of_the_data():
    x = (torch.rand(300, 6, generator=torch.Generator().manual_seed(3)) < torch.linspace(0.1, 0.9, 6)).float()
    data = from_tensors(x, Binary((6,)), valid=0.0, test=0.1)
    model = NADE(data.space, hidden=3, order=(5, 3, 1, 0, 2, 4))
    with torch.no_grad():
        model.stage(0, []).start(model, data.train, Rng(0))
    mean = data.train.all().x.float().mean(0)
    torch.testing.assert_close(model.net.b[:, 0].sigmoid(), mean[model.order])


@pytest.mark.parametrize("space", [Real((3,)), Positive((3,))])
def test_real_entries_are_refused(space):
    with pytest.raises(ValueError, match="NADE needs discrete entries"):
        NADE(space)


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="entries of one kind"):
        NADE(Table({"a": Binary(), "b": Binary()}))
    with pytest.raises(ValueError, match="hidden is 0"):
        NADE(Binary((3,)), hidden=0)
    with pytest.raises(ValueError, match="no permutation"):
        NADE(Binary((3,)), order=(0, 1, 1))
