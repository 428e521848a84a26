"""Texts whose codes were moved towards a high predicted number, beside the texts of the first codes."""

from __future__ import annotations

import torch

from simulacra.core.scores.predictions import names_of
from simulacra.exploration.drawing.picture import Picture
from simulacra.exploration.drawing.texts import paths
from simulacra.exploration.latent.optimization import optimize
from simulacra.exploration.pictures.album import Album

SEARCHED, SHOWN = 24, 5  # draws of the prior from which a search begins, and those of the best results


def optimized_picture(album: Album, of: str | None = None) -> Picture:
    """Texts of random codes, and of the codes to which a search for a high predicted number moved them.

    Args:
        album: model that predicts from its code, of texts.
        of: name of the number; None: the first.

    Raises:
        ValueError: if there is no such number.
    """
    model = album.model
    assert model.condition is not None
    column = names_of(model, model.condition.dims)[0] if of is None else of
    best = optimize(model, column, n=SEARCHED, seed=album.seed)
    first = model.decode(best.first)
    chosen = best.kept.argsort(descending=True)[:SHOWN]
    numbers = torch.stack([best.start, best.found, best.kept], 1)[chosen].tolist()
    names = [f"{column} {a:.3g} to {b:.3g}, of the text {c:.3g}" for a, b, c in numbers]
    title = f"{type(model).__name__}: the best {len(chosen)} of {SEARCHED} codes moved to a higher {column}"
    return paths(album.space, torch.stack([first, best.x], 1)[chosen].cpu(), title, names)
