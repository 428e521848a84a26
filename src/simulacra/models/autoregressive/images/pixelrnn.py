"""PixelRNN: images by recurrent layers, Row LSTM or Diagonal BiLSTM.

    p(x) = prod_i p(x_i | x_1, ..., x_i-1)   in raster scan                      (1)
    [o, f, i, g] = K_ss * h_before + K_is * x                                    (3)

The Row LSTM runs from row to row: its receptive field is a triangle of the pixels above. The Diagonal BiLSTM
runs along the diagonals from both sides: its receptive field is all preceding pixels (one exception: see
`nets.autoregressive.recurrent_raster`).

Reference: van den Oord, Kalchbrenner and Kavukcuoglu, Pixel Recurrent Neural Networks, 2016,
equations 1 to 3. Rows H16, H19.
"""

from __future__ import annotations

from typing import Literal

from simulacra.core.spaces.plain import Space
from simulacra.models.autoregressive.images.raster import Raster, check_sizes
from simulacra.nets.autoregressive.recurrent_raster import RecurrentStack


class PixelRNN(Raster):
    """PixelRNN: a masked convolution, then recurrent layers over rows or diagonals.

    Args:
        space: space of images (C, H, W); all entries have the same kind of distribution.
        recurrence: `row` for Row LSTM, `diagonal` for Diagonal BiLSTM.
        layers: number of recurrent layers.
        channels: size of the recurrent states; the features between the layers are twice as wide.
        kernel: width of the Row LSTM's convolutions, odd and at least 3; the Diagonal BiLSTM has none.
        first_kernel: side of the first convolution, odd and at least 3.
        likelihood: distribution of an entry; `auto` takes the default of the space.
        mixtures: number of components of a `logistic-mixture`.

    Raises:
        ValueError: if x is no image, a size is out of range, or the likelihood does not fit the space.

    Example:
        >>> from simulacra.core.spaces.plain import Binary
        >>> PixelRNN(Binary((1, 5, 6)), layers=1, channels=4).sample(3, seed=0).shape
        torch.Size([3, 1, 5, 6])
    """

    def __init__(
        self,
        space: Space,
        recurrence: Literal["row", "diagonal"] = "diagonal",
        layers: int = 2,
        channels: int = 16,
        kernel: int = 3,
        first_kernel: int = 7,
        likelihood: str = "auto",
        mixtures: int = 5,
        *,
        seed: int = 0,
    ):
        super().__init__(space, None, likelihood, mixtures)
        if recurrence not in ("row", "diagonal"):
            raise ValueError(f"recurrence is {recurrence!r}: 'row' or 'diagonal'.")
        check_sizes(space, layers, channels, kernel, first_kernel)
        width = kernel if recurrence == "row" else None
        self.net = RecurrentStack(*self.planes, layers, channels, width, first_kernel)
