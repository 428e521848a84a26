"""Series, such as sound: WaveNet, a stack of dilated causal convolutions, conditional or not.

    p(x|c) = prod_t p(x_t | x_1, ..., x_t-1, c)                                  (1)
    z = tanh(W_f * h + V_f' c) . sg(W_g * h + V_g' c)                            (2)
    z = tanh(W_f * h + V_f * c) . sg(W_g * h + V_g * c)                          (3)

Dilations 1, 2, 4, ... double what is seen with each layer; several blocks of them make the network
deeper. The condition is the same at all times, as a speaker is (2), or a series of frames, as phonemes
are (3). To draw, the features that a layer will look back on wait in queues: an entry costs O(layers),
however far they reach.

Sound of 16 bits is best companded to 256 levels by the mu-law first; each is then one class of a softmax.

Reference: van den Oord et al., WaveNet: A Generative Model for Raw Audio, 2016, equations 1 to 3.
Rows H18, H19.
"""

from __future__ import annotations

import math

from torch import Tensor

from simulacra.core.spaces.classes import Categorical, Ordinal
from simulacra.core.spaces.plain import Binary, Levels, Space
from simulacra.models.autoregressive.ordered import Ordered
from simulacra.nets.autoregressive.dilated import Column, DilatedStack

MOST_CODES = 256  # more levels than these enter as numbers


class WaveNet(Ordered):
    """WaveNet: dilated causal convolutions with gates, globally or locally conditional.

    Args:
        space: series (T,) of entries of one kind; up to 256 values have embeddings.
        condition: what the condition is; None for p(x). A space of shape (C, frames) is a series whose
            frames last T / frames entries each; any other is the same at all times.
        blocks: how often the dilations are repeated.
        layers: layers of a block, with dilations 1, 2, 4, ..., 2^(layers - 1).
        channels: width of the residual and of the gated features.
        skip_channels: width of the sum of skip connections and of the layer behind it.
        likelihood: distribution of an entry; `auto` takes `categorical` for up to 256 levels, otherwise
            the space's first.
        mixtures: components of a `logistic-mixture`.

    Raises:
        ValueError: if x is no series, the frames do not divide it, or a size or the observation does
            not fit.

    Example:
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
        softmax = likelihood == "auto" and isinstance(space, Levels) and space.levels <= MOST_CODES
        super().__init__(space, condition, "categorical" if softmax else likelihood, mixtures)
        self._codes = codes_of(space)
        size = math.prod(condition.features_shape) // _frames(condition) if condition else 0
        self.net = DilatedStack(self._codes, self.per_entry, **sizes, condition=size)

    @property
    def receptive_field(self) -> int:
        """The number of entries before it that an entry depends on: 2 + blocks (2^layers - 1)."""
        return self.net.reach

    def parameters_of(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """The numbers of each entry's distribution given the entries before it, (B, P, T)."""
        return self.net(self._inputs(x), self._given(c)).transpose(1, 2)

    def begin(self, n: int, c: Tensor | None = None) -> Column:
        """The state before the first entry."""
        return self.net.begin(n, self.space.dims, self._given(c))

    def next_parameters(self, state: Column, t: int) -> Tensor:
        """The numbers of the distribution of entry t, shape (B, P)."""
        return state.y

    def advance(self, state: Column, t: int, value: Tensor) -> Column:
        """The state after entry t took `value`, shape (B,)."""
        return state if t + 1 == self.space.dims else self.net.step(state, t, self._inputs(value))

    def _inputs(self, x: Tensor) -> Tensor:
        """Codes, or numbers with a dimension for their one feature."""
        return x.long() if self._codes else self.features(x).unsqueeze(-1)

    def _given(self, c: Tensor | None) -> Tensor | None:
        """The condition as frames, shape (B, frames, size)."""
        if self.condition is None or c is None:
            return None
        f = self.condition.features(c, self.dtype)
        return f.reshape(f.shape[0], -1, _frames(self.condition)).transpose(1, 2)


def codes_of(space: Space) -> int:
    """The number of values of an entry; 0 where they are too many, or in order without an end.

    Example:
        >>> codes_of(Binary((5,))), codes_of(Levels((5,), 256)), codes_of(Levels((5,), 65536))
        (2, 256, 0)
    """
    if isinstance(space, Categorical | Ordinal):
        return space.classes
    values = 2 if isinstance(space, Binary) else space.levels if isinstance(space, Levels) else 0
    return values if values <= MOST_CODES else 0


def _frames(condition: Space) -> int:
    """The number of frames of a condition; one that is no series has one, which lasts."""
    return condition.shape[1] if len(condition.shape) == 2 else 1


def _check_series(space: Space, condition: Space | None) -> None:
    """Raise ValueError unless x is a series and the condition's frames divide it."""
    if len(space.shape) != 1:
        raise ValueError(
            f"WaveNet draws series (T,), but the space is {space}: give x that shape, such as (16000,), "
            "or take a model for images such as GatedPixelCNN."
        )
    if condition is not None and space.dims % _frames(condition):
        raise ValueError(
            f"the condition has {_frames(condition)} frames, but x has {space.dims} entries, which they do "
            "not divide: each frame lasts equally long; give a condition that is no series another shape "
            "than (C, frames)."
        )
