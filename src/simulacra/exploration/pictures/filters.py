"""Pictures of models with an energy: what their filters look for, and what their chains dream."""

from __future__ import annotations

import numpy as np
import torch
from matplotlib.figure import Figure

from simulacra.core.capabilities import general as can
from simulacra.core.interface import evaluating
from simulacra.core.progress.tasks import each
from simulacra.core.random.keyed import Rng
from simulacra.exploration.drawing.sheet import GAP, enlarge, mosaic, plate, sheet, signed
from simulacra.exploration.pictures.album import Album

FILTERS, COLUMNS = 100, 10
BETWEEN = (96, 96, 96)  # filters: darker than a weight near zero, which the pale frame of images is like
CHAINS = 8
SWEEPS = (0, 1, 3, 10, 30, 100, 300, 1000)  # at which the chains are looked at


def filters(album: Album) -> Figure:
    """The weights of hidden units as pictures: blue holds a pixel back, red asks for it."""
    every = can.able(album.model, can.HasFilters).filters()
    w = every.float().cpu().mean(1).numpy()
    # those that say most
    order = np.argsort(-np.abs(w).reshape(len(w), -1).sum(1), kind="stable")[:FILTERS]
    w = w[np.sort(order)]
    tiles = signed(w)
    most = min(COLUMNS, len(tiles))
    # as few empty places as can be
    columns = min(range(most, most // 2, -1), key=lambda n: -len(tiles) % n)
    shown = "" if len(tiles) == len(every) else f" ({len(tiles)} of {len(every)})"
    title = f"{type(album.model).__name__}: filters{shown}, each on its own scale; red asks for a pixel"
    return plate(mosaic(enlarge(tiles, columns), columns, GAP, BETWEEN), title=title)


def fantasies(album: Album) -> Figure:
    """Chains of the model from free units on: a chain a row, later and later states to the right."""
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
