"""A judge of classes and of contents: features of rows in which translations without pairs are scored.

    images and others   class: a classifier trained on the training rows (`samples.extractor`)
                        content: the entries themselves
    recordings          class: such a classifier of the mean and deviation of each bin of the log spectrum
                        content: the log spectrum less its mean over time                                (1)

The classifier sees training rows alone, of which it keeps a part out to know its own quality. What it is
given are held-out rows and their translations, which it has never seen. (1) takes the timbre of a voice away
and leaves what is said when.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from simulacra.core.numerics.spectra import Spectra
from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.plain import Real, Space
from simulacra.data.dataset import Dataset
from simulacra.data.labels import classes_in
from simulacra.data.sources.tensors import from_tensors
from simulacra.evaluation.rows import chosen, points
from simulacra.evaluation.samples.extractor import Extractor, extractor_for

TRAIN = 20_000  # most training recordings of the classifier
WINDOW = 256


@dataclass(frozen=True)
class Judge:
    """A classifier of raw rows.

    Args:
        label: its name and quality.
        digest: digest of its weights.
        classes: maps raw rows, shape (B, *), to the likeliest class, shape (B,).
    """

    label: str
    digest: str
    classes: Callable[[Tensor], Tensor]


def judge_of(data: Dataset, seed: int = 0) -> Judge | None:
    """Returns a classifier trained on the training rows, or one from the cache; None without two classes.

    Args:
        data: data set with labels.
        seed: seed of its training.
    """
    labels = classes_in(data.train)
    if labels is None or len(labels.unique()) < 2:
        return None
    raw = data.preprocessing.raw
    if isinstance(raw, Audio):
        index = chosen(data.train, TRAIN, seed)
        heard = voices(data.train.rows(index).x, raw)
        name, shape = f"voices of {data.name}", tuple(heard.shape[1:])
        of = from_tensors(heard, Real(shape), name, labels=labels[index], valid=0, test=0)
        net = extractor_for(of, seed=seed)
        rows = lambda x: points(of.preprocessing, voices(x, raw))
    else:
        net = extractor_for(data, seed=seed)
        rows = lambda x: points(data.preprocessing, x, seed)
    return Judge(net.label, net.digest, lambda x: _classes(net, rows(x)))


def _classes(net: Extractor, rows: Tensor) -> Tensor:
    p = net.probabilities(net.features(rows))
    assert p is not None
    return p.argmax(1)


def spectra_for(space: Audio) -> Spectra:
    """Returns windows that fit recordings."""
    window = min(WINDOW, max(2, space.dims // 4 * 2))
    return Spectra(window, max(1, window // 4))


def voices(x: Tensor, space: Audio) -> Tensor:
    """Returns mean and deviation of each bin of the log spectrum, shape (B, W + 2).

    Args:
        x: recordings, shape (B, T).
        space: their space.

    Example:
        >>> voices(torch.zeros(2, 40), Audio((40,))).shape
        torch.Size([2, 22])
    """
    logs = spectra_for(space).of(x.float().cpu())[0].squeeze(1)
    return torch.cat([logs.mean(2), logs.std(2)], 1)


def contents(x: Tensor, space: Space) -> Tensor:
    """Returns what is compared of contents, float64, shape (B, features).

    Args:
        x: raw rows, shape (B, *).
        space: raw space.
    """
    if isinstance(space, Audio):
        logs = spectra_for(space).of(x.double().cpu())[0].squeeze(1)
        # (1)
        return (logs - logs.mean(2, keepdim=True)).flatten(1)
    return space.measured(x, torch.float64).flatten(1)
