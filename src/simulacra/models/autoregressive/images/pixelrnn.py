"""Images by recurrence: PixelRNN with Row LSTM or Diagonal BiLSTM layers.

    p(x) = prod_i p(x_i | x_1, ..., x_i-1)   in raster scan                      (1)
    [o, f, i, g] = K_ss * h_before + K_is * x                                    (3)

The Row LSTM runs down the rows: it sees a triangle of the pixels above. The Diagonal BiLSTM runs along
the diagonals from both sides: it sees the pixels before, however far (one exception: see
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
        space: images (C, H, W) of entries of one kind.
        recurrence: `row` for Row LSTM, `diagonal` for Diagonal BiLSTM.
        layers: recurrent layers.
        channels: size of their states; twice as much outside.
        kernel: width of the Row LSTM's convolutions, odd; the Diagonal BiLSTM has none.
        first_kernel: side of the first convolution, odd.
        likelihood: distribution of an entry; `auto` takes the space's first.
        mixtures: components of a `logistic-mixture`.

    Raises:
        ValueError: if x is no image, or a size or the observation does not fit it.

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
