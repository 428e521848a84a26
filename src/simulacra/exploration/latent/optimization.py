"""Search for observations with a high property: gradient ascent on the number predicted from the code.

    z* = argmax_z  s f_j(z) + w log N(z; 0, I),   s = 1, or -1 for a low property              (1)
    x* = E[x | z*], of texts the likeliest token each time                                      (2)

f_j is the predicted number j, standardized as in training to mean 0 and standard deviation 1. Far from all
data f grows without limit and x* is meaningless, so w keeps the code near the prior. The prediction for the
code of x* itself shows how much of the increase remains when z* is decoded.

Reference: Gomez-Bombarelli et al. 2018, section "Optimization of molecules via properties". Row E24.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from simulacra.core.capabilities import general as can
from simulacra.core.interface import evaluating
from simulacra.core.model import Model
from simulacra.core.random.keyed import Rng
from simulacra.core.scores.predictions import names_of
from simulacra.exploration.latent.inversion import descended

Of = str | int | Callable[[Tensor], Tensor] | None


@dataclass(frozen=True)
class Optimum:
    """Result of a search.

    Args:
        first: codes where the search began, shape (B, latent).
        codes: z* of (1), likewise.
        x: x* of (2), in raw units, shape (B, *).
        start: the predicted number at the first codes, shape (B,).
        found: the predicted number at z*, shape (B,).
        kept: the predicted number of x* itself, by its own code, shape (B,).
    """

    first: Tensor
    codes: Tensor
    x: Tensor
    start: Tensor
    found: Tensor
    kept: Tensor


def optimize(
    model: Model,
    of: Of = None,
    x: Any = None,
    n: int = 10,
    minimize: bool = False,
    prior: float = 0.1,
    steps: int = 200,
    lr: float = 0.05,
    seed: int = 0,
) -> Optimum:
    """Searches for codes with a high predicted number by equation (1), and decodes them.

    Args:
        model: a model that predicts from its code, encodes and decodes.
        of: the number: name or place (from 0) of a column, or a function of codes, (B, latent) -> (B,); None:
            the only one.
        x: raw observations where the search begins, shape (B, *); None: n draws of the prior.
        n: number of codes, without x.
        minimize: search for a low number.
        prior: w, weight of the prior's log density.
        steps: number of steps of Adam; the learning rate falls to 0 along half a cosine.
        lr: learning rate of the first step.
        seed: same seed, same result.

    Returns:
        codes, observations and predicted numbers: those of a column in its own units, those of a function as
        it gives them.

    Raises:
        ValueError: if the model does not predict from its code, there is no such number, or an option is out
            of range.

    Example:
        >>> from simulacra import ChemicalVAE, Real, Tokens
        >>> space = Tokens((4,), 3, ("<end>", "C", "O"))
        >>> model = ChemicalVAE(space, Real((2,)), latent=3, hidden=5, width=3)
        >>> best = optimize(model, of=1, n=5, steps=20)
        >>> best.codes.shape, bool((best.found >= best.start).all())
        (torch.Size([5, 3]), True)
    """
    if not model.supports(can.PredictsFromCode) or not model.supports(can.Decodes):
        raise can.MissingCapability(
            f"{type(model).__name__} does not predict from a code that it decodes, so no code can be "
            "searched: train a model that does, such as chemical-vae."
        )
    for name, given, least in (("steps", steps, 1), ("n", n, 1), ("prior", prior, 0)):
        if given < least:
            raise ValueError(f"{name} is {given}, but it must be at least {least}.")
    value = of if callable(of) else _column(model, of)
    with evaluating(model):
        first = _begin(model, x, n, seed)
        sign = -1.0 if minimize else 1.0
        # (1)
        loss = lambda z: 0.5 * prior * z.square().sum(1) - sign * value(z)
        codes = descended(loss, first, steps, lr)
        found = model.decode(codes)
        again = model.encode(found)
        numbers = [_in_own_units(model, of, z) for z in (first, codes, again)]
    return Optimum(first, codes, found, *numbers)


def _begin(model: Model, x: Any, n: int, seed: int) -> Tensor:
    """Returns the first codes: those of observations, or draws of the prior."""
    if x is not None:
        return model.encode(x, seed=seed)
    rng = Rng(seed, "optimize", rows=range(n), device=model.device)
    if model.supports(can.HasPrior):
        return can.able(model, can.HasPrior).prior(rng)
    return rng.normal("z", can.able(model, can.Decodes).code_size, dtype=model.dtype)


def _column(model: Model, of: str | int | None) -> Callable[[Tensor], Tensor]:
    """Returns the predicted number that `of` names, as a function of codes."""
    j, able = _place(model, of), can.able(model, can.PredictsFromCode)
    return lambda z: able.response_at(z).reshape(len(z), -1)[:, j]


def _place(model: Model, of: str | int | None) -> int:
    assert model.condition is not None
    names = names_of(model, model.condition.dims)
    if of is None and len(names) == 1:
        return 0
    if isinstance(of, int) and 0 <= of < len(names):
        return of
    if of in names:
        return names.index(str(of))
    near = difflib.get_close_matches(str(of), names, 1, 0.6)
    known = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names)}."
    what = "there are several predicted numbers" if of is None else f"there is no predicted number {of!r}"
    raise ValueError(f"{what}: name one with of=; {known}")


def _in_own_units(model: Model, of: Of, z: Tensor) -> Tensor:
    """Returns the number at codes: of a column in its own units, of a function as it is."""
    with torch.no_grad():
        if callable(of):
            return of(z).double()
        y = can.able(model, can.PredictsFromCode).response_at(z)
        raw = model._raw_response(y).reshape(len(z), -1).double()
    return raw[:, _place(model, of)]
