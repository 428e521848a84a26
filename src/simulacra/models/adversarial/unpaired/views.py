"""Features of an observation for the networks of a game between domains, and the way back.

    images       h = features of x, in [-1, 1] if they have bounds;   the way back is the inverse
    recordings   h_fn = (l_fn - m_f) / s,   l the log spectrum of x;  back with the phase of x         (1)

m_f is the mean of bin f over the training rows, s one deviation for all bins, so that a tilt of the spectrum
keeps its shape. Bins are channels, as in Kaneko and Kameoka's networks, which convolve over time alone: the
translation may depend on the frequency.

Reference: Kaneko and Kameoka 2017, section 3; Griffin and Lim 1984. Rows G24, G29.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from simulacra.core.numerics.spectra import Spectra
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Real, Space
from simulacra.core.spaces.smooth import unbounded
from simulacra.core.updates import Source

MEASURED = 1000  # training rows that give the mean and deviation of spectra


class PlainView(nn.Module):
    """Features of observations, in [-1, 1] where they have bounds.

    Args:
        space: space of one observation.
    """

    def __init__(self, space: Space):
        super().__init__()
        self.space, self.bounded = space, not unbounded(space)
        self.shape = tuple(space.features_shape)

    def forward(self, x: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor | None]:
        """Returns h, shape (B, *features_shape), and None.

        Args:
            x: observations, shape (B, *).
            dtype: floating-point type of h.
        """
        h = self.space.features(x, dtype)
        return (2 * h - 1 if self.bounded else h), None

    def back(self, h: Tensor, rest: Tensor | None) -> Tensor:
        """Returns observations in the units of x, rounded where x has levels, shape (B, *).

        Args:
            h: what the networks see, shape (B, *features_shape).
            rest: None.
        """
        x = self.space.from_features((h + 1) / 2 if self.bounded else h)
        return x if isinstance(self.space, Real) else x.round()


class SpectralView(nn.Module):
    """Log spectra of recordings by equation (1), and their phase.

    Args:
        samples: T, samples of a recording.
        spectra: window, hop and floor.

    Example:
        >>> view = SpectralView(100, Spectra(16, 4))
        >>> x = torch.linspace(0, 30, 100).sin().view(1, 100)
        >>> h, phase = view(x, x.dtype)
        >>> view.shape, bool(view.back(h, phase).allclose(x, atol=1e-5))
        ((9, 26), True)
    """

    mean: Tensor
    deviation: Tensor
    bounded = False

    def __init__(self, samples: int, spectra: Spectra):
        super().__init__()
        self.samples, self.spectra = samples, spectra
        bins = spectra.window // 2 + 1
        self.shape = (bins, 1 + samples // spectra.hop)
        self.register_buffer("mean", torch.zeros(bins, 1))
        self.register_buffer("deviation", torch.ones(()))

    def forward(self, x: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Returns h and the phase, both of shape (B, W/2 + 1, N).

        Args:
            x: recordings, shape (B, T).
            dtype: floating-point type of h.
        """
        logs, phase = self.spectra.of(x.to(dtype))
        # (1)
        return (logs.squeeze(1) - self.mean) / self.deviation, phase

    def back(self, h: Tensor, rest: Tensor | None) -> Tensor:
        """Returns recordings with these spectra, shape (B, T).

        Args:
            h: standardized log spectra, shape (B, W/2 + 1, N).
            rest: the phase, shape (B, W/2 + 1, N).
        """
        assert rest is not None
        logs = (h * self.deviation + self.mean).unsqueeze(1)
        return self.spectra.recording(logs, rest, self.samples).clamp(-1, 1)

    def fit(self, x: Tensor) -> None:
        """Sets mean and deviation by the log spectra of recordings.

        Args:
            x: recordings, shape (B, T).
        """
        logs, _ = self.spectra.of(x.to(self.mean.dtype))
        self.mean.copy_(logs.mean((0, 3)).view_as(self.mean))
        apart = (logs.squeeze(1) - self.mean).square().mean().sqrt()
        self.deviation.copy_(torch.where(apart > 0, apart, torch.ones_like(apart)))


def fit_view(model: Any, source: Source, rng: Rng) -> None:
    """Sets the scale of spectra by training rows of both domains; the start of a stage.

    Args:
        model: a model with a `view`.
        source: the training split.
        rng: chooses the rows.
    """
    if isinstance(model.view, SpectralView):
        n = min(MEASURED, len(source))
        rows = rng.on(range(n))
        chosen = rng.permutation("measured", len(source))[:n]
        model.view.fit(source.batch(chosen, rows).to(model.device).x)
