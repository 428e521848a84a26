"""Smoothness of a model on paths of codes: length of the decoded path, and its largest slope.

    length = sum_t |f(G(z_t+1)) - f(G(z_t))|,     direct = |f(G(z_T)) - f(G(z_1))| <= length       (1)
    slope  = max_t |f(G(z_t+1)) - f(G(z_t))| / |z_t+1 - z_t| <= Lip(f G)                          (2)

f are features of the raw space, for images in [0, 1]. (2) is a lower bound of the Lipschitz constant of the
decoder. A model that memorized its training rows jumps from one to the next, and has a large slope there.

Reference: Radford et al. 2015, section 6.1. Row G7.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from simulacra.core.model import Model
from simulacra.exploration.latent.interpolation import decoded


@dataclass(frozen=True)
class Smoothness:
    """Length, distance and slope of each path, float64.

    Args:
        length: of (1), shape (B,).
        direct: distance of the two ends, shape (B,).
        slope: of (2), shape (B,).
    """

    length: Tensor
    direct: Tensor
    slope: Tensor


def smoothness(model: Model, codes: Tensor, condition: Any = None) -> Smoothness:
    """Equations (1) and (2) for paths of codes.

    Args:
        model: that decodes.
        codes: as `path` returns them, shape (B, T, latent) with T at least 2.
        condition: one for all, or one for each path, where the model takes one.

    Raises:
        ValueError: if the model does not decode, or a path has fewer than two codes.

    Example:
        >>> from simulacra.core.spaces.plain import Real
        >>> from simulacra.exploration.latent.interpolation import path
        >>> from simulacra.models.autoencoders.pca import PCA
        >>> codes = path(torch.zeros(1, 1), 2 * torch.ones(1, 1), 5, "lerp")
        >>> found = smoothness(PCA(Real((3,)), latent=1), codes)
        >>> found.length.item(), found.direct.item(), found.slope.item()
        (2.0, 2.0, 1.0)
    """
    if codes.dim() != 3 or codes.shape[1] < 2:
        raise ValueError(f"codes have shape {tuple(codes.shape)}, but need (B, T, latent) with T > 1.")
    x = decoded(model, codes, condition)
    f = model.preprocessing.raw.features(x.flatten(0, 1).cpu(), torch.float64)
    f = f.flatten(1).unflatten(0, codes.shape[:2])
    moved = (f[:, 1:] - f[:, :-1]).norm(dim=2)
    walked = (codes[:, 1:] - codes[:, :-1]).cpu().double().norm(dim=2)
    # (2); a path that stands still has no slope
    slope = torch.where(walked > 0, moved / walked.clamp_min(1e-300), 0.0).amax(1)
    return Smoothness(moved.sum(1), (f[:, -1] - f[:, 0]).norm(dim=1), slope)
