"""Scores of samples, for models without a likelihood and for comparisons across families.

Samples, held-out rows and training rows pass through one feature extractor. Samples are compared with
held-out rows; as many training rows are compared with them, too, as the reference of a perfect model. A
Frechet distance from n samples is too large by about b / n, where b differs between models (Chong and Forsyth
2020). It is therefore computed for n and n / 2 samples, and extrapolated without that bias as

    F(n) = F + b / n    =>    F = 2 F(n) - F(n / 2)                                                (1)

The number of held-out rows is the same in all of these, and so is its contribution to the bias.

Reference: see `evaluation.samples.distances` and `evaluation.samples.coverage`. Rows G15 and F11.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from simulacra.core.errors.suggestion import Refusal
from simulacra.core.interface import CHUNK
from simulacra.core.model import Model
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.composite import Sequence
from simulacra.data.catalog.names import cache
from simulacra.data.dataset import Dataset, Split
from simulacra.data.toys import Modes
from simulacra.evaluation.likelihood.held_out import fits
from simulacra.evaluation.measures.kept_parts import TENSOR, Store
from simulacra.evaluation.rows import count, points, samples_like, subset
from simulacra.evaluation.samples.coverage import precision_recall_density_coverage
from simulacra.evaluation.samples.distances import (
    Moments,
    frechet_error,
    frechet_of_moments,
    inception_score,
    kernel_distance,
    moments,
)
from simulacra.evaluation.samples.extractor import Extractor, extractor_for
from simulacra.evaluation.samples.quality import Frechet, ModesFound, SampleQuality, Scores

SAMPLES = 10_000
FEWEST = 100  # smallest number of rows; with fewer, the scores are mostly noise


class NotScored(Refusal):
    """Error if the data do not permit these scores, with the reason."""


@dataclass(frozen=True)
class Judging:
    """Options for scoring samples in features.

    Args:
        extractor: feature extractor, as in `sample_scores`.
        samples: number of samples, at most that of held-out or training rows.
    """

    extractor: Extractor | nn.Module | str | Path | None = None
    samples: int = SAMPLES


def sample_scores(
    model: Model,
    data: Dataset,
    split: str = "test",
    n: int = SAMPLES,
    extractor: Extractor | nn.Module | str | Path | None = None,
    seed: int = 0,
    limit: int | None = None,
    folder: str | Path | None = None,
) -> SampleQuality:
    """Scores n samples against n rows of `split`, in the features of an extractor.

    Args:
        model: model to sample from.
        data: data set.
        split: `train`, `valid` or `test`.
        n: number of samples, at most that of the rows of `split` or of the training rows; a model with a
            condition is given the conditions of the rows that it is compared with.
        extractor: a module, a file, or None: a network trained on the training rows (`extractor_for`).
        seed: seed of the samples and the choice of rows.
        limit: use only so many rows of `split`, chosen at random; None: all.
        folder: folder for trained extractors and features; None: the user's cache.

    Raises:
        ValueError: if the model does not sample, rows have no features of fixed size, or there are too few
            rows for the features.

    Example:
        >>> import simulacra
        >>> data = simulacra.load_data("ring")
        >>> found = sample_scores(simulacra.PPCA(data.space, latent=1), data)
        >>> found.modes.covered, found.modes.good < found.modes.expected
        (8, True)
    """
    fits(model, data)
    rows = _rows(data, split, n, limit)
    held_out = _random_rows(data[split], rows, seed, limit)
    net = extractor_for(data, extractor, folder=folder)
    store = Store(Path(folder or cache()) / "features")
    real = _features(net, data, _raw(held_out), seed + 1, store)
    check_enough_for(real.shape[1], rows, split)
    judge = _Judge(net, data, real, moments(real), seed)
    training = _features(net, data, _raw(_random_rows(data.train, rows, seed + 1)), seed + 2, store)
    samples = samples_like(model, held_out, rows, seed).cpu()
    truth = data.truth if isinstance(data.truth, Modes) else None
    return SampleQuality(
        extractor=net.label,
        extractor_digest=net.digest,
        features=real.shape[1],
        samples=rows,
        seed=seed,
        model=judge.scores(_features(net, data, samples.split(CHUNK), seed, store)),
        # inception score of held-out rows, because the classifier was trained on the training rows
        reference=judge.scores(training, labelled=real),
        modes=modes_found(truth, samples, held_out.x) if truth else None,
    )


def _rows(data: Dataset, split: str, n: int, limit: int | None) -> int:
    """Returns the number of rows on each side, which is even for two halves."""
    check_features(data, split, "train")
    found = min(n, count(data[split], limit), len(data.train))
    if found < FEWEST:
        raise NotScored(
            f"scores of samples need at least {FEWEST} samples, rows of {split} and training rows, but there "
            f"are {found}."
        )
    return found - found % 2


def check_features(data: Dataset, *splits: str) -> None:
    """Raises NotScored unless the rows have features of a fixed size.

    Args:
        data: data set.
        splits: names of the splits.
    """
    if isinstance(data.preprocessing.raw, Sequence):
        raise NotScored(f"{data.name} holds sequences: there is no feature extractor for them.")
    for name in splits:
        if data[name].known is not None:
            raise NotScored(f"{data.name} {name} misses entries, so its rows have no features.")


def check_enough_for(features: int, rows: int, split: str) -> None:
    """Raises NotScored unless half of the rows are more than the features.

    Args:
        features: number of features.
        rows: number of rows on each side.
        split: split of the held-out rows, for the message.
    """
    if rows // 2 <= features:
        raise NotScored(
            f"a Frechet distance of {features} features at n and n / 2 samples needs n = {2 * features + 2} "
            f"or more, but n is {rows}, at most the number of rows of {split} and of train: use more, or an "
            "extractor with fewer features."
        )


def _random_rows(split: Split, n: int, seed: int, limit: int | None = None) -> Split:
    """Returns n of `limit` rows of a split, chosen at random."""
    rows = subset(split, limit, seed)
    return rows.select(Rng(seed, "scored rows").permutation("rows", len(rows))[:n])


def _raw(split: Split) -> Iterator[Tensor]:
    """Yields the raw rows of a split, block by block."""
    for chosen in torch.arange(len(split)).split(CHUNK):
        yield split.rows(chosen).x


def _features(net: Extractor, data: Dataset, blocks: Iterable[Tensor], seed: int, store: Store) -> Tensor:
    """Returns features of raw rows; those of an extractor from a file are cached block by block.

    Features of a module in memory are not cached, because no digest identifies its forward pass.
    """
    extract = lambda raw: net.features(points(data.preprocessing, raw.cpu(), seed))
    if net.path is None:
        return torch.cat([extract(raw) for raw in blocks])
    of = (net.digest, net.path.suffix, json.dumps(data.preprocessing.spec(), sort_keys=True), seed)
    found = []
    for raw in blocks:
        make = partial(extract, raw)
        found.append(store.once("features", (*of, raw), make, TENSOR))
    return torch.cat(found)


def modes_found(truth: Modes, samples: Tensor, held_out: Tensor) -> ModesFound:
    """Returns how many modes of a known mixture have a sample.

    Args:
        truth: the mixture from which the data were drawn.
        samples: samples in raw units, shape (n, *).
        held_out: held-out rows in raw units, shape (m, *).
    """
    found, expected = truth.coverage(samples), truth.coverage(held_out)
    return ModesFound(found["modes"], len(truth.modes), found["good"], expected["good"])


@dataclass(frozen=True)
class _Judge:
    """Features of held-out rows, and the scores of other rows against them."""

    net: Extractor
    data: Dataset
    real: Tensor
    moments: Moments
    seed: int

    def scores(self, features: Tensor, labelled: Tensor | None = None) -> Scores:
        """Returns the scores of rows; `labelled` are the rows of the inception score, by default the same."""
        p = self.net.probabilities(features if labelled is None else labelled)
        return Scores(
            self.frechet(features),
            kernel_distance(features, self.real, seed=self.seed),
            precision_recall_density_coverage(self.real, features),
            None if p is None else inception_score(p, seed=self.seed),
        )

    def frechet(self, features: Tensor) -> Frechet:
        """Returns the Frechet distance of all rows, of both halves, their extrapolation and its error."""
        distance = lambda rows: frechet_of_moments(moments(rows), self.moments)
        whole, half = distance(features), sum(map(distance, features.chunk(2))) / 2
        # (1)
        return Frechet(whole, half, 2 * whole - half, frechet_error(features, self.moments))
