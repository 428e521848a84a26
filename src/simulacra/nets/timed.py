"""Networks of a noisy observation and its time: fully connected, or a U-net of images and series.

    features of u in [0, 1]:   sin(w_k u), cos(w_k u),   w_k from 1 to 1,000 in equal ratios              (1)
    features of h:             h, sin(2^k h), cos(2^k h),   k = 0, 1, ...                                 (2)

A fully connected network learns slowly what changes over small distances, such as a thin curve in the plane.
The features (2) bring these scales to its input.

A condition that is an image or a recording lies beside x_t in a U-net: its maps, brought to the sides of x_t,
are further channels (Saharia et al. 2022). Other conditions stand beside the time, as one vector.

Reference: Vaswani et al. 2017; Ho, Jain and Abbeel 2020; Tancik et al. 2020 and Kingma et al. 2021 (2);
Saharia et al., Palette: Image-to-Image Diffusion Models, 2022.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from simulacra.core.errors.suggestion import Refusal, build_with
from simulacra.core.spaces.composite import Sequence as Steps
from simulacra.core.spaces.paired import LONG, map_shape, observed
from simulacra.core.spaces.plain import Space
from simulacra.nets.maps import with_maps
from simulacra.nets.mlp import mlp
from simulacra.nets.unet import UNet

WAVES, FASTEST = 16, 1000.0  # number of w_k, and the largest
OCTAVES, SMALL = 4, 64  # number of k in equation (2), for vectors of at most so many entries
SIDE = 16  # smallest side of images for which `auto` takes a U-net


def time_features(u: Tensor, fastest: float = FASTEST) -> Tensor:
    """Returns the features of equation (1), shape (B, 2 WAVES).

    Args:
        u: times from 0 to 1, shape (B, 1).
        fastest: largest w_k.

    Example:
        >>> time_features(torch.zeros(3, 1)).shape
        torch.Size([3, 32])
    """
    # (1)
    w = torch.logspace(0, math.log10(fastest), WAVES, dtype=u.dtype, device=u.device)
    return torch.cat([(w * u).sin(), (w * u).cos()], 1)


def octaves(h: Tensor, n: int) -> Tensor:
    """Returns the features of equation (2), shape (B, (2 n + 1) d).

    Args:
        h: vectors, shape (B, d).
        n: number of octaves; 0: h alone.

    Example:
        >>> octaves(torch.zeros(3, 2), 4).shape
        torch.Size([3, 18])
    """
    # (2)
    waves = [wave(2.0**k * h) for k in range(n) for wave in (torch.sin, torch.cos)]
    return torch.cat([h, *waves], 1)


class TimedMLP(nn.Module):
    """Maps vectors (B, d), times (B, 1) and a condition (B, *) to (B, outputs, d).

    Args:
        size: d.
        outputs: numbers for each entry.
        hidden: sizes of the hidden layers.
        condition: number of entries of the condition; 0 without one.
        fastest: largest w_k of equation (1).
        n: number of octaves of equation (2).
    """

    def __init__(
        self,
        size: int,
        outputs: int,
        hidden: Sequence[int],
        condition: int = 0,
        fastest: float = FASTEST,
        n: int = 0,
    ):
        super().__init__()
        self.shape, self.fastest, self.n = (outputs, size), fastest, n
        given = (2 * n + 1) * size + 2 * WAVES + condition
        self.body = mlp([given, *hidden, outputs * size], "silu")
        nn.init.zeros_(self.body[-1].weight)  # type: ignore[arg-type]
        nn.init.zeros_(self.body[-1].bias)  # type: ignore[arg-type]

    def forward(self, h: Tensor, u: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns outputs (B, outputs, d) for h (B, d), times u (B, 1) and a condition c (B, *), or None."""
        given = [] if c is None else [c]
        features = torch.cat([octaves(h, self.n), time_features(u, self.fastest), *given], 1)
        return self.body(features).unflatten(1, self.shape)


class TimedUNet(nn.Module):
    """Maps flattened images (B, d), times (B, 1) and a condition (B, *) to (B, outputs, d) by a U-net.

    Args:
        shape: channels and sides of one image or series; (T,) for a recording.
        outputs: numbers for each entry.
        channels: channels at each resolution.
        condition: number of entries of the condition; 0 without one.
        fastest: largest w_k.
        beside: space of a condition whose features, the first entries of c, are further channels of x_t;
            None: all entries of c stand beside the time.
    """

    def __init__(
        self,
        shape: Sequence[int],
        outputs: int,
        channels: Sequence[int],
        condition: int = 0,
        fastest: float = FASTEST,
        beside: Space | None = None,
    ):
        super().__init__()
        self.shape = tuple(shape) if len(shape) > 1 else (1, *shape)
        self.outputs, self.fastest, self.beside = outputs, fastest, beside
        self.entries, more = 0, 0
        if beside is not None:
            self.entries, more = math.prod(beside.features_shape), map_shape(beside, self.dims)[0]
        given = 2 * WAVES + condition - self.entries
        self.body = UNet(self.shape[0] + more, outputs * self.shape[0], channels, given, self.dims)

    @property
    def dims(self) -> int:
        """Number of sides of x."""
        return len(self.shape) - 1

    def maps(self, f: Tensor) -> Tensor:
        """Returns features of the condition as maps, shape (B, K, *sides of c).

        Args:
            f: features, shape (B, entries).
        """
        assert self.beside is not None
        h = f.unflatten(1, self.beside.features_shape or (1,))
        # steps are a side where x has as many sides, else channels
        h = h.movedim(1, 2) if isinstance(self.beside, Steps) and h.dim() > 2 else h
        return h.reshape(f.shape[0], -1, *h.shape[h.dim() - self.dims :])

    def forward(self, h: Tensor, u: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns outputs (B, outputs, d) for h (B, d), times u (B, 1) and a condition c (B, *), or None."""
        times, image = time_features(u, self.fastest), h.unflatten(1, self.shape)
        if c is not None and self.entries:
            image, c = with_maps(image, self.maps(c[:, : self.entries])), c[:, self.entries :]
        given = times if c is None else torch.cat([times, c], 1)
        return self.body(image, given).flatten(1).unflatten(1, (self.outputs, -1))


def lies_beside(condition: Space | None, shape: Sequence[int]) -> bool:
    """Returns True if a condition can lie beside x as maps: an observation with at least as many sides.

    Args:
        condition: space of the condition, or None.
        shape: shape of one observation; (T,) for a recording.

    Example:
        >>> from simulacra.core.spaces.plain import Levels, Real
        >>> lies_beside(Levels((1, 4, 4), 256), (3, 8, 8)), lies_beside(Real((3,)), (3, 8, 8))
        (True, False)
    """
    dims = max(len(shape) - 1, 1)
    if condition is None or not observed(condition) or not 1 <= len(shape) <= 4:
        return False
    return len(map_shape(condition)) - 1 >= dims


def build_timed(
    shape: Sequence[int],
    outputs: int,
    net: str,
    hidden: tuple[int, ...] | None,
    condition: int,
    fastest: float = FASTEST,
    fine: bool = False,
    beside: Space | None = None,
) -> nn.Module:
    """Builds a network by name.

    Args:
        shape: shape of one observation.
        outputs: numbers for each entry.
        net: `mlp` or `unet`; `auto` takes `unet` for images with sides of at least 16, for others only if a
            condition lies beside them, and for recordings from 64 samples on.
        hidden: sizes of the hidden layers, or channels at each resolution; None: (256, 256), of images
            (512, 512, 512), or (32, 64, 64).
        condition: number of entries of the condition; 0 without one.
        fastest: largest w_k of equation (1).
        fine: True if entries differ by any amount, as bits do not: an `mlp` of at most 64 entries then has
            the features of equation (2).
        beside: space of a condition that lies beside x in a `unet`, if it has its sides; None: one vector.

    Raises:
        ValueError: if the network is unknown or does not fit the shape, or a size is below 1.
    """
    laid = lies_beside(beside, shape)
    image = (len(shape) == 3 and shape[0] in (1, 3)) or laid
    large = min(shape[1:] or shape, default=0) >= (SIDE if len(shape) > 1 else LONG)
    net = ("unet" if image and large else "mlp") if net == "auto" else net
    if net not in ("mlp", "unet"):
        raise ValueError(f"net is {net!r}; possible are 'auto', 'mlp' and 'unet'.")
    usual = (32, 64, 64) if net == "unet" else (512, 512, 512) if len(shape) == 3 else (256, 256)
    sizes = usual if hidden is None else hidden
    if not sizes or min(sizes) < 1:
        raise ValueError(
            f"hidden is {tuple(sizes)}, but it holds one or more sizes from 1, such as (64, 64)."
        )
    if net == "mlp":
        size = math.prod(shape)
        n = OCTAVES if fine and size <= SMALL else 0
        return TimedMLP(size, outputs, sizes, condition, fastest, n)
    if not (2 <= len(shape) <= 4 or laid):
        plain = build_with(net="mlp")
        raise Refusal(
            f"net is 'unet', but the shape is {tuple(shape)} and not (C, H, W): give {plain}.", plain
        )
    return TimedUNet(shape, outputs, sizes, condition, fastest, beside if laid else None)
