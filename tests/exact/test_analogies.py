"""Analogies of conditional VAEs: the class of choice in the style of the row, and who can make them."""

from __future__ import annotations

import pytest
import torch

import simulacra
from simulacra import Binary, Real
from simulacra.core.capabilities.general import Translates
from simulacra.core.spaces.classes import Categorical

CLASSES = Categorical((), 3, names=("low", "middle", "high"))


def by_hand():
    """A VAE whose encoder inverts its decoder x = W z + b_y, with W and b; both are linear."""
    model = simulacra.VAE(Real((5,)), CLASSES, latent=2, hidden=(), scale=0.1)
    W, b = torch.randn(5, 2), torch.randn(5, 3)
    decoder, encoder = (net.body[0] for net in (model.decoder, model.encoder))
    with torch.no_grad():
        # inputs are the code, then the class; outputs of the encoder are means, then log deviations
        decoder.weight.zero_()
        decoder.weight[:5] = torch.cat([W, b], 1)
        decoder.bias.zero_()
        inverse = torch.linalg.pinv(W)
        encoder.weight.zero_()
        encoder.weight[:2] = torch.cat([inverse, -inverse @ b], 1)
        encoder.bias.zero_()
    return model, W, b


@pytest.mark.system("E18")
def test_an_analogy_keeps_the_code_and_changes_the_class(float64):
    model, W, b = by_hand()
    z, y = torch.randn(7, 2), torch.tensor([0, 1, 2, 0, 1, 2, 0])
    x = z @ W.T + b.T[y]
    for target in range(3):
        found = model.translate(x, to=target, condition=y)
        torch.testing.assert_close(found, z @ W.T + b.T[target])
        # encoded again under its new class, it has the code that it had
        torch.testing.assert_close(model.encode(found, target), z)
    back = model.translate(model.translate(x, to=2, condition=y), to=y, condition=2)
    torch.testing.assert_close(back, x)
    assert torch.equal(model.translate(x, to="middle", condition=y), model.translate(x, to=1, condition=y))


@pytest.mark.system("E18")
def test_a_trained_model_swaps_the_class_and_keeps_the_style(tmp_path):
    """Rows s W + b_y with a style s of all classes: the class changes, and s stays."""
    g = torch.Generator().manual_seed(0)
    s, W = torch.randn(600, 1, generator=g), torch.tensor([[1.0, 0.5, -1.0, 0.3]])
    b = torch.tensor([[0.0, 1.0, 1.0, 0.0], [1.0, -1.0, 0.0, 1.0], [-1.0, 0.0, 1.0, -1.0]])
    y = torch.randint(0, 3, (600,), generator=g)
    x = s @ W + b[y] + 0.1 * torch.randn(600, 4, generator=g)
    data = simulacra.from_tensors(x, Real((4,)), c=y, condition=CLASSES)
    model = simulacra.VAE(data.space, data.condition, latent=1, hidden=(24,), scale=0.1)
    simulacra.fit(model, data, epochs=150, lr=1e-2, schedule="cosine", out=tmp_path / "run", progress=False)
    rows, to = data.test, (data.test.c + 1) % 3
    moved = model.translate(rows.x, to=to, condition=rows.c)
    wanted = rows.x - b[rows.c] + b[to]
    # errors of the noise and of the network, against 1 for the style and about 1 between classes
    assert float((moved - wanted).square().mean().sqrt()) < 0.2
    z, again = model.encode(rows.x, rows.c), model.encode(moved, to)
    assert float((z - again).square().mean().sqrt()) < 0.2 * float(z.std())


@pytest.mark.fault("analogies")
def test_only_models_of_a_class_make_analogies():
    named = simulacra.VAE(Real((3,)), CLASSES, latent=2, hidden=(4,))
    assert named.supports(Translates) and named.targets is CLASSES
    for condition in (None, Real((2,)), Categorical((2,), 3), Binary((4,))):
        model = simulacra.VAE(Real((3,)), condition, latent=2, hidden=(4,))
        assert not model.supports(Translates)
        with pytest.raises(ValueError, match="VAE cannot do translate"):
            model.translate(torch.zeros(1, 3), to=0)
    x = torch.zeros(2, 3)
    with pytest.raises(ValueError, match=r"translates to several classes: give to= \(low, middle, high\)"):
        named.translate(x, condition=0)
    with pytest.raises(ValueError, match="'hihg' is not a class; classes are low"):
        named.translate(x, to="hihg", condition=0)
    with pytest.raises(ValueError, match=r"VAE models p\(x\|c\)"):
        named.translate(x, to=1)
    assert simulacra.IWAE(Real((3,)), CLASSES, latent=2, hidden=(4,)).supports(Translates)
