"""SEGAN: its losses by hand, pre-emphasis within the model, keyed noise, and a gain on sines in noise."""

from __future__ import annotations

import math

import pytest
import torch

import simulacra
from simulacra.api import fit
from simulacra.core.batch import Batch
from simulacra.core.numerics.emphasis import emphasized
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.plain import Levels, Real
from simulacra.data.sources.tensors import from_tensors
from simulacra.evaluation.pairs.signals import segmental_snr
from simulacra.nets.adversarial.virtual import Virtual

T, RATE = 48, 1000
WAVE = Audio((T,), RATE)


def segan(**options) -> simulacra.SEGAN:
    """A small one."""
    torch.manual_seed(3)
    return simulacra.SEGAN(WAVE, WAVE, **{"channels": 2, "kernel": 5, "latent": 1, "reference": 5, **options})


def sines(n: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Sines of two pitches, and the same in white noise at about 4 dB."""
    rng = Rng(seed, "sines", rows=range(n))
    pitch = 3 + 4 * (torch.arange(n) % 2)
    turns = pitch.unsqueeze(1) * torch.arange(T) / T + rng.uniform("phase", 1)
    x = 0.5 * (2 * math.pi * turns).sin()
    return x, (x + 0.22 * rng.normal("noise", T)).clamp(-1, 1)


@pytest.mark.system("G23")
def test_both_losses_are_those_of_the_equations(float64):
    x, c = (t.double() for t in sines(7, 0))
    model, rng, lam = segan(l1=30.0), Rng(4, rows=range(7)), 30.0
    batch = Batch.of(x, c)
    D, G = (update.loss(model, batch, rng) for update in model.updates())
    z = rng.normal("z", model.latent)
    real, given = emphasized(x, 0.95), emphasized(c, 0.95)
    fake = model.G(z, given)
    s = lambda h: model.D(h, given).score
    torch.testing.assert_close(sum(D.loss.values()), (s(real) - 1).square() / 2 + s(fake).square() / 2)
    torch.testing.assert_close(G.loss["l1"], lam * (fake - real).abs().mean(1))
    torch.testing.assert_close(sum(G.loss.values()), (s(fake) - 1).square() / 2 + G.loss["l1"])
    # what is drawn is the inverse filter of G's output, which the loss compares
    drawn = model.draw(rng, c)
    torch.testing.assert_close(emphasized(drawn, 0.95), fake)
    torch.testing.assert_close(model.critic_score(x, c), s(real))


@pytest.mark.system("G23")
def test_l1_alone_is_a_regression_without_a_discriminator(float64):
    x, c = (t.double() for t in sines(7, 0))
    model = segan(adversarial=0.0, latent=0)
    (update,) = model.updates()
    assert model.D is None and update.name == "G"
    terms = update.loss(model, Batch.of(x, c), Rng(1, rows=range(7)))
    assert set(terms.loss) == {"l1"}
    # without noise, an answer is a function of its condition
    torch.testing.assert_close(model.draw(Rng(1, rows=range(7)), c), model.draw(Rng(2, rows=range(7)), c))


@pytest.mark.system("G23")
def test_the_reference_batch_is_pairs_of_the_data_and_rows_stay_alone(float64, tmp_path):
    x, c = (t.double() for t in sines(40, 0))
    data = from_tensors(x, WAVE, c=c, condition=WAVE, valid=0.0, test=0.0)
    model = segan()
    fit(model, data, out=tmp_path, epochs=1, batch_size=20, progress=False, doctor=False)
    (virtual,) = [m for m in model.D.modules() if isinstance(m, Virtual)]
    assert virtual.reference.shape == virtual.reference_c.shape == (5, T)
    rows = [int((emphasized(x, 0.95) - r).abs().sum(1).argmin()) for r in virtual.reference]
    torch.testing.assert_close(virtual.reference, emphasized(x, 0.95)[rows])
    torch.testing.assert_close(virtual.reference_c, emphasized(c, 0.95)[rows])
    whole = model.critic_score(x[:9], c[:9])
    torch.testing.assert_close(
        torch.cat([model.critic_score(x[i : i + 1], c[i : i + 1]) for i in range(9)]), whole
    )


@pytest.mark.system("G23")
@pytest.mark.parametrize("adversarial", [0.0, 1.0])
def test_segmental_snr_of_sines_in_noise_improves(tmp_path, adversarial):
    data = from_tensors(*[sines(400, 0)[0], WAVE], c=sines(400, 0)[1], condition=WAVE, valid=0.0, test=0.0)
    model = segan(channels=6, kernel=7, adversarial=adversarial, lr=3e-3)
    epochs = 8 if adversarial else 12
    fit(model, data, out=tmp_path, epochs=epochs, batch_size=40, progress=False, doctor=False)
    x, c = sines(200, 9)
    gain = segmental_snr(model.sample(200, c), x, RATE) - segmental_snr(c, x, RATE)
    error = gain.std() / math.sqrt(len(gain))
    assert gain.mean() > 3 + 3 * error, (gain.mean(), error)
    # a recording of another row does not do
    other = segmental_snr(model.sample(200, c.roll(1, 0)), x, RATE)
    assert other.mean() < segmental_snr(c, x, RATE).mean()


def test_what_is_no_pair_of_recordings_is_refused():
    for space, condition, said in (
        (Real((T,)), Real((T,)), "SEGAN cleans recordings, "),
        (Real((T, 2)), Real((T, 2)), "SEGAN cleans recordings, but the space"),
        (WAVE, None, "needs a noisy recording as the condition"),
        (WAVE, Levels((T,), 256), "of the same length and rate"),
        (WAVE, Audio((T,), 2 * RATE), "of the same length and rate"),
        (WAVE, Audio((T + 2,), RATE), "of the same length and rate"),
    ):
        with pytest.raises(ValueError, match=rf"{said}.*\.$"):
            simulacra.SEGAN(space, condition)
    for options in ({"emphasis": 1.0}, {"l1": -1.0}, {"l1": 0.0, "adversarial": 0.0}, {"kernel": 4}):
        with pytest.raises(ValueError, match=r"use \w+=[\d.]+\.$"):
            segan(**options)
