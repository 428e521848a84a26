"""Builds the preprocessing steps that are applied to rows whenever they are read."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from simulacra.core.preprocessing.chain import Preprocessing
from simulacra.core.preprocessing.class_codes import coding
from simulacra.core.preprocessing.column_scales import as_they_are, place_and_scale, standardizing
from simulacra.core.preprocessing.companding import MuLaw
from simulacra.core.preprocessing.framing import Frames
from simulacra.core.preprocessing.normal_scores import scoring
from simulacra.core.preprocessing.transforms import Affine, Binarize, Dequantize, Logit, Transform
from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.composite import Sequence, Table
from simulacra.core.spaces.plain import Real, Space
from simulacra.data.sources.source import Part, Source


def steps_of(
    source: Source,
    binarize: str | None,
    dequantize: str | None,
    standardize: bool | None,
    mu_law: int | None = None,
) -> tuple[Transform, ...]:
    """Returns the preprocessing steps for the options of `load_data`.

    Args:
        source: the source after it was cut into splits: scales are computed from its training rows.
        binarize: `dynamic` adds random binarization; other values were applied before.
        dequantize: `uniform`, `logit` or None.
        standardize: True, False, or None: the default of the source.
        mu_law: number of mu-law levels, or None.

    Raises:
        ValueError: if standardization is asked of data that are not real, or mu-law of data that are not
            recordings.
    """
    if mu_law and not isinstance(source.space, Audio):
        raise ValueError(
            f"mu_law={mu_law} applies to recordings, but {source.name} holds {source.space}: leave it out."
        )
    steps = _steps_of_levels(source, binarize, dequantize) + ([MuLaw(mu_law)] if mu_law else [])
    wanted = source.standardize if standardize is None else standardize
    train = source.parts["train"]
    if isinstance(train.rows, Tensor) and not steps:
        if isinstance(source.space, Table):
            return (*coding(source.space), *_steps_of_table(source.space, train, standardize, wanted))
        if wanted and isinstance(source.space, Real):
            return (standardizing_real(source.space, train.rows, train.known),)
        if wanted and isinstance(source.space, Sequence) and isinstance(source.space.of, Real):
            return (standardizing_real(source.space.of, _steps(source.space, train)),)
    if standardize and mu_law:
        raise ValueError("standardize= and mu_law= exclude each other: levels are not shifted and scaled.")
    if standardize and not steps:
        raise ValueError(f"standardize=True needs real data, but {source.name} holds {source.space}.")
    return tuple(steps)


def framed(chain: Preprocessing, frame: int | None) -> Preprocessing:
    """Returns the chain with a last step that cuts recordings into frames, after any scaling.

    Args:
        chain: the preprocessing of recordings.
        frame: number of samples of a frame; None: the chain as it is.
    """
    return chain if frame is None else replace(chain, steps=(*chain.steps, Frames(frame)))


def _steps(space: Sequence, part: Part) -> Tensor:
    """Returns the steps of all sequences without their padding, shape (steps, *)."""
    assert isinstance(part.rows, Tensor) and part.lengths is not None
    valid = torch.arange(space.steps) < part.lengths.unsqueeze(1)
    return part.rows[valid]


def check_steps(binarize: str | None, threshold: float, dequantize: str | None, mu_law: int | None) -> None:
    """Checks the preprocessing options before data are read.

    Args:
        binarize: an option of `load_data`, as are the others.
        threshold: cut of `binarize="threshold"`, between 0 and 1.
        dequantize: excludes `binarize`.
        mu_law: number of levels, 2 to 65,536, or None.

    Raises:
        ValueError: if a value is out of range, or two options exclude each other.
    """
    if mu_law is not None and not 2 <= mu_law <= 2**16:
        raise ValueError(f"mu_law={mu_law} must be from 2 to {2**16} levels; 256 is usual.")
    if binarize and dequantize:
        raise ValueError("binarize= and dequantize= exclude each other: 0/1 pixels have no bins to fill.")
    if not 0 < threshold < 1:
        raise ValueError(f"threshold={threshold:g} must lie between 0 and 1.")


def _steps_of_levels(source: Source, binarize: str | None, dequantize: str | None) -> list[Transform]:
    levels = getattr(source.space, "levels", 256)
    steps: list[Transform] = []
    if binarize == "dynamic":
        steps.append(Binarize("dynamic", levels))
    if dequantize:
        steps.append(Dequantize(levels))
    if dequantize == "logit":
        steps.append(Logit())
    return steps


def _steps_of_table(
    space: Table, train: Part, standardize: bool | None, wanted: bool
) -> tuple[Transform, ...]:
    """Returns the steps of a table: normal scores (unless `standardize` is given), then the other columns."""
    assert isinstance(train.rows, Tensor)
    scored = scoring(space, train.rows, train.known) if standardize is None else None
    after = scored.space(space) if scored else space
    assert isinstance(after, Table)
    scaled = standardizing(after, train.rows, train.known) if wanted else as_they_are(after)
    return (scored, scaled) if scored else (scaled,)


def standardizing_real(space: Space, x: Tensor, known: Tensor | None = None) -> Affine:
    """Returns the step to mean 0, deviation 1: per column of an array, else over all pixels or samples.

    Args:
        space: a space of real numbers.
        x: training rows, shape (N, *).
        known: True where an entry is observed, shape of x; None: everywhere.
    """
    x = x.double() if known is None else x.double().masked_fill(~known, torch.nan)
    x = x if x.ndim == 2 and not isinstance(space, Audio) else x.flatten().unsqueeze(1)
    shift, scale = place_and_scale(x)
    return Affine(tuple(shift.tolist()), tuple(scale.tolist()))
