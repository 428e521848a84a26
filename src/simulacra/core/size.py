"""The size of a model in words: its parameters, or that it is a closed form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulacra.core.errors.calls import WrongCall

if TYPE_CHECKING:
    from simulacra.core.model import Model


def size_of(model: Model) -> str:
    """Returns the number of parameters in words; a closed form has none.

    Args:
        model: the model.

    Example:
        >>> import simulacra
        >>> space = simulacra.Real((3,))
        >>> size_of(simulacra.VAE(space, latent=1, hidden=(2,))), size_of(simulacra.GaussianModel(space))
        ('36 parameters', 'fitted in closed form')
    """
    n = sum(p.numel() for p in model.parameters())
    if n:
        return f"{n:,} parameter{'s' * (n != 1)}"
    return "no parameters" if takes_steps(model) else "fitted in closed form"


def takes_steps(model: Model) -> bool:
    """Returns True if a model is trained by updates, not by a closed form.

    Args:
        model: the model.

    Example:
        >>> import simulacra
        >>> space = simulacra.Real((3,))
        >>> takes_steps(simulacra.PPCA(space, latent=1)), takes_steps(simulacra.VAE(space, latent=1))
        (False, True)
    """
    try:
        stage = model.stage(0, [])
    except WrongCall:
        # a class without training, only for sampling or scoring
        return False
    return stage is None or bool(stage.updates)
