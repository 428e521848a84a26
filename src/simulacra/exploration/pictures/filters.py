"""Pictures of models with an energy: weights of hidden units, and states of Markov chains."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from simulacra.core.capabilities import general as can
from simulacra.core.interface import evaluating
from simulacra.core.progress.tasks import each
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.tokens import Tokens
from simulacra.exploration.drawing.picture import Picture
from simulacra.exploration.drawing.sheet import of_images, sheet, signed_images
from simulacra.exploration.drawing.texts import unmasked
from simulacra.exploration.pictures.album import Album

FILTERS, COLUMNS = 100, 10
CHAINS = 8
TEXTS = 2  # texts whose trajectory is shown
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
    """Stationary Markov chains from random states on: one chain in each row, later states to the right."""
    title = f"{type(album.model).__name__}: fantasies{album.binarized}, a chain a row, after so many sweeps"
    return _chains(album, "fantasies", SWEEPS, title)


def trajectory(album: Album) -> Picture:
    """Markov chains of finite length: one chain in each row, from its first state to the sample."""
    length = can.able(album.model, can.HasMarkovChain).chain_length
    assert length is not None
    steps = sorted({round(i * length / (COLUMNS - 1)) for i in range(COLUMNS)})
    if isinstance(album.space, Tokens):
        return _texts(album, sorted({*steps[::2], steps[-1]}))
    title = f"{type(album.model).__name__}: trajectories{album.binarized}, a chain a row, after so many steps"
    return _chains(album, "trajectory", steps, title)


def _texts(album: Album, steps: Sequence[int]) -> Picture:
    """Chains of texts one below the other, each with a line for each of its states."""
    seen, _ = _walked(album, "trajectory", steps)
    assert isinstance(album.space, Tokens)
    whole = [(x, torch.ones_like(x, dtype=torch.bool) if drawn is None else drawn) for x, drawn in seen]
    rows = [[(x[i], drawn[i]) for x, drawn in whole] for i in range(TEXTS)]
    title = f"{type(album.model).__name__}: {TEXTS} texts after so many steps"
    return unmasked(album.space, rows, [f"{n:,}" for n in steps], title)


def _chains(album: Album, name: str, shown: Sequence[int], title: str) -> Picture:
    """Chains whose states are shown after so many steps; classes in turn where the condition is a class."""
    seen, given = _walked(album, name, shown)
    names = [album.class_names()[k] for k in given.tolist()] if given is not None and album.classes else []
    columns = [f"{n:,}" for n in shown]
    states = torch.stack([x for x, _ in seen], 1)
    return sheet(album.space, states, title, column_names=columns, row_names=names)


def _walked(
    album: Album, name: str, shown: Sequence[int]
) -> tuple[list[tuple[Tensor, Tensor | None]], Tensor | None]:
    """Returns rows that chains show after given numbers of steps, masks of drawn entries, and conditions."""
    model, chain = album.model, can.able(album.model, can.HasMarkovChain)
    rng = Rng(album.seed, name, rows=range(CHAINS), device=model.device)
    given = album.conditions(CHAINS)
    c = None if given is None else model._condition(given, CHAINS)
    seen: list[tuple[Tensor, Tensor | None]] = []
    at = 0
    with evaluating(model):
        state = chain.start_chain(rng.at("start"), c)
        for steps in shown:
            for t in each(range(at, steps), "chains", "sweep"):
                state = chain.step(state, rng.at(t), c)
            at = steps
            seen.append((model.preprocessing.inverse(chain.shown(state)), chain.drawn(state)))
    return seen, given
