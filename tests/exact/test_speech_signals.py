"""Signal steps of speech models: pre-emphasis and its inverse, spectra and their inverse."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.signal
import torch

from simulacra.core.numerics.emphasis import deemphasized, emphasized
from simulacra.core.numerics.spectra import Spectra, over_smoothed


@pytest.mark.system("G23")
@pytest.mark.parametrize("a", [0.0, 0.5, 0.95, -0.7])
def test_emphasis_is_the_filter_of_its_equation_and_its_inverse_is_exact(float64, a):
    for T in (1, 2, 3, 7, 50, 257):
        x = torch.randn(3, T)
        y = emphasized(x, a)
        torch.testing.assert_close(y, torch.tensor(scipy.signal.lfilter([1, -a], [1], x.numpy())))
        torch.testing.assert_close(deemphasized(x, a), torch.tensor(scipy.signal.lfilter([1], [1, -a], x)))
        torch.testing.assert_close(deemphasized(y, a), x, atol=1e-13, rtol=0)
        torch.testing.assert_close(emphasized(deemphasized(x, a), a), x, atol=1e-13, rtol=0)


@pytest.mark.system("G23")
def test_single_precision_keeps_a_window_of_the_paper(float64):
    x = (torch.rand(2, 16384) * 2 - 1).float()
    assert float((deemphasized(emphasized(x, 0.95), 0.95) - x).abs().max()) < 2e-6


@pytest.mark.system("G23")
def test_emphasis_halves_the_level_below_and_doubles_it_above(float64):
    """|1 - a e^(-i w)| at w = 0 and pi: 0.05 and 1.95."""
    t = torch.arange(400.0)
    level = lambda x: float(emphasized(x, 0.95)[100:].square().mean().sqrt() / x[100:].square().mean().sqrt())
    assert level(torch.ones(400)) == pytest.approx(0.05)
    assert level((math.pi * t).cos()) == pytest.approx(1.95)


@pytest.mark.system("G25")
@pytest.mark.parametrize(("T", "window", "hop"), [(50, 16, 4), (77, 14, 7), (113, 30, 11)])
def test_a_recording_comes_back_from_its_spectra(float64, T, window, hop):
    spectra, x = Spectra(window, hop, floor=1e-3), torch.randn(3, T)
    logs, phase = spectra.of(x)
    assert logs.shape == (3, 1, window // 2 + 1, 1 + T // hop) and phase.shape == (3, *logs.shape[2:])
    torch.testing.assert_close(spectra.recording(logs, phase, T), x, atol=1e-11, rtol=0)
    torch.testing.assert_close(
        spectra.through(lambda logs: logs + math.log(3.0), x), 3 * x, atol=0.02, rtol=0
    )


@pytest.mark.system("G25")
def test_spectra_are_those_of_scipy(float64):
    T, window, hop = 83, 20, 5
    x = torch.randn(T)
    hann = scipy.signal.get_window("hann", window)
    # the frames of torch reflect the recording at its ends, those of scipy are given it reflected
    padded = np.pad(x.numpy(), window // 2, mode="reflect")
    S = np.stack([np.fft.rfft(hann * padded[s : s + window]) for s in range(0, T + 1, hop)], 1)
    stft = scipy.signal.ShortTimeFFT(hann, hop, fs=1.0, phase_shift=None)
    first = stft.stft(padded)
    n0 = (window // 2) // hop  # the first whole frame of scipy, centred on its sample
    np.testing.assert_allclose(first[:, n0 - stft.p_min : n0 - stft.p_min + S.shape[1]], S, atol=1e-12)
    logs, phase = Spectra(window, hop, floor=1e-2).of(x.unsqueeze(0))
    np.testing.assert_allclose(logs[0, 0], np.log(np.abs(S) + 1e-2), atol=1e-12)
    np.testing.assert_allclose(torch.polar(logs[0, 0].exp() - 1e-2, phase[0]), S, atol=1e-12)


@pytest.mark.system("G25")
def test_over_smoothing_is_a_mean_over_the_frames_there_are(float64):
    logs = torch.randn(2, 1, 3, 7)
    found = over_smoothed(logs, 5)
    for n in range(7):
        torch.testing.assert_close(found[..., n], logs[..., max(0, n - 2) : n + 3].mean(-1))
    torch.testing.assert_close(over_smoothed(logs, 1), logs)


def test_bad_settings_are_refused():
    for options in ({"window": 15}, {"window": 16, "hop": 9}, {"hop": 0}, {"floor": 0.0}):
        with pytest.raises(ValueError, match=r"\.$"):
            Spectra(**options)
    with pytest.raises(ValueError, match="shorter than half a window"):
        Spectra(16, 4).of(torch.zeros(1, 8))
    with pytest.raises(ValueError, match="odd number of frames"):
        over_smoothed(torch.zeros(1, 1, 3, 7), 4)
