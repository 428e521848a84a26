"""The shared base of image models in raster scan: pixel by pixel, and R, then G, then B within a pixel.

    p(x) = prod_i p(x_iR | x_<i) p(x_iG | x_<i, x_iR) p(x_iB | x_<i, x_iR, x_iG)        (2)

Reference: van den Oord, Kalchbrenner and Kavukcuoglu, Pixel Recurrent Neural Networks, 2016,
equations 1 and 2. Rows H16, H17, H19.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from simulacra.core.spaces.plain import Space
from simulacra.models.autoregressive.ordered import Ordered
from simulacra.nets.autoregressive.raster import RasterNet, Row, Taps, drawn


@dataclass(frozen=True)
class Pixel:
    """The sampling state: the current row and the next pixel.

    Args:
        row: cached features of the current row and the rows above.
        x: features of the pixel, zero for channels not yet drawn, shape (B, C, F).
        taps: inputs of each layer of the network at the pixel.
        parameters: distribution parameters of the pixel's channels, shape (B, C, P).
    """

    row: Row
    x: Tensor
    taps: Taps
    parameters: Tensor


class Raster(Ordered):
    """Abstract base of models with equation (2); subclasses set `net`.

    Args:
        space: space of images (C, H, W) with any C; all entries have the same kind of distribution.
        condition: space of the condition c of p(x | c); None for p(x).
        likelihood: distribution of an entry; `auto` takes the default of the space.
        mixtures: number of components of a mixture likelihood.

    Raises:
        ValueError: if x is no image, or the likelihood does not fit the space.
    """

    net: RasterNet

    def __init__(self, space: Space, condition: Space | None, likelihood: str, mixtures: int):
        if len(space.shape) != 3:
            raise ValueError(
                f"{type(self).__name__} draws images (C, H, W), but the space is {space}: give x that "
                "shape, such as (1, 28, 28), or take a model for vectors such as MADE."
            )
        super().__init__(space, condition, likelihood, mixtures)
        self.ordering = raster_order(space.shape)
        self._entry = replace(space, shape=())
        self._codes = space.features_shape[0] if len(space.features_shape) > 3 else 1

    @property
    def planes(self) -> tuple[int, int, int]:
        """Channels of a pixel, input planes of each channel, and output planes of each channel."""
        return self.space.shape[0], self._codes, self.per_entry

    def parameters_of(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns the distribution parameters of each entry given the preceding ones, (B, P, C, H, W).

        Args:
            x: observations, shape (B, *).
            c: conditions, shape (B, *), or None.
        """
        f = self.features(x).reshape(x.shape[0], self._codes, *self.space.shape)
        out = self.net(f.permute(0, 3, 4, 2, 1).flatten(3), self._given(c))
        return out.unflatten(3, (self.space.shape[0], self.per_entry)).permute(0, 4, 3, 1, 2)

    def begin(self, n: int, c: Tensor | None = None) -> Pixel:
        """Returns the sampling state before the top left pixel.

        Args:
            n: number of rows.
            c: conditions, shape (n, *), or None.
        """
        colours, _, width = self.space.shape
        blank = torch.zeros(n, 1, width, colours * self._codes, dtype=self.dtype, device=self.device)
        return self._at(self.net.first_row(blank, self._given(c)), blank[:, 0, 0])

    def next_parameters(self, state: Pixel, t: int) -> Tensor:
        """Returns the distribution parameters of entry o(t), shape (B, P).

        Args:
            state: state before the entry.
            t: position of the entry in the order, from 0.
        """
        return state.parameters[:, t % self.space.shape[0]]

    def advance(self, state: Pixel, t: int, value: Tensor) -> Pixel:
        """Returns the state after entry o(t) took `value`, shape (B,).

        Args:
            state: state before the entry.
            t: position of the entry in the order, from 0.
            value: values of the entry, shape (B,).
        """
        colours, _, width = self.space.shape
        if t + 1 == self.space.dims:
            return state
        x = state.x.clone()
        x[:, t % colours] = self._entry.features(value, self.dtype).reshape(value.shape[0], self._codes)
        if (t + 1) % colours:
            return self._at(state.row, x.flatten(1))
        # layers after the first do not depend on the last channel, because of the type A mask
        row = drawn(state.row, state.taps, x.flatten(1))
        row = self.net.next_row(row) if len(row.left) == width else row
        return self._at(row, torch.zeros_like(x).flatten(1))

    def _at(self, row: Row, x: Tensor) -> Pixel:
        taps, out = self.net.pixel(row, x)
        colours = self.space.shape[0]
        return Pixel(row, x.unflatten(1, (colours, -1)), taps, out.unflatten(1, (colours, self.per_entry)))

    def _given(self, c: Tensor | None) -> Tensor | None:
        if self.condition is None or c is None:
            return None
        return self.condition.vectors(c, self.dtype)


def raster_order(shape: tuple[int, ...]) -> Tensor:
    """Returns the flat indices of the entries (C, H, W) in raster order: row, pixel, channel.

    Example:
        >>> raster_order((3, 1, 2)).tolist()
        [0, 2, 4, 1, 3, 5]
    """
    return torch.arange(math.prod(shape)).view(shape).permute(1, 2, 0).flatten()


def check_sizes(space: Space, layers: int, channels: int, kernel: int, first_kernel: int) -> None:
    """Raises ValueError if a size is not possible for a masked network.

    Args:
        space: space of images.
        layers: number of layers; at least 1.
        channels: width of the layers; at least the number of channels of x.
        kernel: side of the convolutions; odd and at least 3.
        first_kernel: side of the first convolution; odd and at least 3.
    """
    if layers < 1:
        raise ValueError(f"layers is {layers}, but the network needs at least its first convolution.")
    if channels < space.shape[0]:
        raise ValueError(
            f"channels is {channels}, but each of the {space.shape[0]} channels of x needs at least one."
        )
    for name, size in (("kernel", kernel), ("first_kernel", first_kernel)):
        if size < 3 or size % 2 == 0:
            raise ValueError(f"{name} is {size}, but a masked convolution has an odd side from 3 up.")
