"""Saliency: what a critic looks at, the gradient of its number with respect to the observation.

    ds(x) / dx         one small step along it raises s(x)                                  (1)
    ds(G(z)) / dt = (dG / dt)' ds(x) / dx at x = G(z)                                       (2)

By (2) it is all that the generator learns from: the discriminator's spy among what it refuses.

Reference: Simonyan et al. 2013; Goodfellow et al. 2014. Row F9.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from simulacra.core.capabilities import general as can
from simulacra.core.interface import evaluating
from simulacra.core.model import Model
from simulacra.core.random.keyed import Rng
from simulacra.exploration.drawing.scale import scale_of
from simulacra.exploration.drawing.sheet import pixels, signed, tiled
from simulacra.exploration.pictures.album import Album

COLUMNS = 10


def saliency(model: Model, x: Any, condition: Any = None, seed: int = 0) -> Tensor:
    """ds(x) / dx of equation (1) in the model's own units, shape (B, *).

    Args:
        x: raw observations, shape (B, *).
        condition: one for all, or one for each x, where the model takes one.
        seed: of the preprocessing, where that is random.

    Raises:
        ValueError: if the model has no critic.

    Example:
        >>> from simulacra.core.spaces.plain import Real
        >>> from simulacra.models.adversarial.gan import GAN
        >>> saliency(GAN(Real((3,))), torch.zeros(2, 3)).shape
        torch.Size([2, 3])
    """
    return scored(model, x, condition, seed)[1]


def scored(model: Model, x: Any, condition: Any = None, seed: int = 0) -> tuple[Tensor, Tensor]:
    """The critic's number for each row, shape (B,), and its gradient (1)."""
    if not model.supports(can.HasCritic):
        raise can.MissingCapability(f"{type(model).__name__} has no critic whose gradient could be shown.")
    parts = []
    with evaluating(model):
        for rows in model._chunks(x, condition, Rng(seed, "score", device=model.device), None):
            y = rows.y.to(model.dtype).requires_grad_()
            with torch.enable_grad():
                score = can.able(model, can.HasCritic).critic_score(y, rows.c)
                (slope,) = torch.autograd.grad(score.sum(), y)
            parts.append((score.detach(), slope))
    scores, slopes = zip(*parts)
    return torch.cat(scores), torch.cat(slopes)


def saliency_picture(album: Album) -> Figure:
    """Samples above what the critic would change of them."""
    space, model, c = album.space, album.model, album.conditions(COLUMNS)
    x = model.sample(COLUMNS, c, album.seed)
    scores, slopes = scored(model, x, c, album.seed)
    maps = signed(slopes.cpu().double().mean(1).numpy())
    tiles = np.concatenate([pixels(space, x), maps])
    title = f"{type(model).__name__}: what would look more real to the critic, whose score is below"
    names = ["sample", "red: more, blue: less"]
    captions = [f"{s:.2g}" for s in scores.tolist()]
    return tiled(tiles, COLUMNS, title, names, captions=captions, note=scale_of(space, x).words)
