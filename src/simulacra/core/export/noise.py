"""Noise as an input: the draws of a function recorded by name, and handed back to it.

A function that draws from an `Rng` is a function of its arguments and of that noise. `Recorded` writes
down which noise, and `Given` hands it back, so that f(x, rng) can be run, and exported, as the pure
function f(x, noise):

    asked = Recorded()
    f(x, Rng(0, "f", rows=rows, source=asked))
    f(x, Rng(0, "f", rows=rows, source=Given(asked.tensors)))     # the same value, and nothing is drawn
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from torch import Tensor

WORD = 2  # a key begins with the seed and what the numbers are for


def noise_name(key: tuple[object, ...]) -> str:
    """What the noise under a key is called, as an input.

    Example:
        >>> noise_name((7, "step", 3, "h-mean"))
        'noise_3_h_mean'
    """
    return re.sub(r"\W", "_", "_".join(["noise", *map(str, key[WORD:])]))


@dataclass
class Recorded:
    """Draws as ever, and keeps what was drawn.

    Args:
        tensors: by name, each of shape (B, *).
        kinds: `normal` (standard) or `uniform` (in [0, 1)), by name.

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
        """The draw under `key`."""
        name = noise_name(key)
        self.tensors[name], self.kinds[name] = draw(), kind
        return self.tensors[name]


@dataclass(frozen=True)
class Given:
    """Hands out what it was given, whatever the rows; draws nothing.

    Args:
        tensors: by name.
    """

    tensors: Mapping[str, Tensor]

    def __call__(self, key: tuple[object, ...], kind: str, draw: Callable[[], Tensor]) -> Tensor:
        """The tensor of that name."""
        return self.tensors[noise_name(key)]
