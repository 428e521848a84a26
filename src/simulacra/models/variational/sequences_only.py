"""Check of the data of models of sequences; messages say which model takes the data instead."""

from __future__ import annotations

from typing import TypeGuard

from simulacra.core.spaces.composite import Sequence
from simulacra.core.spaces.plain import Space


def need_sequences(name: str, space: Space) -> TypeGuard[Sequence]:
    """Returns True if the space holds sequences.

    Args:
        name: name of the model, for the message.
        space: space of the data.

    Raises:
        ValueError: if it does not.
    """
    if isinstance(space, Sequence):
        return True
    raise ValueError(
        f"{name} needs sequences of steps, such as pieces of music or recorded motion, but the space is "
        f"{space}: take a VAE."
    )
