"""Checks that the data of a model of sequences are sequences; the error says what to do with other data."""

from __future__ import annotations

from simulacra.core.errors.suggestion import Phrase, Refusal, load_with
from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.composite import Sequence
from simulacra.core.spaces.plain import Space

USUAL = 200  # largest number of samples of a suggested frame


def as_sequences(name: str, space: Space) -> Sequence:
    """Returns the space if it holds sequences.

    Args:
        name: name of the model, for the message.
        space: space of the data.

    Raises:
        ValueError: if it does not.
    """
    if isinstance(space, Sequence):
        return space
    mend = "take a VAE"
    if isinstance(space, Audio) and space.dims > 1:
        framed = load_with(frame=_frame(space.dims))
        mend = Phrase(f"load the data with {framed}", framed)
    raise Refusal(
        f"{name} needs sequences of steps, such as pieces of music or recorded motion, but the space is "
        f"{space}: {mend}.",
        mend,
    )


def _frame(samples: int) -> int:
    """Returns the largest length of a frame that cuts a row into two frames or more."""
    return max(n for n in range(1, min(USUAL, samples // 2) + 1) if samples % n == 0)
