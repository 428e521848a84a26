"""Pictures of models with an energy: weights of hidden units, and states of Markov chains."""

from __future__ import annotations

import numpy as np
import torch

from simulacra.core.capabilities import general as can
from simulacra.core.interface import evaluating
from simulacra.core.progress.tasks import each
from simulacra.core.random.keyed import Rng
from simulacra.exploration.drawing.picture import Picture
from simulacra.exploration.drawing.sheet import of_images, sheet, signed_images
from simulacra.exploration.pictures.album import Album

FILTERS, COLUMNS = 100, 10
CHAINS = 8
SWEEPS = (0, 1, 3, 10, 30, 100, 300, 1000)  # numbers of sweeps after which states are shown


def filters(album: Album) -> Picture:
    """The weights of hidden units as images: blue for negative weights, red for positive ones."""
    every = can.able(album.model, can.HasFilters).filters()
    w = every.float().cpu().mean(1).numpy()
    # those with the largest weights
    order = np.sort(np.argsort(-np.abs(w).reshape(len(w), -1).sum(1), kind="stable")[:FILTERS])
    n = len(order)
    most = min(COLUMNS, n)
    # the number of columns that leaves the fewest places empty
    columns = min(range(most, most // 2, -1), key=lambda columns: -n % columns)
    shown = "" if n == len(every) else f" ({n} of {len(every)})"
    title = f"{type(album.model).__name__}: filters{shown}, each on its own scale; red asks for a pixel"
    maps = torch.from_numpy(w[order]).unsqueeze(1)
    return of_images([signed_images(maps)], columns, title, between="dark")


def fantasies(album: Album) -> Picture:
    """Markov chains from random states on: one chain in each row, later states to the right."""
    model, chain = album.model, can.able(album.model, can.HasMarkovChain)
    rng = Rng(album.seed, "fantasies", rows=range(CHAINS), device=model.device)
    seen, at = [], 0
    with evaluating(model):
        state = chain.start_chain(rng.at("start"))
        for sweeps in SWEEPS:
            for t in each(range(at, sweeps), "chains", "sweep"):
                state = chain.step(state, rng.at(t))
            at = sweeps
            seen.append(model.preprocessing.inverse(chain.shown(state)))
    x = torch.stack(seen, 1)
    title = f"{type(model).__name__}: fantasies{album.binarized}, a chain a row, after so many sweeps"
    return sheet(album.space, x, title, column_names=[f"{n:,}" for n in SWEEPS])
