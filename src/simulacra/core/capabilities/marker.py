"""The base class of capabilities."""

from __future__ import annotations

from abc import ABC
from typing import ClassVar, TypeVar


class Capability(ABC):
    """Base class of the types that declare an ability of a model.

    `phrase` completes the sentence "this model ...".
    """

    phrase: ClassVar[str] = ""


C = TypeVar("C", bound=Capability)


def able(model: object, capability: type[C]) -> C:
    """A model as what it can do, for a type checker: its class has the capability.

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
