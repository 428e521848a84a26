"""Spectra of short frames of recordings, as images, with their phase kept aside.

    S_fn = sum_k w_k x_(n h + k - W/2) exp(-2 pi i f k / W),   f = 0..W/2              (1)
    l_fn = log(|S_fn| + e),   phi_fn = arg S_fn                                        (2)

w is a Hann window of W samples, frames begin h samples apart, and x is reflected at its ends. The images l go
through a model; with the phase of the recording they become a recording again, by overlapping sums that are
divided by the sum of the squared windows. Without a change the recording comes back.

Reference: Griffin and Lim 1984; Kaneko et al. 2017. Row G25.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Spectra:
    """Log spectra by equations (1) and (2), and their inverse.

    Args:
        window: samples W of a frame, even.
        hop: samples h between frames, at most half a window.
        floor: e, in units of |S|: the quietest level that the logarithm resolves.

    Raises:
        ValueError: if the window is odd, frames do not overlap by half, or the floor is not above 0.

    Example:
        >>> x = torch.linspace(0, 30, 100).sin().view(1, 100)
        >>> spectra = Spectra(window=16, hop=4)
        >>> logs, phase = spectra.of(x)
        >>> logs.shape, bool(spectra.recording(logs, phase, 100).allclose(x, atol=1e-5))
        (torch.Size([1, 1, 9, 26]), True)
    """

    window: int = 256
    hop: int = 64
    floor: float = 1e-4

    def __post_init__(self) -> None:
        if self.window < 2 or self.window % 2:
            raise ValueError(
                f"window is {self.window}, but a frame has an even number of samples, such as 256."
            )
        if not 1 <= self.hop <= self.window // 2:
            raise ValueError(
                f"hop is {self.hop}, but frames of {self.window} samples overlap by half or more: give 1 to "
                f"{self.window // 2}."
            )
        if not 0 < self.floor < float("inf"):
            raise ValueError(f"floor is {self.floor}, but the logarithm needs one above 0, such as 1e-4.")

    def of(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Returns log spectra l, shape (B, 1, W/2 + 1, N), and phases in radians, shape (B, W/2 + 1, N).

        Args:
            x: recordings of more than W/2 samples, shape (B, T); N is 1 + T // h.

        Raises:
            ValueError: if the recordings are too short.
        """
        if x.shape[-1] <= self.window // 2:
            raise ValueError(
                f"recordings of {x.shape[-1]} samples are shorter than half a window of {self.window}: give "
                "a smaller window."
            )
        # (1)
        S = torch.stft(x, self.window, self.hop, window=self._hann(x), return_complex=True)
        # (2)
        return (S.abs() + self.floor).log().unsqueeze(1), S.angle()

    def recording(self, logs: Tensor, phase: Tensor, samples: int) -> Tensor:
        """Returns recordings with these spectra, or the nearest by least squares, shape (B, T).

        Args:
            logs: log spectra, shape (B, 1, W/2 + 1, N); below log e they are silence.
            phase: phases in radians, shape (B, W/2 + 1, N).
            samples: T.
        """
        size = (logs.squeeze(1).exp() - self.floor).clamp_min(0)
        S = torch.polar(size, phase.to(size.dtype))
        return torch.istft(S, self.window, self.hop, window=self._hann(logs), length=samples)

    def through(self, change: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        """Returns recordings whose log spectra went through `change`, with the phase of x, shape (B, T).

        Args:
            change: images (B, 1, W/2 + 1, N) to images of the same shape, such as a model's `translate`.
            x: recordings, shape (B, T).

        Example:
            >>> x = torch.linspace(0, 30, 100).sin().view(1, 100)
            >>> louder = Spectra(16, 4).through(lambda logs: logs + 1, x)
            >>> round(float(louder.norm() / x.norm()), 2)  # e times as large
            2.72
        """
        logs, phase = self.of(x)
        return self.recording(change(logs), phase, x.shape[-1])

    def _hann(self, like: Tensor) -> Tensor:
        return torch.hann_window(self.window, dtype=like.dtype, device=like.device)


def over_smoothed(logs: Tensor, width: int) -> Tensor:
    """Returns means of spectra over time, as statistical synthesizers make them, shape (B, C, F, N).

    Args:
        logs: log spectra, shape (B, C, F, N).
        width: frames of the mean, odd; at the ends it runs over the frames that there are.

    Raises:
        ValueError: if the width is even or below 1.

    Example:
        >>> over_smoothed(torch.tensor([[[[0.0, 3.0, 0.0, 3.0]]]]), 3).flatten().tolist()
        [1.5, 1.0, 2.0, 1.5]
    """
    if width < 1 or width % 2 == 0:
        raise ValueError(f"width is {width}, but the mean runs over an odd number of frames, such as 9.")
    half = (0, width // 2)
    return torch.nn.functional.avg_pool2d(logs, (1, width), 1, half, count_include_pad=False)
