"""Recordings as spectrograms: power at each time and frequency, in decibels below the loudest cell of all.

S(t, f) = |sum_n w_n x_(t + n) exp(-2 pi i n f)|^2,   w the Hann window,   10 log10 (S / max S)        (1)
"""

from __future__ import annotations

import torch
from torch import Tensor

from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.plain import Space
from simulacra.exploration.drawing import panels
from simulacra.exploration.drawing.marks import Heatmap
from simulacra.exploration.drawing.picture import Axis, Panel, Picture, grid

SHOWN = 8  # recordings
LONGEST, FEWEST = 128, 8  # samples of the longest window; fewest windows side by side in a recording
SHIFTS = 4  # windows that cover a sample
RANGE = 60.0  # decibels that are shown


def decibels(x: Tensor, window: int) -> Tensor:
    """Computes S of equation (1) in decibels below its maximum over all rows, shape (B, frequencies, times).

    Args:
        x: recordings, shape (B, T).
        window: samples of the window, at most T.

    Example:
        >>> x = (torch.arange(64) * torch.pi / 4).sin().unsqueeze(0)
        >>> S = decibels(x, 16)
        >>> tuple(S.shape), S[0, :, 3].argmax().item()
        ((1, 9, 13), 2)
    """
    hann = torch.hann_window(window, dtype=torch.float64)
    # (1)
    parts = x.double().unfold(1, window, max(1, window // SHIFTS)) * hann
    power = torch.fft.rfft(parts).abs().square().transpose(1, 2)
    return 10 * (power / power.max().clamp_min(1e-30)).clamp_min(1e-30).log10()


def window_of(space: Space) -> int:
    """Returns the samples of a window for recordings of a space: a power of 2, at most 128.

    Args:
        space: space of the recordings.

    Example:
        >>> window_of(Audio((50,), 8000)), window_of(Audio((8000,), 8000))
        (4, 128)
    """
    return int(min(LONGEST, 2 ** (max(1, space.dims // FEWEST).bit_length() - 1)))


def spectrogram(space: Audio, x: Tensor, other: Tensor | None, title: str) -> Picture:
    """One panel for each of the first eight recordings, or of four samples and four rows of the data.

    Args:
        space: space of one recording.
        x: shape (B, T).
        other: recordings to compare with, below the others; None: none.
        title: above the picture.

    Example:
        >>> len(spectrogram(Audio((50,), 8000), torch.randn(3, 50), None, "noise").panels)
        3
    """
    rows, whose = panels.beside(x, other, SHOWN)
    levels = decibels(rows, window_of(space)).clamp_min(-RANGE).numpy() + RANGE
    extent = (0.0, space.seconds, 0.0, space.rate / 2000)
    made = []
    for i, (values, name) in enumerate(zip(levels, whose)):
        heat = Heatmap(values, low=0.0, high=RANGE, extent=extent, upwards=True)
        last = i == len(levels) - 1
        time = Axis("seconds" if last else "", labels=None if last else ())
        made.append(Panel((heat,), name, x=time, y=Axis()))
    return grid(made, 1, 8, 0.9 * len(made) + 0.8, title, y_name="kHz")
