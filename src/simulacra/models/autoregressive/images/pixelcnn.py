"""PixelCNN and gated PixelCNN: images by masked convolutions, conditional or not.

    p(x) = prod_i p(x_i | x_1, ..., x_i-1)   in raster scan                      (1)
    y = tanh(W_f * x) . sg(W_g * x)                                              (2)
    y = tanh(W_f * x + V_f' c) . sg(W_g * x + V_g' c)   for p(x|c)               (4)

Training computes all conditionals at once. The plain network has a blind spot: some preceding pixels are
outside its receptive field at any depth. The gated one has none. Both sample from row caches, so the cost of
a pixel does not depend on the number of pixels.

Reference: van den Oord, Kalchbrenner and Kavukcuoglu, Pixel Recurrent Neural Networks, 2016; van den
Oord et al., Conditional Image Generation with PixelCNN Decoders, 2016, equations 1, 2, 4. Rows H17, H19.
"""

from __future__ import annotations

import math

from simulacra.core.spaces.plain import Space
from simulacra.models.autoregressive.images.raster import Raster, check_sizes
from simulacra.nets.autoregressive.gated_stacks import GatedStacks
from simulacra.nets.autoregressive.masked_stack import MaskedStack


class PixelCNN(Raster):
    """PixelCNN: masked convolutions in residual blocks, with the blind spot of the 2016 paper.

    Args:
        space: space of images (C, H, W); all entries have the same kind of distribution.
        layers: number of masked convolutions, including the first; the receptive field is
            `first_kernel // 2 + (layers - 1) * (kernel // 2)` rows and columns.
        channels: width inside the residual blocks; it is twice as large outside.
        kernel: side of the other convolutions, odd and at least 3.
        first_kernel: side of the first convolution, odd and at least 3.
        likelihood: distribution of an entry; `auto` takes the default of the space.
        mixtures: number of components of a `logistic-mixture`.

    Raises:
        ValueError: if x is no image, a size is out of range, or the likelihood does not fit the space.

    Example:
        >>> from simulacra.core.spaces.plain import Binary
        >>> PixelCNN(Binary((1, 5, 6)), layers=2, channels=4).sample(3, seed=0).shape
        torch.Size([3, 1, 5, 6])
    """

    def __init__(
        self,
        space: Space,
        layers: int = 7,
        channels: int = 32,
        kernel: int = 3,
        first_kernel: int = 7,
        likelihood: str = "auto",
        mixtures: int = 5,
        *,
        seed: int = 0,
    ):
        super().__init__(space, None, likelihood, mixtures)
        check_sizes(space, layers, channels, kernel, first_kernel)
        self.net = MaskedStack(*self.planes, layers, channels, kernel, first_kernel)


class GatedPixelCNN(Raster):
    """Gated PixelCNN: vertical and horizontal stack; class-conditional if `condition` is given.

    Args:
        space: space of images (C, H, W); all entries have the same kind of distribution.
        condition: space of the condition c of p(x | c); None for p(x).
        layers: number of gated layers, including the first; the receptive field is
            `first_kernel // 2 + (layers - 1) * (kernel // 2)` rows and columns.
        channels: width of each stack.
        kernel: side of the other convolutions, odd and at least 3.
        first_kernel: side of the first convolution, odd and at least 3.
        likelihood: distribution of an entry; `auto` takes the default of the space.
        mixtures: number of components of a `logistic-mixture`.

    Raises:
        ValueError: if x is no image, a size is out of range, or the likelihood does not fit the space.

    Example:
        >>> from simulacra import Categorical, Levels
        >>> model = GatedPixelCNN(Levels((3, 4, 4), 8), Categorical((), 10), layers=2, channels=6)
        >>> model.sample(2, condition=7, seed=0).shape
        torch.Size([2, 3, 4, 4])
    """

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        layers: int = 7,
        channels: int = 32,
        kernel: int = 3,
        first_kernel: int = 7,
        likelihood: str = "auto",
        mixtures: int = 5,
        *,
        seed: int = 0,
    ):
        super().__init__(space, condition, likelihood, mixtures)
        check_sizes(space, layers, channels, kernel, first_kernel)
        size = math.prod(condition.features_shape) if condition else 0
        self.net = GatedStacks(*self.planes, layers, channels, kernel, first_kernel, size)
