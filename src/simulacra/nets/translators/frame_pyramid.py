"""The next frame from coarse to fine: each scale adds details to the enlarged frame of the coarser one.

    x^_N = l_N + G_N(c_N)                                                                    coarsest      (1)
    x^_k = up(x^_{k+1}) + [l_k - up(l_{k+1})] + G_k(c_k, up(x^_{k+1}))       k = N - 1 ... 1      (2)

c_k are the frames before at scale k, and l_k the last of them; sides halve from scale to scale, rounded up.
With the brackets of (2) and l_N networks that are 0 repeat the last frame exactly, at every scale; without
them (`skip=False`) the pyramid is that of the paper. `up` is linear. The last layer of each network begins
at 0.

Reference: Mathieu, Couprie and LeCun 2015, section 3.2. Row G26.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from simulacra.nets.maps import interpolated, resized, with_maps
from simulacra.nets.translators.residual import Residual
from simulacra.nets.translators.strided import halved


def enlarged(h: Tensor, sides: Sequence[int]) -> Tensor:
    """Returns maps with larger sides by linear interpolation, shape (B, C, *sides).

    Args:
        h: maps, shape (B, C, *).
        sides: sides of the result.

    Example:
        >>> import torch
        >>> enlarged(torch.tensor([[[0.0, 4.0]]]), (4,)).tolist()
        [[[0.0, 1.0, 3.0, 4.0]]]
    """
    return interpolated(h, sides)


class FramePyramid(nn.Module):
    """Maps the frames before (B, n C, *sides) to the next frame (B, C, *sides) by (1) and (2).

    Args:
        out_shape: shape of a frame, (C, *sides).
        frames: number n of the frames before.
        scales: number N of scales.
        channels: channels of the hidden layers.
        blocks: residual blocks of each scale.
        skip: if True, the last frame is carried along.

    Example:
        >>> import torch
        >>> net = FramePyramid((1, 7, 6), frames=3, scales=2, channels=4, blocks=1)
        >>> [h.shape[2:] for h in net.at_scales(torch.zeros(2, 3, 7, 6))]
        [torch.Size([7, 6]), torch.Size([4, 3])]
    """

    def __init__(
        self,
        out_shape: Sequence[int],
        frames: int,
        scales: int = 2,
        channels: int = 32,
        blocks: int = 2,
        skip: bool = True,
    ):
        super().__init__()
        self.channels, *sides = out_shape
        self.sides, self.skip = [halved(sides, k) for k in range(scales)], skip
        C, n = self.channels, self.channels * frames
        ins = [n + C] * (scales - 1) + [n]
        self.nets = nn.ModuleList(
            Residual(a, (C, *size), 0, channels, 0, blocks, normalization="none")
            for a, size in zip(ins, self.sides)
        )
        self.apply(_begin)
        for net in self.nets:
            # it begins as the last frame
            nn.init.zeros_(net.end.weight)  # type: ignore[union-attr, arg-type]

    def shrunken(self, h: Tensor) -> list[Tensor]:
        """Returns maps at all scales, the finest first.

        Args:
            h: maps at the finest scale, shape (B, K, *sides).
        """
        return [resized(h, sides) for sides in self.sides]

    def at_scales(self, c: Tensor) -> list[Tensor]:
        """Returns x^_1 ... x^_N, the finest first, each of shape (B, C, *).

        Args:
            c: the frames before, shape (B, n C, *sides).
        """
        z, given = c.new_zeros(c.shape[0], 0), self.shrunken(c)
        last = [h[:, -self.channels :] for h in given]
        # (1)
        found = [self.nets[-1](z, given[-1])]
        if self.skip:
            found[0] = found[0] + last[-1]
        for k in reversed(range(len(given) - 1)):
            # (2)
            coarse = enlarged(found[0], self.sides[k])
            x = coarse + self.nets[k](z, with_maps(given[k], coarse))
            if self.skip:
                x = x + last[k] - enlarged(last[k + 1], self.sides[k])
            found.insert(0, x)
        return found

    def forward(self, z: Tensor, c: Tensor) -> Tensor:
        """Returns x^_1, shape (B, C, *sides); z is not used."""
        return self.at_scales(c)[0]


def _begin(layer: nn.Module) -> None:
    """Initializes a convolution as torch does: without normalization N(0, 0.02) lets signals die out."""
    if isinstance(layer, nn.modules.conv._ConvNd):
        layer.reset_parameters()
        nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
