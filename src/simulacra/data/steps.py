"""The steps of preprocessing that are applied to rows whenever they are seen."""

from __future__ import annotations

import torch
from torch import Tensor

from simulacra.core.codes import coding
from simulacra.core.columns import as_they_are, standardising
from simulacra.core.companding import MuLaw
from simulacra.core.composite import Fields
from simulacra.core.normal_scores import scoring
from simulacra.core.space import Real, Space
from simulacra.core.transforms import Affine, Binarise, Dequantise, Logit, Transform
from simulacra.core.waves import Wave
from simulacra.data.source import Part, Source


def steps_of(
    source: Source,
    binarize: str | None,
    dequantise: str | None,
    standardise: bool | None,
    mu_law: int | None = None,
) -> tuple[Transform, ...]:
    """The steps that the options of `load_data` ask for.

    Args:
        source: after it was cut: scales are those of its training rows.

    Raises:
        ValueError: if rows are to be standardised that are not real, or companded that are no waves.
    """
    if mu_law and not isinstance(source.space, Wave):
        raise ValueError(
            f"mu_law={mu_law} applies to recordings, but {source.name} holds {source.space}: leave it out."
        )
    steps = _of_levels(source, binarize, dequantise) + ([MuLaw(mu_law)] if mu_law else [])
    wanted = source.standardise if standardise is None else standardise
    train = source.parts["train"]
    if isinstance(train.rows, Tensor) and not steps:
        if isinstance(source.space, Fields):
            return (*coding(source.space), *_of_columns(source.space, train, standardise, wanted))
        if wanted and isinstance(source.space, Real):
            return (_standardising(source.space, train.rows, train.known),)
    if standardise and mu_law:
        raise ValueError("standardise= and mu_law= exclude each other: levels are not shifted and scaled.")
    if standardise and not steps:
        raise ValueError(f"standardise=True needs real data, but {source.name} holds {source.space}.")
    return tuple(steps)


def check_steps(binarize: str | None, threshold: float, dequantise: str | None, mu_law: int | None) -> None:
    """Raise ValueError where a step is asked for that no data have, or two that exclude each other."""
    if mu_law is not None and not 2 <= mu_law <= 2**16:
        raise ValueError(f"mu_law={mu_law} must be from 2 to {2**16} levels; 256 is usual.")
    if binarize and dequantise:
        raise ValueError("binarize= and dequantise= exclude each other: 0/1 pixels have no bins to fill.")
    if not 0 < threshold < 1:
        raise ValueError(f"threshold={threshold:g} must lie between 0 and 1.")


def _of_levels(source: Source, binarize: str | None, dequantise: str | None) -> list[Transform]:
    levels = getattr(source.space, "levels", 256)
    steps: list[Transform] = []
    if binarize == "dynamic":
        steps.append(Binarise("dynamic", levels))
    if dequantise:
        steps.append(Dequantise(levels))
    if dequantise == "logit":
        steps.append(Logit())
    return steps


def _of_columns(space: Fields, train: Part, standardise: bool | None, wanted: bool) -> tuple[Transform, ...]:
    """Normal scores of numbers, unless `standardise` is given; then the other columns."""
    assert isinstance(train.rows, Tensor)
    scored = scoring(space, train.rows, train.known) if standardise is None else None
    after = scored.space(space) if scored else space
    assert isinstance(after, Fields)
    scaled = standardising(after, train.rows, train.known) if wanted else as_they_are(after)
    return (scored, scaled) if scored else (scaled,)


def _standardising(space: Space, x: Tensor, known: Tensor | None) -> Affine:
    """Mean 0 and deviation 1: for each column of an array, for all pixels or samples of images and waves."""
    x = x.double() if known is None else x.double().masked_fill(~known, torch.nan)
    x = x if x.ndim == 2 and not isinstance(space, Wave) else x.flatten().unsqueeze(1)
    shift = x.nanmean(0)
    scale = (x - shift).square().nanmean(0).sqrt()
    # a column that never changes stays as it is
    scale[scale <= 1e-12 * shift.abs().clamp_min(1)] = 1.0
    return Affine(tuple(shift.tolist()), tuple(scale.tolist()))
