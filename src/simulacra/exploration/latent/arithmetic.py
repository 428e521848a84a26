"""Arithmetic with codes: an attribute, such as a smile, is a direction among codes.

    v = mean z(x with) - mean z(x without),     x' = decode(z(x) + strength v)               (1)
    man with glasses - man + woman:     x' = decode(mean z(a) - mean z(b) + mean z(c))       (2)

z(x) comes from the encoder, or from inversion if the model has none.

Reference: Radford et al. 2015; Larsen et al. 2016; White, Sampling Generative Networks, 2016 (the smile
vector). Rows E22, G6.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from simulacra.core.model import Model
from simulacra.exploration.latent.interpolation import decoded
from simulacra.exploration.latent.inversion import codes_of


def attribute_vector(
    model: Model,
    x_with: Any,
    x_without: Any,
    condition_with: Any = None,
    condition_without: Any = None,
) -> Tensor:
    """The direction v of equation (1), shape (latent,).

    Args:
        model: that encodes or decodes.
        x_with: raw observations that have the attribute, shape (B, *).
        x_without: raw observations that lack it, shape (M, *).
        condition_with: conditions of `x_with`, where the model takes one.
        condition_without: conditions of `x_without`.

    Raises:
        ValueError: if the model neither encodes nor decodes, or a group is empty.

    Example:
        >>> from simulacra.core.spaces.plain import Real
        >>> from simulacra.models.autoencoders.pca import PCA
        >>> x = torch.tensor([[1.0, 0.0], [3.0, 0.0]])
        >>> attribute_vector(PCA(Real((2,)), latent=1), x[1:], x[:1]).tolist()
        [2.0]
    """
    for name, x in (("x_with", x_with), ("x_without", x_without)):
        if not len(x):
            raise ValueError(f"{name} is empty: an attribute needs observations with and without it.")
    with_it = codes_of(model, x_with, condition_with).double().mean(0)
    without = codes_of(model, x_without, condition_without).double().mean(0)
    return (with_it - without).to(model.dtype)


def apply(model: Model, x: Any, vector: Tensor, strength: Any = 1.0, condition: Any = None) -> Tensor:
    """Observations x' of equation (1): x with more of the attribute, or with less for negative strengths.

    Args:
        model: that decodes.
        x: raw observations, shape (B, *).
        vector: a direction, shape (latent,).
        strength: one number, or T numbers.
        condition: one for all, or one for each x, where the model takes one.

    Returns:
        Expectations in raw units, shape (B, *), or (B, T, *) for T strengths.

    Raises:
        ValueError: if the model does not decode, or the vector has another size.

    Example:
        >>> from simulacra.core.spaces.plain import Real
        >>> from simulacra.models.autoencoders.pca import PCA
        >>> apply(PCA(Real((2,)), latent=1), torch.zeros(1, 2), torch.ones(1), [0.0, 2.0]).tolist()
        [[[0.0, 0.0], [2.0, 0.0]]]
    """
    codes = codes_of(model, x, condition)
    if vector.shape != codes.shape[1:]:
        raise ValueError(
            f"vector has shape {tuple(vector.shape)}, but codes have {codes.shape[1]} numbers: give one of "
            f"shape ({codes.shape[1]},), as attribute_vector returns it."
        )
    strengths = torch.as_tensor(strength, dtype=codes.dtype, device=codes.device)
    moved = codes.unsqueeze(1) + strengths.reshape(-1, 1) * vector.to(codes)
    out = decoded(model, moved, condition)
    return out if strengths.dim() else out.squeeze(1)


def analogy(model: Model, a: Any, b: Any, c: Any, condition: Any = None) -> Tensor:
    """Observation x' of equation (2): x' is to c as a is to b.

    Args:
        model: that decodes.
        a: raw observations of one kind, shape (B, *); the paper takes three.
        b: raw observations of a second kind, shape (M, *).
        c: raw observations of a third kind, shape (N, *).
        condition: one for all, where the model takes one.

    Returns:
        The expectation in raw units, shape (*).

    Raises:
        ValueError: if the model does not decode.

    Example:
        >>> from simulacra.core.spaces.plain import Real
        >>> from simulacra.models.autoencoders.pca import PCA
        >>> a, b, c = torch.tensor([[5.0, 0.0], [1.0, 0.0], [2.0, 0.0]]).split(1)
        >>> analogy(PCA(Real((2,)), latent=1), a, b, c).tolist()
        [6.0, 0.0]
    """
    means = [codes_of(model, x, condition).double().mean(0) for x in (a, b, c)]
    return model.decode(combined(*means).unsqueeze(0), condition)[0]


def combined(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """Returns the code a - b + c of equation (2).

    Args:
        a: codes, shape (B, latent).
        b: codes to subtract, of the same shape.
        c: codes to add, of the same shape.
    """
    return a - b + c
