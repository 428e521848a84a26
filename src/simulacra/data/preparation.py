"""The steps of preprocessing that are applied to rows whenever they are seen."""

from __future__ import annotations

import torch
from torch import Tensor

from simulacra.core.preprocessing.class_codes import coding
from simulacra.core.preprocessing.column_scales import as_they_are, standardizing
from simulacra.core.preprocessing.companding import MuLaw
from simulacra.core.preprocessing.normal_scores import scoring
from simulacra.core.preprocessing.transforms import Affine, Binarize, Dequantize, Logit, Transform
from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Real, Space
from simulacra.data.sources.source import Part, Source


def steps_of(
    source: Source,
    binarize: str | None,
    dequantize: str | None,
    standardize: bool | None,
    mu_law: int | None = None,
) -> tuple[Transform, ...]:
    """The steps that the options of `load_data` ask for.

    Args:
        source: after it was cut: scales are those of its training rows.

    Raises:
        ValueError: if rows are to be standardized that are not real, or companded that are no waves.
    """
    if mu_law and not isinstance(source.space, Audio):
        raise ValueError(
            f"mu_law={mu_law} applies to recordings, but {source.name} holds {source.space}: leave it out."
        )
    steps = _of_levels(source, binarize, dequantize) + ([MuLaw(mu_law)] if mu_law else [])
    wanted = source.standardize if standardize is None else standardize
    train = source.parts["train"]
    if isinstance(train.rows, Tensor) and not steps:
        if isinstance(source.space, Table):
            return (*coding(source.space), *_of_columns(source.space, train, standardize, wanted))
        if wanted and isinstance(source.space, Real):
            return (_standardizing(source.space, train.rows, train.known),)
    if standardize and mu_law:
        raise ValueError("standardize= and mu_law= exclude each other: levels are not shifted and scaled.")
    if standardize and not steps:
        raise ValueError(f"standardize=True needs real data, but {source.name} holds {source.space}.")
    return tuple(steps)


def check_steps(binarize: str | None, threshold: float, dequantize: str | None, mu_law: int | None) -> None:
    """Raise ValueError where a step is asked for that no data have, or two that exclude each other."""
    if mu_law is not None and not 2 <= mu_law <= 2**16:
        raise ValueError(f"mu_law={mu_law} must be from 2 to {2**16} levels; 256 is usual.")
    if binarize and dequantize:
        raise ValueError("binarize= and dequantize= exclude each other: 0/1 pixels have no bins to fill.")
    if not 0 < threshold < 1:
        raise ValueError(f"threshold={threshold:g} must lie between 0 and 1.")


def _of_levels(source: Source, binarize: str | None, dequantize: str | None) -> list[Transform]:
    levels = getattr(source.space, "levels", 256)
    steps: list[Transform] = []
    if binarize == "dynamic":
        steps.append(Binarize("dynamic", levels))
    if dequantize:
        steps.append(Dequantize(levels))
    if dequantize == "logit":
        steps.append(Logit())
    return steps


def _of_columns(space: Table, train: Part, standardize: bool | None, wanted: bool) -> tuple[Transform, ...]:
    """Normal scores of numbers, unless `standardize` is given; then the other columns."""
    assert isinstance(train.rows, Tensor)
    scored = scoring(space, train.rows, train.known) if standardize is None else None
    after = scored.space(space) if scored else space
    assert isinstance(after, Table)
    scaled = standardizing(after, train.rows, train.known) if wanted else as_they_are(after)
    return (scored, scaled) if scored else (scaled,)


def _standardizing(space: Space, x: Tensor, known: Tensor | None) -> Affine:
    """Mean 0 and deviation 1: for each column of an array, for all pixels or samples of images and waves."""
    x = x.double() if known is None else x.double().masked_fill(~known, torch.nan)
    x = x if x.ndim == 2 and not isinstance(space, Audio) else x.flatten().unsqueeze(1)
    shift = x.nanmean(0)
    scale = (x - shift).square().nanmean(0).sqrt()
    # a column that never changes stays as it is
    scale[scale <= 1e-12 * shift.abs().clamp_min(1)] = 1.0
    return Affine(tuple(shift.tolist()), tuple(scale.tolist()))
