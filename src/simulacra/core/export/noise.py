"""Noise as an input: records the draws of a function by name, and replays them.

A function that draws from an `Rng` is a function of its arguments and of that noise. `Recorded` records the
noise and `Given` replays it, so that f(x, rng) can be run and exported as the pure function f(x, noise):

    asked = Recorded()
    f(x, Rng(0, "f", rows=rows, source=asked))
    f(x, Rng(0, "f", rows=rows, source=Given(asked.tensors)))     # the same value, and nothing is drawn
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from torch import Tensor

WORD = 2  # leading elements of a key that names leave out: the seed and the purpose


def noise_name(key: tuple[object, ...]) -> str:
    """Returns the name of the graph input for the noise under a key.

    Example:
        >>> noise_name((7, "step", 3, "h-mean"))
        'noise_3_h_mean'
    """
    return re.sub(r"\W", "_", "_".join(["noise", *map(str, key[WORD:])]))


@dataclass
class Recorded:
    """A source for `Rng` that draws as usual and records the numbers.

    Args:
        tensors: recorded numbers by name, each of shape (B, *).
        kinds: their distribution by name, `normal` (standard) or `uniform` (in [0, 1)).

    Example:
        >>> from simulacra.core.random.keyed import Rng
        >>> asked = Recorded()
        >>> z = Rng(0, "sample", rows=range(2), source=asked).normal("z", 3)
        >>> asked.kinds, bool((asked.tensors["noise_z"] == z).all())
        ({'noise_z': 'normal'}, True)
    """

    tensors: dict[str, Tensor] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)

    def __call__(self, key: tuple[object, ...], kind: str, draw: Callable[[], Tensor]) -> Tensor:
        """Draws the numbers under `key`, records and returns them."""
        name = noise_name(key)
        self.tensors[name], self.kinds[name] = draw(), kind
        return self.tensors[name]


@dataclass(frozen=True)
class Given:
    """A source for `Rng` that returns given numbers for any rows and draws none.

    Args:
        tensors: numbers by name, as `Recorded` names them.
    """

    tensors: Mapping[str, Tensor]

    def __call__(self, key: tuple[object, ...], kind: str, draw: Callable[[], Tensor]) -> Tensor:
        """Returns the given tensor for `key`."""
        return self.tensors[noise_name(key)]
