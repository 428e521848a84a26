"""Spaces through whose observations gradients flow: what a generator draws may be any number near one.

A generator gives features. Those of real numbers have no bounds; those of bits and levels lie in [0, 1], so
that a last activation holds them there.
"""

from __future__ import annotations

from torch import Tensor

from simulacra.core.errors.other_data import as_real
from simulacra.core.errors.suggestion import Refusal
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.composite import Sequence
from simulacra.core.spaces.plain import Binary, Levels, Real, Space


def step_of(space: Space) -> Space:
    """Returns the space of one step of a sequence; any other space as it is.

    Args:
        space: space of the observations.

    Example:
        >>> step_of(Sequence((5,), Real((3,)))), step_of(Real((3,)))
        (Real(shape=(3,)), Real(shape=(3,)))
    """
    return space.of if isinstance(space, Sequence) else space


def unbounded(space: Space) -> bool:
    """Returns True if features have no bounds: those of real numbers and of standardized levels.

    Args:
        space: space of the observations.

    Example:
        >>> unbounded(Real((3,))), unbounded(Levels((3,), 256))
        (True, False)
    """
    space = step_of(space)
    return isinstance(space, Real) or (isinstance(space, Levels) and space.ranged)


def within(space: Space, x: Tensor) -> Tensor:
    """Returns numbers near observations clipped to the range of their space, shape of x.

    Args:
        space: space of the observations.
        x: numbers in its units, shape (B, *).

    Example:
        >>> import torch
        >>> within(Levels((2,), 4), torch.tensor([[-0.5, 3.2]]))
        tensor([[0., 3.]])
    """
    if isinstance(space, Binary):
        return x.clamp(0, 1)
    return x.clamp(0, space.levels - 1) if isinstance(space, Levels) else x


def playable(space: Space, name: str) -> None:
    """Raises ValueError unless samples of this space have gradients.

    Args:
        space: space of the observations.
        name: name of the model, for the message.
    """
    if not isinstance(step_of(space), (Real, Binary, Levels)):
        classes = isinstance(space, Categorical)
        mend = (
            "embed its classes as points (simulacra.core.spaces.token_embedding)"
            if classes
            else as_real(space)
        )
        raise Refusal(
            f"{name} needs gradients through its samples, which {space} does not have: {mend}.", mend
        )
