"""WaveNet: a stack of dilated causal convolutions for series such as audio, conditional or not.

    p(x|c) = prod_t p(x_t | x_1, ..., x_t-1, c)                                  (1)
    z = tanh(W_f * h + V_f' c) . sg(W_g * h + V_g' c)                            (2)
    z = tanh(W_f * h + V_f * c) . sg(W_g * h + V_g * c)                          (3)

Dilations 1, 2, 4, ... double the receptive field with each layer; several blocks of them make the network
deeper. A condition is global, such as a speaker (2), or a series of frames, such as phonemes (3). Sampling
keeps the features that later entries need in queues: an entry costs O(layers), whatever the receptive field.

Quantize 16-bit audio to 256 levels with the mu-law first; each level is then one class of a softmax.

Reference: van den Oord et al., WaveNet: A Generative Model for Raw Audio, 2016, equations 1 to 3.
Rows H18, H19.
"""

from __future__ import annotations

import math

from torch import Tensor

from simulacra.core.spaces.codes import codes_of
from simulacra.core.spaces.plain import Space
from simulacra.models.autoregressive.codes import Coded, softmax_of_few
from simulacra.nets.autoregressive.dilated import Column, DilatedStack


class WaveNet(Coded):
    """WaveNet: dilated causal convolutions with gates, globally or locally conditional.

    Args:
        space: space of series (T,); all entries have the same kind of distribution. Entries of up to 256
            values
            have embeddings.
        condition: space of the condition c of p(x | c); None for p(x). A space of shape (C, frames) is a
            series
            of frames that last T / frames entries each; any other is constant over time.
        blocks: number of blocks of layers, which all have the same dilations.
        layers: number of layers in a block, with dilations 1, 2, 4, ..., 2^(layers - 1).
        channels: width of the residual and of the gated features.
        skip_channels: width of the summed skip connections and of the layer after them.
        likelihood: distribution of an entry; `auto` takes `categorical` for up to 256 levels, otherwise
            the default of the space.
        mixtures: number of components of a `logistic-mixture`.

    Raises:
        ValueError: if x is no series, the number of frames does not divide its length, a size is below 1, or
            the
            likelihood does not fit the space.

    Example:
        >>> from simulacra import Categorical, Levels
        >>> model = WaveNet(Levels((50,), 256), Categorical((), 3), blocks=2, layers=3, channels=4)
        >>> model.receptive_field
        16
        >>> model.sample(2, condition=1, seed=0).shape
        torch.Size([2, 50])
    """

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        blocks: int = 3,
        layers: int = 10,
        channels: int = 32,
        skip_channels: int = 64,
        likelihood: str = "auto",
        mixtures: int = 5,
        *,
        seed: int = 0,
    ):
        _check_series(space, condition)
        sizes = {"blocks": blocks, "layers": layers, "channels": channels, "skip_channels": skip_channels}
        for name, value in sizes.items():
            if value < 1:
                raise ValueError(f"{name} is {value}, but it must be at least 1.")
        super().__init__(space, condition, softmax_of_few(space, likelihood), mixtures)
        self.codes = codes_of(space)
        size = math.prod(condition.features_shape) // _frames(condition) if condition else 0
        self.net = DilatedStack(self.codes, self.per_entry, **sizes, condition=size)

    @property
    def receptive_field(self) -> int:
        """Number of preceding entries that an entry depends on: 2 + blocks (2^layers - 1)."""
        return self.net.reach

    @property
    def any_width(self) -> bool:
        """True unless the condition is a series of frames, which divide the whole row evenly."""
        return self.condition is None or _frames(self.condition) == 1

    def parameters_of(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns the distribution parameters of each entry given the preceding ones, shape (B, P, T).

        Args:
            x: observations, shape (B, *).
            c: conditions, shape (B, *), or None.
        """
        return self.net(self.inputs(x), self._given(c)).transpose(1, 2)

    def begin(self, n: int, c: Tensor | None = None) -> Column:
        """Returns the sampling state before the first entry.

        Args:
            n: number of rows.
            c: conditions, shape (n, *), or None.
        """
        return self.net.begin(n, self.space.dims, self._given(c))

    def _given(self, c: Tensor | None) -> Tensor | None:
        """Returns the condition as frames, shape (B, frames, size), or None."""
        if self.condition is None or c is None:
            return None
        f = self.condition.features(c, self.dtype)
        return f.reshape(f.shape[0], -1, _frames(self.condition)).transpose(1, 2)


def _frames(condition: Space) -> int:
    """Returns the number of frames of a condition; 1 if it is constant over time."""
    return condition.shape[1] if len(condition.shape) == 2 else 1


def _check_series(space: Space, condition: Space | None) -> None:
    """Raises ValueError unless x is a series and the number of frames divides its length."""
    if len(space.shape) != 1:
        raise ValueError(
            f"WaveNet draws series (T,), but the space is {space}: give x that shape, such as (16000,), "
            "or take a model for images such as GatedPixelCNN."
        )
    if condition is not None and space.dims % _frames(condition):
        raise ValueError(
            f"the condition has {_frames(condition)} frames, but x has {space.dims} entries, which is no "
            "multiple of it, and all frames have the same length: choose another number of frames, or give a "
            "condition that is constant over time another shape than (C, frames)."
        )
