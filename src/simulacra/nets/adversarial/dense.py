"""Applies a classifier of crops to every position of a larger image in one convolutional pass.

    fully connected layer on a map of h x w:   a convolution with a kernel of h x w                  (1)
    each later one:                            a convolution with a kernel of 1 x 1
    entry (i, j) of the map of outputs:        the classifier on the crop at (i S, j S)              (2)

S is the product of the strides of convolutions and pooling. On an image of the crop's size the map is 1 x 1
and (2) is the classifier itself; S more pixels on each side make it 2 x 2, and so on. Activations that
neighbouring crops share are computed once. Equation (2) requires layers without padding: the classifier
would see zeros at the border of a crop where the larger image has pixels.

Reference: Sermanet et al., OverFeat, 2013, figure 5. Row I14.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from simulacra.nets.layers import Dropout
from simulacra.nets.strides import convolved

Pair = tuple[int, int]
SLIDING = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)
POINTWISE = (
    *(nn.ReLU, nn.Tanh, nn.Sigmoid, nn.Softplus, nn.SiLU, nn.LeakyReLU, nn.ELU, nn.GELU),
    *(nn.BatchNorm2d, nn.Dropout, nn.Dropout2d, Dropout, nn.Identity),
)


class DenseMap(nn.Module):
    """Wraps a classifier of crops so that it returns its outputs at every position of a larger image.

    Args:
        classifier: convolutions and pooling without padding, `Flatten`, then fully connected layers, whose
            weights are shared; activations, dropout and two-dimensional batch normalization (in evaluation
            mode) may stand anywhere between.
        crop: input shape (C, H, W) of the classifier.

    Raises:
        ValueError: if a layer cannot slide over a larger image, the layers do not fit the crop, or the output
            for a crop is not a vector.

    Example:
        >>> import torch
        >>> net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(27, 10))
        >>> dense = DenseMap(net, (1, 8, 8))
        >>> dense(torch.zeros(5, 1, 8, 8)).shape, dense(torch.zeros(5, 1, 10, 12)).shape, dense.stride
        (torch.Size([5, 10, 1, 1]), torch.Size([5, 10, 2, 3]), (2, 2))
    """

    def __init__(self, classifier: nn.Sequential, crop: Sequence[int]):
        super().__init__()
        self.classifier, self.crop = classifier, tuple(crop)
        self.stride: Pair = (1, 1)
        self.kernels: dict[int, Pair] = {}  # kernel of each fully connected layer, by its number
        self._plan()

    def _plan(self) -> None:
        """Checks the layers and computes their kernels from the sides of the crop at each layer."""
        channels, *sides = self.crop
        flat = False
        for i, layer in enumerate(self.classifier):
            name = f"layer {i} ({type(layer).__name__})"
            if isinstance(layer, SLIDING) and not flat:
                sides = self._slide(layer, sides, name)
                channels = layer.out_channels if isinstance(layer, nn.Conv2d) else channels
            elif isinstance(layer, nn.Flatten):
                flat = _flattens(layer, name)
            elif isinstance(layer, nn.Linear) and flat:
                if layer.in_features != channels * math.prod(sides):
                    raise ValueError(
                        f"{name} takes {layer.in_features} features, but a crop of "
                        f"{'x'.join(map(str, self.crop))} comes there as {channels}x{sides[0]}x{sides[1]}."
                    )
                self.kernels[i] = (sides[0], sides[1])
                channels, sides = layer.out_features, [1, 1]
            elif not isinstance(layer, POINTWISE):
                raise ValueError(
                    f"{name} cannot be slid over a larger image: possible are Conv2d, MaxPool2d and "
                    "AvgPool2d, then Flatten and Linear, with activations, Dropout and BatchNorm2d between."
                )
        if not flat or max(sides) > 1:
            raise ValueError(
                f"the classifier ends with a map of {channels}x{sides[0]}x{sides[1]} for a crop of "
                f"{'x'.join(map(str, self.crop))}, but an entry of the output is one vector: end it with "
                "Flatten and Linear."
            )

    def _slide(self, layer: Any, sides: list[int], name: str) -> list[int]:
        """Returns the sides after a convolution or a pooling layer."""
        if getattr(layer, "return_indices", False):
            raise ValueError(f"{name} gives indices next to its values: take return_indices=False.")
        kernel, stride = _pair(layer.kernel_size), _pair(layer.stride)
        spread = _pair(getattr(layer, "dilation", 1))
        if layer.padding not in (0, (0, 0), "valid") or getattr(layer, "ceil_mode", False):
            raise ValueError(
                f"{name} pads what it sees, so a place within a larger image would differ from the crop "
                "there: take padding=0 and ceil_mode=False."
            )
        self.stride = (self.stride[0] * stride[0], self.stride[1] * stride[1])
        after = [convolved(n, d * (k - 1) + 1, s) for n, k, s, d in zip(sides, kernel, stride, spread)]
        if min(after) < 1:
            raise ValueError(
                f"{name} has a kernel of {kernel[0]}x{kernel[1]}, but a crop of "
                f"{'x'.join(map(str, self.crop))} comes there as {sides[0]}x{sides[1]}."
            )
        return after

    def forward(self, x: Tensor) -> Tensor:
        """Applies the classifier to all crops of images (B, C, H, W), equation (2), shape (B, outputs, h, w).

        Raises:
            ValueError: if the images have another number of channels, or are smaller than the crop.
        """
        C, H, W = self.crop
        if x.shape[1] != C or x.shape[2] < H or x.shape[3] < W:
            raise ValueError(
                f"images have shape {tuple(x.shape)}, but the classifier looks at crops of {C}x{H}x{W}: give "
                f"(B, {C}, H, W) with sides of at least {H} and {W}."
            )
        rows, columns = (convolved(n, k, s) for n, k, s in zip(x.shape[2:], (H, W), self.stride))
        for i, layer in enumerate(self.classifier):
            if isinstance(layer, nn.Linear):
                # (1)
                kernel = layer.weight.unflatten(1, (-1, *self.kernels[i]))
                x = F.conv2d(x, kernel, layer.bias)
            elif not isinstance(layer, nn.Flatten):
                x = layer(x)
        # drop a last row or column of outputs that no whole crop covers
        return x[..., :rows, :columns]


def _flattens(layer: nn.Flatten, name: str) -> bool:
    """Returns True, after checking that the layer flattens all axes but the rows.

    Raises:
        ValueError: if it keeps further axes.
    """
    if layer.start_dim != 1 or layer.end_dim not in (-1, 3):
        raise ValueError(
            f"{name} leaves axes of the crop apart, with start_dim={layer.start_dim} and "
            f"end_dim={layer.end_dim}: take Flatten()."
        )
    return True


def _pair(size: int | Pair) -> Pair:
    return size if isinstance(size, tuple) else (size, size)
