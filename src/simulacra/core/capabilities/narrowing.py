"""A model with the type of a capability, for code that asked `supports` before."""

from __future__ import annotations

from typing import TypeVar

from simulacra.core.capabilities.marker import Capability

C = TypeVar("C", bound=Capability)


def able(model: object, capability: type[C]) -> C:
    """Returns the model with the type of a capability that its class has.

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
    assert isinstance(model, capability), f"{type(model).__name__} is no {capability.__name__}"
    return model
