"""`load_data`: a data set by name or path, split, binarised, resized and standardised on request."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from simulacra.core.pixels import Geometry
from simulacra.core.preprocessing import Preprocessing
from simulacra.core.renamed import renames
from simulacra.core.space import Categorical, Space
from simulacra.core.waves import Wave
from simulacra.data.dataset import Dataset, Split
from simulacra.data.images.depth import suggestion
from simulacra.data.images.files import ImageFiles
from simulacra.data.images.geometry import binarise_once, reshape_images
from simulacra.data.leaks.search import warn_of_copies
from simulacra.data.opening import open_source
from simulacra.data.own_range import with_own_range
from simulacra.data.source import Part, Source
from simulacra.data.splits.cut import cut
from simulacra.data.steps import steps_of
from simulacra.data.stream import STREAM_ABOVE, StreamedSplit
from simulacra.data.tables.kinds import read_types

log = logging.getLogger("simulacra")

LOOKED_AT = 32  # rows of each split whose values are looked at where they are not in memory


@renames
def load_data(
    name_or_path: str | Path | Any,
    *,
    binarize: Literal["static", "dynamic", "threshold"] | None = None,
    threshold: float = 0.5,
    dequantise: Literal["uniform", "logit"] | None = None,
    mu_law: int | None = None,
    size: int | None = None,
    crop: int | None = None,
    tile: int | None = None,
    levels: int | None = None,
    grey: bool = False,
    validation: float = 0.1,
    test: float = 0.1,
    groups: str | None = None,
    stratify: str | None = None,
    time: str | None = None,
    splits: str | None = None,
    condition: Literal["label"] | None = None,
    label: str | None = None,
    key: str | None = None,
    types: str | Mapping[str, str] | None = None,
    standardise: bool | None = None,
    missing: Literal["error", "mask"] = "error",
    seed: int = 0,
    limit: int | None = None,
    stream: bool | None = None,
) -> Dataset:
    """A data set by name (`digits`, `mnist`, `ring`, ...) or by path (images, wav, npz, npy, csv, mat).

    Args:
        name_or_path: a name that `simulacra data` lists, a folder of images or of .wav recordings (class
            subfolders are labels; train, valid and test subfolders are splits), a .wav, .npz, .npy, .csv
            or .mat file, or a data frame (or a mapping of columns).
        binarize: turn grey levels into 0/1: `dynamic` anew at every visit, `static` once by seed,
            `threshold` by a cut. The three are different protocols.
        threshold: where `binarize=threshold` cuts, as a share of the range.
        dequantise: turn levels into reals: `uniform` adds noise within a level, `logit` also maps
            (0, 1) to the line.
        mu_law: turn recordings into so many levels, spaced by the mu-law with mu one less, such as 256:
            the score is then a log probability of the levels.
        size: side in pixels; images are cut to their central square and resized with antialiasing.
        crop: side in pixels; images are cut to their central square of that side, not resized. Of
            recordings the number of samples in the middle that are kept.
        tile: side in pixels; each image (and page) is cut into tiles of that side, what is left over
            at the right and the bottom is dropped; tiles of one image stay in one split. Recordings are
            cut into windows of that many samples.
        levels: number of grey levels in use where a file is deeper than its camera was, such as 4096
            for 12 bits kept in 16.
        grey: turn colour images grey.
        validation: share of the training rows kept for validation (or a number of rows, from 1),
            where the data have no validation split of their own.
        test: as validation, for the test split.
        groups: rows of one group (slide, patient, speaker) stay in one split: `folder` (the image's
            folder), `file` (pages, tiles and windows of one file), a regular expression whose first group is
            read off the file's path, or a column or key of the file.
        stratify: `label`, or a column or key of the file whose values every split holds in equal shares.
        time: a column or key whose order decides: the first rows train, the last ones test; `start` in a
            single recording.
        splits: a .csv with the columns `row` (number from 0, or image path) and `split` (train, valid,
            test); or a column or key of the file that holds these words.
        condition: `label` gives the class labels to the model as condition.
        label: column of a csv (a name, or a number from 1), or key of an npz or mat file, that
            holds the labels.
        key: which array of an npz or mat file holds the observations.
        standardise: shift and scale real data by mean and standard deviation of the training rows;
            by default tables and arrays are, toys and recordings are not.
        types: kinds of the columns of a table (`real`, `positive`, `count`, `binary`, `categorical`,
            `ordinal`, `drop`): one word for all, a YAML file, or a mapping by name; otherwise inferred.
        missing: what to do about missing entries: `error` refuses them, `mask` leaves them out of the
            likelihood.
        seed: of splits, static binarisation and toys.
        limit: keep only the first rows of each split, for a quick trial.
        stream: read images from disk while training; by default only if they take more than 1 GiB.

    Returns:
        The splits with their raw rows, and the preprocessing to the model's space.

    Raises:
        ValueError: if the data are missing or damaged, or an option does not apply to them.

    Example:
        >>> print(load_data("digits", binarize="dynamic"))
        digits: 1,437 train, 180 valid, 180 test; Binary(shape=(1, 8, 8)); dynamic binarisation
    """
    options = {k: v for k, v in locals().items() if k != "name_or_path"}
    _check_options(options)
    # what a file of types says travels with the run
    options["types"] = read_types(types) or None
    source = open_source(name_or_path, options)
    geometry = Geometry(size, crop, tile)
    source = reshape_images(source, geometry, grey)
    if binarize in ("static", "threshold"):
        source = binarise_once(source, binarize, threshold, seed)
    source = cut(source, validation, test, seed, limit, groups, stratify, time, splits)
    steps = steps_of(source, binarize, dequantise, standardise, mu_law)
    # rows from memory cannot be loaded again
    spec = {"name_or_path": source.origin, **options} if source.origin else {}
    pictured = geometry.side is not None and not isinstance(source.space, Wave)
    chain = Preprocessing(source.space, steps, geometry if pictured else None)
    data = _dataset(source, chain, condition, stream, spec, standardise)
    warn_of_copies(data)
    return data


def _check_options(options: dict[str, Any]) -> None:
    """Raise ValueError where an option has a value that is none of its own."""
    allowed: dict[str, tuple[Any, ...]] = {
        "binarize": (None, "static", "dynamic", "threshold"),
        "dequantise": (None, "uniform", "logit"),
        "condition": (None, "label"),
        "missing": ("error", "mask"),
    }
    for name, values in allowed.items():
        if options[name] not in values:
            known = ", ".join(repr(v) for v in values if v is not None)
            raise ValueError(f"{name}={options[name]!r} is unknown; choose from {known}.")
    if options["mu_law"] is not None and not 2 <= options["mu_law"] <= 2**16:
        raise ValueError(f"mu_law={options['mu_law']} must be from 2 to {2**16} levels; 256 is usual.")
    if options["binarize"] and options["dequantise"]:
        raise ValueError("binarize= and dequantise= exclude each other: 0/1 pixels have no bins to fill.")
    if not 0 < options["threshold"] < 1:
        raise ValueError(f"threshold={options['threshold']:g} must lie between 0 and 1.")
    for name in ("size", "crop", "tile", "limit"):
        if options[name] is not None and options[name] < 1:
            raise ValueError(f"{name}={options[name]} must be 1 or more.")
    given = [f"{name}=" for name in ("size", "crop", "tile") if options[name] is not None]
    if len(given) > 1:
        raise ValueError(
            f"{' and '.join(given)} exclude each other: an image is resized, cropped or cut into tiles."
        )


def _dataset(
    source: Source,
    chain: Preprocessing,
    condition: str | None,
    stream: bool | None,
    spec: dict[str, Any],
    standardise: bool | None = None,
) -> Dataset:
    chain.space  # noqa: B018  (a step that does not apply says so here)
    c_space = _condition(source) if condition else None
    if stream is None:
        stream = (
            sum(p.rows.bytes for p in source.parts.values() if isinstance(p.rows, ImageFiles)) > STREAM_ABOVE
        )
    splits = {name: _split(part, chain, c_space, stream) for name, part in source.parts.items()}
    _suggest_levels(source, splits, spec)
    chain = with_own_range(chain, splits["train"], standardise)
    splits = {name: split.under(chain) for name, split in splits.items()}
    return Dataset(
        source.name,
        splits,
        chain,
        c_space,
        source.label_names,
        spec,
        applied=source.applied,
        truth=source.truth,
    )


def _suggest_levels(source: Source, splits: dict[str, Split], spec: dict[str, Any]) -> None:
    """Say it where the values of deep images look like those of a camera with fewer bits."""
    every = [part.rows for part in source.parts.values() if isinstance(part.rows, ImageFiles)]
    if not every or every[0].levels <= 256 or spec.get("levels"):
        return
    kept = [split.x for split in splits.values() if not isinstance(split, StreamedSplit)]
    if every[0].bits or not kept:
        # not in memory as levels: a few tell it
        kept = [replace(rows, bits=None).sample(LOOKED_AT) for rows in every]
    count = sum(map(len, kept))
    said = suggestion(every[0].levels, [int(x.max()) for x in kept], f"{count:,} rows")
    if said:
        log.info("%s", said)


def _condition(source: Source) -> Space:
    if any(part.labels is None for part in source.parts.values()):
        raise ValueError(
            f"condition='label' needs labels, but {source.name} has none: use class subfolders for "
            "images, or name the column or key with label=."
        )
    return Categorical((), len(source.label_names), source.label_names)


def _split(part: Part, chain: Preprocessing, c_space: Space | None, stream: bool) -> Split:
    c = part.labels if c_space else None
    if isinstance(part.rows, Tensor):
        return Split(
            part.rows, chain, c, part.labels, part.known, None, part.lengths, source_rows=part.source_rows
        )
    if stream:
        return StreamedSplit(part.rows, chain, c, part.labels, source_rows=part.source_rows)
    split = Split(part.rows.read_all(), chain, c, part.labels, source_rows=part.source_rows)
    # as if it were streamed: the files are what is hashed
    return split.stamped(part.rows.digest)
