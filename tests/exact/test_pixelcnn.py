"""PixelCNN and gated PixelCNN: causal, normalized, with the layers of their papers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from oracles import states
from pixelcnns import LABELS, MODELS, SPACES, both, loud, made

from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Binary, Levels, Real
from simulacra.models.autoregressive.images.pixelcnn import GatedPixelCNN, PixelCNN
from simulacra.nets.autoregressive.causal import Above, Beside, planes
from simulacra.nets.autoregressive.gated_stacks import GatedLayer


def influence(model, inputs: int = 6) -> torch.Tensor:
    """Whether entry i matters to the numbers of entry t, both in the order: shape (t, i)."""
    d, order = model.space.dims, model.order
    total = torch.zeros(d, d)
    for _ in range(inputs):
        x = torch.rand(1, *model.space.shape) * (getattr(model.space, "levels", 2) - 1)
        whole = lambda x: model.parameters_of(x).flatten(2).abs().sum((0, 1))
        total += torch.autograd.functional.jacobian(whole, x, vectorize=True).reshape(d, d).abs()
    return (total > 0)[order][:, order]


def seen_offsets(model) -> set[tuple[int, int]]:
    """Of a plain stack: all sums of one offset of type A and one of type B a further layer."""
    net = model.net
    kernels = [net.beside.reach] + [block.beside.reach for block in net.blocks]
    seen = {(0, 0)}
    for i, half in enumerate(kernels):
        square = itertools.product(range(-half, half + 1), repeat=2)
        steps = {(a, b) for a, b in square if (a, b) < (0, 0) or (i > 0 and (a, b) == (0, 0))}
        seen = {(a + p, b + q) for a, b in seen for p, q in steps}
    return seen


@pytest.mark.system("H17")
@both
@pytest.mark.parametrize("name", ["binary", "grey", "colour", "two channels"])
def test_no_entry_sees_itself_or_a_later_one(float64, kind, name):
    matters = influence(made(kind, name))
    assert not torch.triu(matters).any()
    assert torch.tril(matters).any()


@pytest.mark.system("H17")
def test_the_order_is_by_row_pixel_and_channel():
    model = PixelCNN(Binary((3, 2, 4)), layers=1, channels=3)
    expected = [
        torch.arange(24).view(3, 2, 4)[c, i, j].item() for i in range(2) for j in range(4) for c in range(3)
    ]
    assert model.order.tolist() == expected


@pytest.mark.system("H17")
@pytest.mark.parametrize("name", ["binary", "colour"])
def test_gated_has_no_blind_spot(float64, name):
    space, likelihood = SPACES[name]
    model = loud(GatedPixelCNN(space, layers=5, channels=9, first_kernel=5, likelihood=likelihood))
    d = space.dims
    # its depth reaches six rows and columns: all of the image
    assert influence(model).equal(torch.tril(torch.ones(d, d), -1).bool())


@pytest.mark.system("H17")
def test_gated_reaches_just_as_far_as_it_says(float64):
    model = loud(GatedPixelCNN(Binary((1, 6, 11)), layers=2, channels=8, kernel=3, first_kernel=5))
    matters = influence(model).view(66, 6, 11)
    for t, r, c in itertools.product([60, 38, 33], range(6), range(11)):
        down, right = t // 11 - r, c - t % 11
        assert matters[t, r, c] == ((0 < down <= 3 and abs(right) <= 3) or (down == 0 and -3 <= right < 0))


@pytest.mark.system("H17")
@pytest.mark.parametrize(("kernel", "first"), [(3, 3), (3, 5), (5, 3)])
def test_plain_has_the_blind_spot_of_its_kernels(float64, kernel, first):
    model = loud(PixelCNN(Binary((1, 5, 9)), layers=6, channels=12, kernel=kernel, first_kernel=first))
    seen, matters = seen_offsets(model), influence(model).view(45, 5, 9)
    t = 4 * 9 + 1  # bottom row, second pixel
    for r, c in itertools.product(range(5), range(9)):
        assert matters[t, r, c] == ((r - 4, c - 1) in seen)
    assert not matters[t, 3, 1 + max(kernel, first) // 2 + 1 :].any() and matters[t, 3, :2].all()


@pytest.mark.system("H17")
@pytest.mark.parametrize("kind", ["A", "B"])
def test_above_and_beside_are_the_masked_convolution(float64, kind):
    colours, n, m, k = 3, 4, 7, 5
    above = Above(n, m, k, bias=False)
    beside = Beside(planes(n, colours), planes(m, colours), k, kind)
    whole = torch.randn(m, n, k, k)  # weights behind the pixel must not matter
    whole[:, :, : k // 2] = above.conv.weight.detach()
    whole[:, :, k // 2, : k // 2 + 1] = beside.weight.detach().view(m, k // 2 + 1, n).transpose(1, 2)
    for o, i, a, b in itertools.product(range(m), range(n), range(k), range(k)):
        target, source = o * colours // m, i * colours // n
        same = source < target if kind == "A" else source <= target
        if (a, b) > (k // 2, k // 2) or ((a, b) == (k // 2, k // 2) and not same):
            whole[o, i, a, b] = 0
    x = torch.randn(2, n, 4, 6)
    expected = F.conv2d(x, whole, beside.bias, padding=k // 2)
    last = x.movedim(1, 3)
    torch.testing.assert_close((above(last) + beside.everywhere(last)).movedim(3, 1), expected)


@pytest.mark.system("H17")
def test_a_gated_layer_is_equation_four(float64):
    layer, n = GatedLayer(planes(1, 1), planes(4, 1), 3, True, 2), 4
    seen, c = torch.randn(5, 3, 2 * n), torch.randn(5, 2)
    v, term = layer.vertical(seen, c)
    big = layer.condition.weight.detach()
    given = (c @ big.T).unsqueeze(1)
    f, g = seen[..., :n] + given[..., :n], seen[..., n:] + given[..., n : 2 * n]
    torch.testing.assert_close(v, f.tanh() / (1 + (-g).exp()))
    torch.testing.assert_close(term, seen @ layer.link.weight.T + given[..., 2 * n :])


@pytest.mark.system("H17")
def test_the_plain_network_is_that_of_the_paper(float64):
    """Table 1 and figure 5 with grey images, in plain convolutions: no colour is masked but in type A."""
    net = PixelCNN(Binary((1, 4, 5)), layers=2, channels=3, first_kernel=3).net
    block, x = net.blocks[0], torch.randn(2, 1, 4, 5)

    def masked(above, beside, h):
        left, n = (beside.weight * beside.mask).view(len(beside.weight), 2, -1).transpose(1, 2), h.shape[1]
        return F.conv2d(F.pad(h, (1, 1, 1, 0)), above.conv.weight)[:, :, :-1] + F.conv2d(
            F.pad(h, (1, 0, 0, 0)), left.reshape(-1, n, 1, 2), beside.bias
        )

    def one(conv, h):
        return F.conv2d(h.relu(), conv.weight[:, :, None, None], conv.bias)

    h = masked(net.above, net.beside, x)
    h = h + one(block.up, masked(block.above, block.beside, one(block.down, h).relu()))
    expected = one(net.head.outer, one(net.head.inner, h))
    torch.testing.assert_close(net(x.movedim(1, 3)).movedim(3, 1), expected)


TINY = {
    "512 binary images": (Binary((1, 3, 3)), "auto"),
    "4 levels, categorical": (Levels((1, 2, 3), 4), "categorical"),
    "3 levels, logistic, colour": (Levels((3, 2, 1), 3), "logistic"),
    "3 levels, mixture": (Levels((1, 2, 3), 3), "logistic-mixture"),
    "colour bits": (Binary((3, 1, 3)), "auto"),
    "classes": (Categorical((1, 2, 3), 3), "auto"),
}


@pytest.mark.system("H17")
@both
@pytest.mark.parametrize("name", TINY)
def test_probabilities_sum_to_one(float64, kind, name):
    space, likelihood = TINY[name]
    levels = getattr(space, "levels", getattr(space, "classes", 2))
    x = torch.tensor(states(space.dims, levels)).view(-1, *space.shape)
    model = loud(MODELS[kind](space, likelihood=likelihood))
    assert model.log_density(x).exp().sum().item() == pytest.approx(1, abs=1e-12)
    if kind == "gated":
        model = loud(MODELS[kind](space, likelihood=likelihood, condition=LABELS))
        p = [model.log_density(x, torch.full((len(x),), y)).exp() for y in range(3)]
        assert [v.sum().item() for v in p] == pytest.approx([1, 1, 1], abs=1e-12)
        assert (p[0] - p[1]).abs().max() > 0.01 * p[0].max()


@both
def test_gradients_are_finite_and_reach_all_weights(float64, kind):
    model = made(kind, "colour", **({"condition": LABELS} if kind == "gated" else {}))
    x = torch.randint(9, (4, 3, 4, 5))
    c = torch.tensor([0, 1, 2, 1]) if kind == "gated" else None
    (-model.log_density(x, c).mean()).backward()
    for name, p in model.named_parameters():
        assert p.grad is not None and torch.isfinite(p.grad).all() and p.grad.abs().sum() > 0, name


@both
def test_what_does_not_fit_is_said(kind):
    model = MODELS[kind](Binary((1, 4, 5)))
    with pytest.raises(ValueError, match=r"shape \(2, 1, 5, 5\), but .* needs \(B, 1, 4, 5\)\.$"):
        model.log_prob(np.zeros((2, 1, 5, 5)))
    for space in (Binary((20,)), Real((4, 5)), Table(a=Real(), b=Real())):
        with pytest.raises(ValueError, match=r"draws images \(C, H, W\), but the space is "):
            MODELS[kind](space)
    cases = {"layers": 0, "channels": 2, "kernel": 4, "first_kernel": 1}
    for name, value in cases.items():
        with pytest.raises(ValueError, match=f"^{name} is {value}, but"):
            type(model)(Binary((3, 4, 5)), **{name: value})
