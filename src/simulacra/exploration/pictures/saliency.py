"""Saliency: the gradient of a critic's score with respect to the observation.

    ds(x) / dx         a small step in this direction raises s(x)                           (1)
    ds(G(z)) / dt = (dG / dt)' ds(x) / dx at x = G(z)                                       (2)

By (2) the generator learns from this gradient alone.

Reference: Simonyan et al. 2013; Goodfellow et al. 2014. Row F9.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from simulacra.core.capabilities import general as can
from simulacra.core.interface import evaluating
from simulacra.core.model import Model
from simulacra.core.random.keyed import Rng
from simulacra.exploration.drawing.picture import Picture
from simulacra.exploration.drawing.sheet import images_of, of_images, signed_images
from simulacra.exploration.pictures.album import Album

COLUMNS = 10


def saliency(model: Model, x: Any, condition: Any = None, seed: int = 0) -> Tensor:
    """ds(x) / dx of equation (1) in the model's own units, shape (B, *).

    Args:
        model: with a critic.
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
    """The critic's score of each row, shape (B,), and its gradient (1), shape (B, *).

    Args:
        model: with a critic.
        x: raw observations, shape (B, *).
        condition: one for all, or one for each x, where the model takes one.
        seed: of the preprocessing, where that is random.

    Raises:
        ValueError: if the model has no critic.
    """
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


def saliency_picture(album: Album) -> Picture:
    """Samples above the gradients of their scores."""
    space, model, c = album.space, album.model, album.conditions(COLUMNS)
    x = model.sample(COLUMNS, c, album.seed)
    scores, slopes = scored(model, x, c, album.seed)
    parts = [images_of(space, x), signed_images(slopes.double())]
    title = f"{type(model).__name__}: what would look more real to the critic, whose score is below"
    names = ["sample", "red: more, blue: less"]
    captions = [f"{s:.2g}" for s in scores.tolist()]
    return of_images(parts, COLUMNS, title, row_names=names, captions=captions)
