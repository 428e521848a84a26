"""Checks of the data that machines accept; messages say how to load the data, or which model accepts them."""

from __future__ import annotations

from simulacra.core.errors.other_data import as_real
from simulacra.core.errors.suggestion import Phrase, Refusal, load_with
from simulacra.core.spaces.composite import Sequence, Table
from simulacra.core.spaces.plain import Binary, Levels, Real, Space

GREY = "grey levels can be drawn anew each visit (dynamic), drawn once (static) or cut (threshold); "


def need_binary(name: str, space: Space) -> None:
    """Raises ValueError unless the space is binary.

    Args:
        name: name of the model with its article, for the message.
        space: space of the data.

    Example:
        >>> need_binary("an RBM", Real((2,)))
        Traceback (most recent call last):
        simulacra.core.errors.suggestion.Refusal: an RBM needs binary data, but the space is Real(shape=(2,)):
        take a Gaussian RBM.
    """
    if not isinstance(space, Binary):
        drawn = load_with(binarize="dynamic")
        mend = _mend(space, Phrase(f"{GREY}load the data with {drawn}", drawn), "take a Gaussian RBM")
        mend = "a VAE takes such data" if isinstance(space, Table) else mend
        raise Refusal(f"{name} needs binary data, but the space is {space}: {mend}.", mend)


def need_real(name: str, space: Space) -> None:
    """Raises ValueError unless the space is real.

    Args:
        name: name of the model with its article, for the message.
        space: space of the data.
    """
    if not isinstance(space, Real):
        noisy = load_with(dequantize="uniform")
        grey = Phrase(f"load the data with {noisy} to spread each level over its interval", noisy)
        mend = _mend(space, grey)
        raise Refusal(f"{name} needs real data, but the space is {space}: {mend}.", mend)


def need_images(name: str, space: Space) -> None:
    """Raises ValueError unless the space holds binary or real images.

    Args:
        name: name of the model with its article, for the message.
        space: space of the data.
    """
    if isinstance(space, Levels) and not space.image:
        raise ValueError(
            f"{name} needs images (channels, height, width), but the space is {space}: take a VAE for what "
            "has no places."
        )
    if not isinstance(space, (Binary, Real)):
        drawn, noisy = load_with(binarize="dynamic"), load_with(dequantize="uniform")
        grey = Phrase(
            f"{GREY}load the data with {drawn}, or load them with {noisy} to keep the levels", drawn, noisy
        )
        mend = "a VAE takes such data" if isinstance(space, Table) else _mend(space, grey)
        raise Refusal(f"{name} needs binary or real images, but the space is {space}: {mend}.", mend)
    if len(space.shape) != 3:
        other = "an RBM" if isinstance(space, Binary) else "a Gaussian RBM"
        raise ValueError(
            f"{name} needs images (channels, height, width), but the space is {space}: take {other} for what "
            "has no places."
        )


def need_frames(name: str, space: Space, real: bool = False) -> None:
    """Raises ValueError unless the space holds sequences of vectors of 0 and 1.

    Args:
        name: name of the model, for the message.
        space: space of the data.
        real: True: vectors of real numbers are allowed, too.
    """
    kinds = (Binary, Real) if real else (Binary,)
    if isinstance(space, Sequence) and isinstance(space.of, kinds) and len(space.shape) == 2:
        return
    held, such = ("0 and 1", "binary frames, such as pieces of music")
    if real:
        held, such = f"{held} or of real numbers", "frames, such as recorded motion or pieces of music"
    motion = isinstance(space, Sequence) and isinstance(space.of, Real) and len(space.shape) == 2
    mend = f"its frames must be vectors of {held}" if isinstance(space, Sequence) else "take an RBM or a VAE"
    mend = "take crbm for frames of real numbers" if motion else mend
    raise ValueError(f"{name} needs sequences of {such}, but the space is {space}: {mend}.")


def _mend(space: Space, grey: str, real: str = "a VAE takes such data") -> str:
    """Returns a suggestion for data of the wrong kind: levels, real numbers, or others."""
    if isinstance(space, Levels):
        return grey
    return real if isinstance(space, Real) else as_real(space)
