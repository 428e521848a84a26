"""Recurrent players for waves and sequences: an LSTM makes frames, convolutions and a GRU judge them.

    G:  (h_t, m_t) = LSTM((z_t, c), h_(t-1), m_(t-1)),   frame t = A h_t + a          t = 1 ... n     (1)
    D:  u = strided convolutions of x,   k_t = GRU(u_t, k_(t-1)),   features = k at the end           (2)

A frame is a tile of a wave or some steps of a sequence. The n frames cover T steps; steps of the last frame
beyond T are cut off. Each frame has noise z_t of its own, and frame t depends on z_1 ... z_t only. The cells,
each gate of which has its own W, U and b:

    LSTM:  i, f, o = sigmoid(W v + U h + b),   m <- f m + i tanh(W v + U h + b),   h <- o tanh(m)         (3)
    GRU:   r, s = sigmoid(W u + U k + b),   k <- (1 - s) tanh(W u + b + r (U k + b')) + s k               (4)

A penalty on the gradient of D needs the derivative of the backward pass of (4), which cuDNN does not support.
On a GPU the GRU therefore runs with the native kernels of torch; on a CPU nothing changes.

Reference: Hochreiter and Schmidhuber 1997; Cho et al. 2014; Mogren, C-RNN-GAN, 2016. Row F23.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from simulacra.core.errors.suggestion import Refusal, build_with
from simulacra.nets.adversarial.dcgan import beside
from simulacra.nets.adversarial.mlp_players import dense_layer
from simulacra.nets.adversarial.normal import needs_bias, norm
from simulacra.nets.layers import Dropout, activation

# by default: largest number of samples in a frame of a wave, and smallest number of its frames
LARGEST, FEWEST = 64, 8
STRIDE = 4  # largest stride of a convolution


class RecurrentGenerator(nn.Module):
    """Generates sequences (B, *out_shape), before output activation, from noise for each frame, equation (1).

    Args:
        latent: size of the noise of one frame.
        hidden: size of the LSTM's state, then of fully connected layers between the state and its frame.
        out_shape: (T,) of a wave, or (T, *) of a sequence of T steps.
        frame: steps of a frame; None takes `frame_of`.
        condition: number of entries of the flattened condition, which every frame sees; 0 without one.
        normalization: normalization of the fully connected layers, where each frame of a row counts as a row:
            "batch", "virtual", "layer" or "none".
        act: activation of the fully connected layers.
        reference: size of the reference batch of "virtual" normalization.

    Raises:
        ValueError: if there is no hidden size or the frame is not between 1 and T.

    Example:
        >>> G = RecurrentGenerator(3, (7,), (50,), frame=8)
        >>> G.frames, G.noise, G(torch.zeros(2, G.noise)).shape
        (7, 21, torch.Size([2, 50]))
    """

    def __init__(
        self,
        latent: int,
        hidden: Sequence[int],
        out_shape: Sequence[int],
        frame: int | None = None,
        condition: int = 0,
        normalization: str = "none",
        act: str = "relu",
        reference: int = 0,
    ):
        super().__init__()
        _check_hidden(hidden)
        self.out_shape, self.frame = tuple(out_shape), frame_of(out_shape, frame)
        self.frames = -(-out_shape[0] // self.frame)
        self.noise = self.frames * latent
        self.cell = nn.LSTM(latent + condition, hidden[0], batch_first=True)
        layers: list[nn.Module] = []
        for a, b in pairwise(hidden):
            layers += dense_layer(a, b, normalization, act, 0.0, reference * self.frames)
        self.readout = nn.Sequential(*layers, nn.Linear(hidden[-1], self.frame * math.prod(out_shape[1:])))

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns sequences for noise z (B, frames * latent) and condition features c (B, *), or None."""
        v = z.unflatten(1, (self.frames, -1))
        if c is not None:
            v = torch.cat([v, c.flatten(1).unsqueeze(1).expand(-1, self.frames, -1)], 2)
        # (1)
        h, _ = self.cell(v)
        tiles = self.readout(h.flatten(0, 1)).unflatten(0, (-1, self.frames))
        return tiles.flatten(1).unflatten(1, (-1, *self.out_shape[1:]))[:, : self.out_shape[0]]


class RecurrentCritic(nn.Module):
    """Extracts features (B, width) from sequences (B, *in_shape) and a condition (B, *), equation (2).

    Args:
        in_shape: (T,) of a wave, or (T, *) of a sequence of T steps.
        hidden: size of the GRU's state, and the width of the features.
        channels: channels of the first convolution; they double in each further one.
        frame: steps of a frame, about the product of the strides; None takes `frame_of`.
        condition: number of entries of the flattened condition, which is appended as constant channels; 0
            without one.
        normalization: normalization of all convolutions but the first: "layer", "none", "batch" or "virtual".
        act: activation of the convolutions.
        dropout: dropout rate after each activation.
        reference: size of the reference batch of "virtual" normalization.

    Example:
        >>> RecurrentCritic((50,), 7, channels=3, frame=8)(torch.zeros(2, 50)).shape
        torch.Size([2, 7])
    """

    def __init__(
        self,
        in_shape: Sequence[int],
        hidden: int,
        channels: int = 64,
        frame: int | None = None,
        condition: int = 0,
        normalization: str = "none",
        act: str = "leaky-relu-0.2",
        dropout: float = 0.0,
        reference: int = 0,
    ):
        super().__init__()
        self.width, self.strides = hidden, strides_of(frame_of(in_shape, frame))
        sizes = [math.prod(in_shape[1:]) + condition, *(channels * 2**i for i in range(len(self.strides)))]
        layers: list[nn.Module] = []
        kind = "none"
        for (a, b), s in zip(pairwise(sizes), self.strides):
            # a kernel of 3 s with padding s divides a multiple of s by s
            down = nn.Conv1d(a, b, 3 * s, s, s, bias=needs_bias(kind))
            layers += [down, norm(kind, b, 3, reference), activation(act), Dropout(dropout)]
            kind = normalization
        self.body = nn.Sequential(*layers)
        self.cell = nn.GRU(sizes[-1], hidden, batch_first=True)

    def forward(self, h: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns features (B, width) of h (B, *in_shape) and condition features c (B, *), or None."""
        x = h.flatten(2).transpose(1, 2) if h.dim() > 2 else h.unsqueeze(1)
        # zeros after the end, so that every step is seen
        x = F.pad(x, (0, -x.shape[2] % math.prod(self.strides)))
        u = self.body(beside(x, c)).transpose(1, 2)
        # (2); cuDNN's recurrent layers have no second derivative, which a gradient penalty needs
        with torch.backends.cudnn.flags(enabled=False):
            k, _ = self.cell(u)
        return k[:, -1]


def frame_of(shape: Sequence[int], frame: int | None = None) -> int:
    """Returns the steps of a frame: those given, one of a sequence (T, *), or a power of two for a wave (T,).

    A wave has at least 8 frames, of at most 64 samples, unless it is shorter than 8 samples.

    Args:
        shape: (T,) of a wave, or (T, *) of a sequence.
        frame: steps of a frame; None: the default.

    Raises:
        ValueError: if the frame is not between 1 and T.

    Example:
        >>> frame_of((1024,)), frame_of((100,)), frame_of((5,)), frame_of((100, 7)), frame_of((100,), 30)
        (64, 8, 1, 1, 30)
    """
    T = shape[0]
    if frame is None:
        return 1 if len(shape) > 1 else min(LARGEST, 2 ** (max(1, T // FEWEST).bit_length() - 1))
    if not 1 <= frame <= T:
        fits = build_with(frame_size=frame_of(shape))
        raise Refusal(f"frame_size is {frame}, but an observation has {T} steps: use {fits}.", fits)
    return frame


def strides_of(frame: int) -> list[int]:
    """Returns at least two strides of up to 4, whose product is the frame or somewhat less.

    Example:
        >>> [strides_of(frame) for frame in (64, 10, 4, 1)]
        [[4, 4, 4], [4, 2], [4, 1], [1, 1]]
    """
    strides = []
    while frame > 1:
        strides.append(min(STRIDE, frame))
        frame //= strides[-1]
    return strides + [1] * (2 - len(strides))


def recurrent_part(network: nn.Module) -> RecurrentGenerator | None:
    """Returns the recurrent generator within a network and its wrappers, or None if it has none."""
    return next((part for part in network.modules() if isinstance(part, RecurrentGenerator)), None)


def noise_size(generator: nn.Module, latent: int) -> int:
    """Returns the number of entries of the noise z: `latent`, unless a part of the generator says `noise`.

    A recurrent generator takes noise for each frame, a convolutional one of pairs takes maps of noise.

    Args:
        generator: network `(z, c) -> (B, *)`.
        latent: size of the noise, of one frame if there are frames.

    Example:
        >>> noise_size(RecurrentGenerator(3, (7,), (50,), frame=8), 3), noise_size(nn.Linear(3, 50), 3)
        (21, 3)
    """
    sizes = (getattr(part, "noise", None) for part in generator.modules())
    return next((size for size in sizes if isinstance(size, int)), latent)


def _check_hidden(hidden: Sequence[int]) -> None:
    """Raises ValueError if there is no size of the state."""
    if not hidden:
        one = build_with(hidden=(128,))
        raise Refusal(f"hidden is (), but a recurrent network needs the size of its state: use {one}.", one)
