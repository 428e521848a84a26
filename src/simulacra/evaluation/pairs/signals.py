"""Scores of recordings and of sequences of spectra beside the truth.

    SNR   = 10 log10(|x|^2 / |y - x|^2)   in dB, of each row, x the truth                           (1)
    SSNR  = mean over frames m of clamp(10 log10(|w x_m|^2 / |w (y_m - x_m)|^2), -10, 35)           (2)

Frames have 30 ms and begin every 7.5 ms, w is a Hann window. The limits keep silent frames and perfect ones
from ruling the mean. A score of noise alone is near 0 dB by (1), and below it by (2).

    S(x)_kd = mean over rows of 20 log10(|sum_t x_td exp(-2 pi i k t / T)| + e),   k = 1..T/2       (3)
    D(x, y) = sqrt(mean_kd (S(x)_kd - S(y)_kd)^2)   in dB                                           (4)

(3) is the modulation spectrum: how fast entry d of a sequence of spectra changes. Sequences that a model has
smoothed lack its upper part, which (4) measures and a mean squared error does not.

Reference: Hansen and Pellom 1998; Pascual et al. 2017 (row G23); Takamichi et al. 2016; Kaneko et al. 2017
(row G25).
"""

from __future__ import annotations

import torch
from torch import Tensor

FRAME, STEP = 0.030, 0.0075  # seconds of a frame, and from one to the next
LOWEST, HIGHEST = -10.0, 35.0  # dB of a frame
SILENT = 1e-10  # e of equation (3), relative to the largest magnitude of the truth


def check_alike(x: Tensor, truth: Tensor) -> None:
    """Raises ValueError unless x and the truth have one shape.

    Args:
        x: answers, shape (B, *).
        truth: shape of x.
    """
    if x.shape != truth.shape:
        raise ValueError(
            f"x has shape {tuple(x.shape)}, but the truth has {tuple(truth.shape)}: pairs have one size, so "
            "cut or resize one of them first."
        )


def snr(x: Tensor, truth: Tensor) -> Tensor:
    """Returns equation (1) in dB, float64, shape (B,); infinite for equal rows.

    Args:
        x: answers, shape (B, *).
        truth: shape of x.

    Raises:
        ValueError: if the shapes differ.

    Example:
        >>> snr(torch.tensor([[1.1, 0.9]]), torch.tensor([[1.0, 1.0]])).round(decimals=3)
        tensor([20.], dtype=torch.float64)
    """
    check_alike(x, truth)
    x, truth = x.double().flatten(1), truth.double().flatten(1)
    # (1)
    return 10 * (truth.square().sum(1) / (x - truth).square().sum(1)).log10()


def segmental_snr(x: Tensor, truth: Tensor, rate: int) -> Tensor:
    """Returns equation (2) in dB, float64, shape (B,).

    A recording that is shorter than a frame is one frame.

    Args:
        x: waves, shape (B, T).
        truth: shape of x.
        rate: number of samples a second.

    Raises:
        ValueError: if the shapes differ, or are no waves.

    Example:
        >>> wave = (torch.arange(800) / 8).sin().unsqueeze(0)
        >>> segmental_snr(1.1 * wave, wave, 8000).round(decimals=3)
        tensor([20.], dtype=torch.float64)
    """
    check_alike(x, truth)
    if x.dim() != 2 or not x.shape[1]:
        raise ValueError(f"x has shape {tuple(x.shape)}, but waves have (B, T): give x[None] for one wave.")
    length = min(max(1, round(FRAME * rate)), x.shape[1])
    frames = [t.double().unfold(1, length, max(1, round(STEP * rate))) for t in (truth, x - truth)]
    # without the zeros at both ends
    w = torch.hann_window(length + 2, periodic=False, dtype=torch.float64, device=x.device)[1:-1]
    signal, wrong = ((w * t).square().sum(-1) for t in frames)
    # (2): a silent frame is at the lower limit, unless the answer is silent, too
    ratio = torch.where(wrong > 0, signal / wrong, torch.full_like(wrong, torch.inf))
    return (10 * ratio.log10()).clamp(LOWEST, HIGHEST).mean(1)


def modulation_spectrum(x: Tensor, least: float = 0.0) -> Tensor:
    """Returns equation (3) in dB, float64, shape (T // 2, D).

    Args:
        x: sequences of spectra, time before the entries, shape (B, T, D), T at least 2.
        least: e, in units of the magnitudes.

    Raises:
        ValueError: if x is of another shape.

    Example:
        >>> x = torch.tensor([1.0, -1.0, 1.0, -1.0]).view(1, 4, 1)
        >>> modulation_spectrum(x, 1e-9).round(decimals=2).flatten().tolist()  # it changes every frame
        [-180.0, 12.04]
    """
    if x.dim() != 3 or x.shape[1] < 2:
        raise ValueError(
            f"x has shape {tuple(x.shape)}, but sequences of spectra have (B, T, D) with T at least 2: "
            "give x[None] for one sequence."
        )
    # (3), without the mean over time, which is no change
    return 20 * (torch.fft.rfft(x.double(), dim=1)[:, 1:].abs() + least).log10().mean(0)


def modulation_distance(x: Tensor, truth: Tensor) -> Tensor:
    """Returns equation (4) in dB, float64, shape (); it compares laws, so that rows need not belong together.

    Args:
        x: sequences of spectra, shape (B, T, D).
        truth: sequences of the same T and D, shape (N, T, D).

    Raises:
        ValueError: if the sequences are of other lengths, or no sequences.

    Example:
        >>> x = torch.randn(5, 8, 3, generator=torch.Generator().manual_seed(0))
        >>> modulation_distance(10 * x, x).round(decimals=3).item()
        20.0
    """
    if x.shape[1:] != truth.shape[1:]:
        raise ValueError(
            f"x has sequences of shape {tuple(x.shape[1:])}, but the truth has {tuple(truth.shape[1:])}: "
            "cut both to one length."
        )
    least = SILENT * float(truth.abs().max())
    both = [modulation_spectrum(t, max(least, 1e-300)) for t in (x, truth)]
    # (4)
    return (both[0] - both[1]).square().mean().sqrt()
