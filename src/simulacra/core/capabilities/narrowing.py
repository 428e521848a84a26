"""A model with the type of a capability, for code that asked `supports` before."""

from __future__ import annotations

from typing import TypeVar

from simulacra.core.capabilities.marker import Capability

C = TypeVar("C", bound=Capability)


def able(model: object, capability: type[C]) -> C:
    """Returns the model with the type of a capability that it has.

    A capability that follows from others, such as the translation of a condition, is an object beside the
    model (`core.capabilities.paired`).

    Args:
        model: whose `supports(capability)` is True; a constructor may have removed it otherwise.
        capability: such as `HasEnergy`.

    Example:
        >>> import torch
        >>> from simulacra import PPCA, Real
        >>> from simulacra.core.capabilities.general import HasDensity
        >>> able(PPCA(Real((3,)), latent=1), HasDensity).log_density(torch.zeros(2, 3)).shape
        torch.Size([2])
    """
    # imported here, as models are told apart by capabilities that stand above this file
    from simulacra.core.capabilities.mappings import Translates
    from simulacra.core.capabilities.paired import DrawsPairs, draws_pairs

    found = DrawsPairs(model) if capability is Translates and draws_pairs(model) else model
    assert isinstance(found, capability), f"{type(model).__name__} is no {capability.__name__}"
    return found
