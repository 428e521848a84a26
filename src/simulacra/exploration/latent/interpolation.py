"""Paths between codes: straight lines and great circles.

    lerp(a, b; t) = (1 - t) a + t b                                                       (1)
    slerp(a, b; t) = ((1 - t)|a| + t|b|) (sin((1-t) w) a/|a| + sin(t w) b/|b|) / sin w     (2)

with w the angle between a and b. Samples of N(0, I) in many dimensions lie near a sphere; a straight
line leaves the sphere, a great circle does not. For |a| = |b| (2) is the formula of Shoemake; otherwise the
length is interpolated linearly, so that it stays bounded for a and b that are almost opposite.

Reference: Shoemake 1985; White, Sampling Generative Networks, 2016. Rows E21, I11.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import torch
from torch import Tensor

from simulacra.core.inputs.conditions import condition_rows
from simulacra.core.model import Model
from simulacra.exploration.latent.inversion import codes_of

How = Literal["slerp", "lerp"]


def lerp(a: Tensor, b: Tensor, t: float | Tensor) -> Tensor:
    """The straight line (1) from a at t = 0 to b at t = 1, both exact.

    Args:
        a: codes, shape (*, d).
        b: as a.
        t: one number, or T numbers of shape (T,).

    Returns:
        Codes of shape (*, d), or (T, *, d) for T numbers t.

    Raises:
        ValueError: if a and b differ in shape.

    Example:
        >>> lerp(torch.tensor([0.0, 2.0]), torch.tensor([4.0, 2.0]), 0.25).tolist()
        [1.0, 2.0]
    """
    t = _steps(a, b, t)
    return torch.lerp(a.expand(torch.broadcast_shapes(a.shape, t.shape)), b, t)


def slerp(a: Tensor, b: Tensor, t: float | Tensor) -> Tensor:
    """The great circle (2) from a at t = 0 to b at t = 1, both exact; keeps |a| = |b|.

    The path is a straight line if a and b are parallel, or one of them is zero. If they are exactly opposite,
    no shortest circle exists; the path then turns towards the axis on which a is smallest.

    Args:
        a: codes, shape (*, d).
        b: as a.
        t: one number, or T numbers of shape (T,).

    Returns:
        Codes of shape (*, d), or (T, *, d) for T numbers t.

    Raises:
        ValueError: if a and b differ in shape, or are opposite numbers (d = 1).

    Example:
        >>> slerp(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]), 0.5)
        tensor([0.7071, 0.7071])
    """
    t = _steps(a, b, t)
    length_a, length_b = a.norm(dim=-1, keepdim=True), b.norm(dim=-1, keepdim=True)
    tiny = torch.finfo(a.dtype).tiny
    u, v = a / length_a.clamp_min(tiny), b / length_b.clamp_min(tiny)
    cosine = (u * v).sum(-1, keepdim=True)
    # v in the basis of u and the direction e at right angles to it: well conditioned at any angle
    across = v - cosine * u
    sine = across.norm(dim=-1, keepdim=True)
    flat = sine <= 8 * torch.finfo(a.dtype).eps
    e = torch.where(flat, _perpendicular(u), across / sine.clamp_min(tiny))
    straight = (flat & (cosine > -0.5)) | (length_a == 0) | (length_b == 0)
    if a.shape[-1] == 1 and not bool(straight.all()):
        raise ValueError("a and b are opposite codes of one number, which no circle joins: use how='lerp'.")
    w = torch.where(flat, torch.full_like(sine, math.pi), torch.atan2(sine, cosine))
    turned = ((1 - t) * length_a + t * length_b) * (torch.cos(t * w) * u + torch.sin(t * w) * e)
    path = torch.where(straight, (1 - t) * a + t * b, turned)
    return torch.where(t == 0, a, torch.where(t == 1, b, path))


def _steps(a: Tensor, b: Tensor, t: float | Tensor) -> Tensor:
    """Reshape t with trailing dimensions of size 1, so that it broadcasts against codes."""
    if a.shape != b.shape or a.dim() == 0:
        raise ValueError(
            f"a has shape {tuple(a.shape)} and b has {tuple(b.shape)}, but both need one shape (*, d)."
        )
    t = torch.as_tensor(t, dtype=a.dtype, device=a.device)
    return t.view(*t.shape, *(1,) * a.dim())


def _perpendicular(u: Tensor) -> Tensor:
    """A unit vector perpendicular to each unit vector u, shape (*, d); never zero."""
    axis = torch.zeros_like(u).scatter_(-1, u.abs().argmin(-1, keepdim=True), 1.0)
    across = axis - (axis * u).sum(-1, keepdim=True) * u
    return across / across.norm(dim=-1, keepdim=True).clamp_min(torch.finfo(u.dtype).tiny)


PATHS = {"lerp": lerp, "slerp": slerp}


def path(a: Tensor, b: Tensor, steps: int = 9, how: How = "slerp") -> Tensor:
    """Codes on the path from each a to each b, both ends included.

    Args:
        a: shape (B, latent).
        b: as a.
        steps: number of codes on each path, at least 2.
        how: `slerp` or `lerp`.

    Returns:
        Codes of shape (B, steps, latent).

    Raises:
        ValueError: if there are fewer than two steps, or `how` is unknown.

    Example:
        >>> path(torch.zeros(1, 1), torch.ones(1, 1), 3, "lerp").flatten().tolist()
        [0.0, 0.5, 1.0]
    """
    if steps < 2:
        raise ValueError(f"steps is {steps}, but a path needs at least 2, for its two ends.")
    if how not in PATHS:
        raise ValueError(f"how is {how!r}, but a path is one of {', '.join(PATHS)}.")
    return PATHS[how](a, b, torch.linspace(0, 1, steps, dtype=a.dtype)).movedim(0, 1)


def interpolations(
    model: Model, x_a: Any, x_b: Any, steps: int = 9, how: How = "slerp", condition: Any = None
) -> Tensor:
    """Decoded paths between the codes of observations; the ends are their reconstructions.

    Args:
        model: that encodes and decodes; codes of a model without an encoder are found by inversion.
        x_a: raw observations, shape (B, *).
        x_b: as x_a.
        steps: number of decoded observations on each path.
        how: `slerp` for codes with the prior N(0, I), `lerp` for other codes.
        condition: one for all, or one for each pair, where the model takes one.

    Returns:
        Expectations in raw units, shape (B, steps, *).

    Raises:
        ValueError: if the model does not decode, or the shapes differ.

    Example:
        >>> from simulacra.core.spaces.plain import Real
        >>> from simulacra.models.autoencoders.pca import PCA
        >>> x = torch.randn(4, 5)
        >>> interpolations(PCA(Real((5,))), x[:2], x[2:], steps=7).shape
        torch.Size([2, 7, 5])
    """
    codes = path(codes_of(model, x_a, condition), codes_of(model, x_b, condition), steps, how)
    return decoded(model, codes, condition)


def decoded(model: Model, codes: Tensor, condition: Any = None) -> Tensor:
    """Decode several codes for each observation.

    Args:
        model: that decodes.
        codes: shape (B, T, latent).
        condition: one for all, or one for each of the B rows, where the model takes one.

    Returns:
        Expectations in raw units, shape (B, T, *).
    """
    if condition is not None and model.conditioning is not None:
        chain = model.conditioning
        rows = condition_rows(chain.raw, condition, len(codes), chain.geometry)
        condition = rows.repeat_interleave(codes.shape[1], 0)
    many = model.decode(codes.flatten(0, 1), condition)
    return many.unflatten(0, codes.shape[:2])
