"""Spectrograms of recordings: a tone is a line at its frequency, in decibels below the loudest cell."""

from __future__ import annotations

import math

import pytest
import torch

from simulacra.core.spaces.audio import Audio
from simulacra.exploration.drawing.spectrogram import RANGE, decibels, spectrogram

RATE = 8000


def tone(hertz: float, size: float = 1.0, T: int = 1000) -> torch.Tensor:
    return size * (2 * math.pi * hertz * torch.arange(T) / RATE).sin()


@pytest.mark.parametrize("hertz", [500, 1250, 3000])
def test_a_tone_is_a_line_at_its_frequency(hertz):
    S = decibels(tone(hertz)[None], 64)[0]
    assert (S.argmax(0) == hertz / RATE * 64).all() and S.max().item() == 0
    # the Hann window: the neighbours have a quarter of the power, others next to nothing
    k = int(hertz / RATE * 64)
    assert S[[k - 1, k + 1]].mean().item() == pytest.approx(-10 * math.log10(4), abs=0.1)
    assert S[k + 4 :].max().item() < -40


def test_a_tenth_of_the_amplitude_is_20_decibels_less():
    S = decibels(torch.stack([tone(500), tone(500, 0.1)]), 64)
    torch.testing.assert_close(S[1, 4] - S[0, 4], torch.full_like(S[0, 4], -20), atol=1e-5, rtol=0)


@pytest.mark.parametrize("T", [1, 2, 7, 50, 1024])
def test_every_length_has_a_picture_and_silence_is_blank(T):
    picture = spectrogram(Audio((T,), RATE), torch.zeros(3, T), None, "silence")
    assert len(picture.panels) == 3
    values = picture.panels[0].marks[0].values
    assert values.max() == 0 and values.min() >= 0
    loud = spectrogram(Audio((T,), RATE), torch.rand(5, T) - 0.5, torch.rand(6, T), "noise")
    assert [panel.title for panel in loud.panels] == ["sample"] * 4 + ["data"] * 4
    assert max(panel.marks[0].values.max() for panel in loud.panels) == pytest.approx(RANGE)
