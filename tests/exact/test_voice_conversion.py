"""CycleGAN of recordings: spectra with their phase, inverse maps, and a spectral tilt that is transferred."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import simulacra
from simulacra import Audio, Categorical
from simulacra.core.batch import Batch
from simulacra.core.numerics.spectra import Spectra
from simulacra.core.random.keyed import Rng
from simulacra.models.adversarial.unpaired.losses import translators_loss
from simulacra.models.adversarial.unpaired.views import SpectralView

pytestmark = pytest.mark.system("G24")
T, W, H = 150, 20, 5
TWO = Categorical((), 2, ("ann", "bob"))


def noise(name, n):
    return 0.1 * Rng(3, name, rows=range(n)).normal("x", T)


def model(**more):
    options = {"channels": 3, "patch": 1, "window": W, "hop": H, **more}
    return simulacra.CycleGAN(Audio((T,), rate=8000), TWO, **options)


class Tilt(nn.Module):
    """Adds a line over the bins to log spectra."""

    def __init__(self, slope):
        super().__init__()
        self.slope = slope

    def forward(self, h):
        return h + self.slope * torch.linspace(-1, 1, h.shape[1], dtype=h.dtype).unsqueeze(1)


def tilt_of(y, x):
    """Mean log ratio of the spectra of two sets of recordings, by bin."""
    logs = [Spectra(W, H, 1e-9).of(t.double())[0].mean((0, 1, 3)) for t in (y, x)]
    return logs[0] - logs[1]


def test_a_recording_comes_back_from_its_view(float64):
    view, x = SpectralView(T, Spectra(W, H)), noise("rows", 3)
    view.fit(x)
    h, phase = view(x, x.dtype)
    assert h.shape == (3, *view.shape) == (3, 11, 31)
    torch.testing.assert_close(h.mean((0, 2)), torch.zeros(11), atol=1e-10, rtol=0)
    torch.testing.assert_close(h.square().mean(), torch.ones(()), atol=1e-10, rtol=0)
    torch.testing.assert_close(view.back(h, phase), x, atol=1e-10, rtol=0)


def test_magnitude_is_led_and_phase_is_kept(float64):
    net, x = model().double(), noise("rows", 3)
    net.view.fit(x)
    net.F = Tilt(0.0)
    torch.testing.assert_close(net.translate(x, "bob"), x, atol=1e-10, rtol=0)
    shift = torch.full((11, 1), 0.5)
    net.F = type("Louder", (nn.Module,), {"forward": lambda self, h: h + shift})()
    # all bins louder by one factor: the same wave, but for the floor of the logarithm
    louder = net.translate(x, "bob")
    factor = float((0.5 * net.view.deviation).exp())
    torch.testing.assert_close(louder, factor * x, atol=2e-4, rtol=0)


def test_the_cycle_of_inverse_tilts_is_0(float64):
    net, x = model().double(), noise("rows", 4)
    batch = Batch.of(x)
    batch.extra = {"A": Batch.of(x[:2]), "B": Batch.of(x[2:])}
    net.F, net.G = Tilt(2.0), Tilt(-2.0)
    terms = translators_loss(net, batch, Rng(0)).loss
    assert float(terms["cycle A"].max()) < 1e-14 and float(terms["cycle B"].max()) < 1e-14


def test_a_known_tilt_is_transferred():
    lift = 0.8 * torch.linspace(-1, 1, W // 2 + 1)  # log gain of bob, by bin
    ann, other = noise("ann", 60), noise("bob", 60)
    bob = Spectra(W, H).through(lambda logs: logs + lift.view(1, 1, -1, 1), other)
    kind = torch.arange(120) // 60
    space = Audio((T,), rate=8000)
    data = simulacra.from_tensors(torch.cat([ann, bob]).clamp(-1, 1), space, c=kind, condition=TWO)
    net = model(lr=2e-2, rows=8, cycle=1.0, identity=0.0, normalization="none")
    simulacra.fit(net, data, epochs=10, doctor=False, validate=False)
    real = tilt_of(bob, ann)
    there, back = tilt_of(net.translate(ann, "bob"), ann), tilt_of(net.translate(bob, "ann"), bob)
    untouched = float(real.abs().mean())
    assert float((there - real).abs().mean()) < 0.4 * untouched
    assert float((back + real).abs().mean()) < 0.4 * untouched
