"""How smooth a walk among codes is: lengths of decoded paths, and how much faster they go than the codes.

    length = sum_t |f(G(z_t+1)) - f(G(z_t))|,     direct = |f(G(z_T)) - f(G(z_1))| <= length       (1)
    slope  = max_t |f(G(z_t+1)) - f(G(z_t))| / |z_t+1 - z_t| <= Lip(f G)                          (2)

f are features of the raw space: images have their range in [0, 1]. (2) bounds the Lipschitz constant from
below, and no picture of the path differs from the next by more than slope |z_t+1 - z_t|: a model that has
learned its training rows by heart jumps, and has a large slope where one of them ends.

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
    """Numbers of each path, float64.

    Args:
        length: of (1), shape (B,).
        direct: the distance of the ends, shape (B,).
        slope: of (2), shape (B,).
    """

    length: Tensor
    direct: Tensor
    slope: Tensor


def smoothness(model: Model, codes: Tensor, condition: Any = None) -> Smoothness:
    """Equations (1) and (2) of paths of codes, as `path` makes them.

    Args:
        codes: shape (B, T, latent), at least two on each path.
        condition: one for all, or one for each path, where the model takes one.

    Raises:
        ValueError: if the model does not decode, or a path has a single code.

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
        raise ValueError(f"codes have shape {tuple(codes.shape)}, but paths have (B, T, latent) with T > 1.")
    x = decoded(model, codes, condition)
    f = model.preprocessing.raw.features(x.flatten(0, 1).cpu(), torch.float64)
    f = f.flatten(1).unflatten(0, codes.shape[:2])
    moved = (f[:, 1:] - f[:, :-1]).norm(dim=2)
    walked = (codes[:, 1:] - codes[:, :-1]).cpu().double().norm(dim=2)
    # (2); a path that stands still has no slope
    slope = torch.where(walked > 0, moved / walked.clamp_min(1e-300), 0.0).amax(1)
    return Smoothness(moved.sum(1), (f[:, -1] - f[:, 0]).norm(dim=1), slope)
