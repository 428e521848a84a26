"""Error of a classifier trained with few labels on features that the model learned without labels.

    codes or features     a linear classifier of them, from n labelled training rows, balanced over classes
    p(label|x)            the model's own classifier, with the labels that it was trained with

The reference is the same linear classifier of the rows themselves, trained on the same n rows. All are tested
on the same held-out rows, over several choices of the n rows.

Reference: Kingma et al. 2014, section 4.1; Salimans et al. 2016, section 6. Row I12.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from simulacra.core.batch import Batch
from simulacra.core.capabilities import general as can
from simulacra.core.capabilities.representation import features_of
from simulacra.core.interface import CHUNK
from simulacra.core.model import Model
from simulacra.core.random.keyed import Rng
from simulacra.core.storage.records import Record
from simulacra.data.dataset import Dataset, Split
from simulacra.evaluation.interval import Interval, crossed_mean, crossed_share, in_words
from simulacra.evaluation.likelihood.held_out import fits
from simulacra.evaluation.rows import points, subset
from simulacra.evaluation.samples.implicit import NotScored, check_features
from simulacra.evaluation.tasks.classification import labels_of

if TYPE_CHECKING:
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import Pipeline

FOLDS = 5
PENALTIES = (0.001, 0.01, 0.1, 1.0, 10.0)  # C, the inverse weight of |w|^2, chosen by cross-validation
CLASSIFIER = "logistic regression, standardized, C by cross-validation"
OWN = "its own p(label|x)"

Reading = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class FewLabels(Record):
    """Errors on held-out rows; comparable if all entries from `classifier` to `rows` and the data are equal.

    Args:
        read: input of the classifier, such as `codes of width 20`, or the statement that the model
            classifies itself, with the labels that it was trained with.
        classifier: name of the classifier that is trained on the labelled rows.
        labels: number n of labelled rows, balanced over classes.
        seeds: seeds of the choices of these rows.
        split: split of the held-out rows.
        rows: number of held-out rows with a known label.
        error: share of wrong rows, over choices and rows.
        reference: share of wrong rows for the linear classifier of the rows themselves.
        difference: `error` less `reference`, over the same choices and rows.
    """

    read: str
    classifier: str
    labels: int
    seeds: tuple[int, ...]
    split: str
    rows: int
    error: Interval
    reference: Interval
    difference: Interval


def few_labels(
    model: Model,
    data: Dataset,
    labels: int = 100,
    seeds: Sequence[int] = (0, 1, 2, 3, 4),
    split: str = "test",
    limit: int | None = None,
) -> FewLabels:
    """Trains a linear classifier with n labels on the model's codes or features, and tests it on a split.

    A model that classifies is tested with its own p(label|x). Rows with unknown labels are left out.
    Intervals cover choices of the labelled rows and draws of test rows.

    Args:
        model: model that encodes, has features, or classifies.
        data: data set with labels.
        labels: n, rounded down so that all classes have the same number.
        seeds: seeds of the choices of labelled rows.
        split: split of the test rows.
        limit: use only so many rows of `split`, chosen at random; None: all.

    Raises:
        ValueError: if rows have no labels or too few, or the model neither encodes, has features nor
            classifies.

    Example:
        >>> import simulacra, tempfile
        >>> data = simulacra.load_data("digits")
        >>> run = simulacra.fit(simulacra.PCA(data.space, latent=20), data, out=tempfile.mkdtemp())
        >>> found = few_labels(run.model, data, labels=50, seeds=(0, 1))
        >>> found.labels, found.read
        (50, 'codes of width 20')
    """
    fits(model, data)
    check_features(data, split, "train")
    y = _labels(data, "train")
    chosen = [balanced(y, labels, seed) for seed in seeds]
    test, truth = _with_labels(data, split, limit)
    themselves = _wrong(lambda x: points(data.preprocessing, x).flatten(1), data, y, chosen, test, truth)
    if model.supports(can.Classifies):
        read, parts = OWN, [model.classify(block.x).argmax(1).cpu() for block in _blocks(test, len(truth))]
        wrong = (torch.cat(parts) != truth).unsqueeze(0)
    else:
        name, reading = _classifier_input(model)
        width = reading(data.train.rows(chosen[0][:1]).x).shape[1]
        read, wrong = f"{name} of width {width:,}", _wrong(reading, data, y, chosen, test, truth)
    return FewLabels(
        read=read,
        classifier=CLASSIFIER,
        labels=len(chosen[0]),
        seeds=tuple(seeds),
        split=split,
        rows=len(truth),
        error=crossed_share(wrong),
        reference=crossed_share(themselves),
        difference=crossed_mean(wrong.double() - themselves.double()),
    )


def balanced(y: Tensor, n: int, seed: int) -> Tensor:
    """Returns the indices of n random rows, n / K of each of the K classes.

    Args:
        y: class numbers, shape (N,); -1 means unknown.
        n: number of rows.
        seed: seed of the choice.

    Raises:
        ValueError: if there are fewer than two classes, or one has too few rows.

    Example:
        >>> y = torch.tensor([0, 1, 0, 1, 0, -1])
        >>> y[balanced(y, 5, seed=0)].tolist()
        [0, 0, 1, 1]
    """
    classes = y[y >= 0].unique()
    if len(classes) < 2:
        raise NotScored(
            f"a classifier needs at least two classes, but the training rows have {len(classes)}."
        )
    each = n // len(classes)
    order = Rng(seed, "few labels").permutation("rows", len(y))
    found = [order[y[order] == k][:each] for k in classes]
    short = [(int(k), len(rows)) for k, rows in zip(classes, found) if len(rows) < max(1, each)]
    if not each or short:
        few = f"class {short[0][0]} has {short[0][1]}" if each else f"there are {len(classes)} classes"
        raise NotScored(f"labels is {n}, of which each class gets {each}, but {few}.")
    return torch.cat(found)


def _labels(data: Dataset, split: str) -> Tensor:
    """Returns class numbers of the rows, -1 if unknown; raises NotScored if all are unknown."""
    y = labels_of(data[split])
    if y is None or not bool((y >= 0).any()):
        raise NotScored(
            f"the error at a few labels needs rows with labels, but {data.name} {split} has none."
        )
    return y


def _with_labels(data: Dataset, split: str, limit: int | None) -> tuple[Split, Tensor]:
    """Returns the rows with known labels, and the labels."""
    _labels(data, split)
    rows = subset(data[split], limit)
    y = labels_of(rows)
    assert y is not None
    at = (y >= 0).nonzero()[:, 0]
    if not len(at):
        raise NotScored(
            f"none of {len(rows):,} rows of {data.name} {split} has a label: take a larger limit."
        )
    return rows.select(at), y[at]


def _classifier_input(model: Model) -> tuple[str, Reading]:
    """Returns name and function of the input of the linear classifier: codes or features."""
    name = type(model).__name__
    if model.supports(can.TakesCondition):
        raise NotScored(f"{name} is given the condition with x, so its codes need not contain the label.")
    if model.supports(can.Encodes):
        return "codes", lambda x: model.encode(x).flatten(1).cpu()
    if model.supports(can.HasFeatures):
        return "features", lambda x: features_of(model, x).flatten(1)
    raise NotScored(
        f"{name} neither encodes, has features nor classifies, so it has no error with few labels."
    )


def _wrong(
    read: Reading, data: Dataset, y: Tensor, chosen: list[Tensor], test: Split, truth: Tensor
) -> Tensor:
    """Returns True for wrong test rows, for each choice of labelled rows, shape (C, N)."""
    classifiers = [fitted(read(data.train.rows(rows).x), y[rows]) for rows in chosen]
    found = []
    for block in _blocks(test, len(truth)):
        features = read(block.x).double().numpy()
        found.append(torch.stack([torch.from_numpy(known.predict(features)) for known in classifiers]))
    return torch.cat(found, 1) != truth


def _blocks(split: Split, n: int) -> Iterator[Batch]:
    return (split.rows(index) for index in torch.arange(n).split(CHUNK))


def fitted(features: Tensor, y: Tensor) -> GridSearchCV | Pipeline:
    """Trains a linear classifier; the penalty is chosen by cross-validation.

    Args:
        features: shape (n, width).
        y: class numbers, balanced, shape (n,); with one row of each class, the penalty is the middle one.
    """
    # imported here, because it takes a second
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    steps = [("scale", StandardScaler()), ("line", LogisticRegression(C=PENALTIES[2], max_iter=2000))]
    line: GridSearchCV | Pipeline = Pipeline(steps)
    folds = min(FOLDS, int(y.unique(return_counts=True)[1].min()))
    if folds > 1:
        line = GridSearchCV(line, {"line__C": PENALTIES}, cv=folds)
    return line.fit(features.double().numpy(), y.numpy())


def few_label_rows(found: FewLabels) -> list[tuple[str, str]]:
    """Returns name and value of each number, in words."""
    gap, n = found.difference, found.labels
    choices = f"{len(found.seeds)} choices" if len(found.seeds) > 1 else "one choice"
    ours = "with the labels that it was trained with" if found.read == OWN else f"from {n:,} labels"
    return [
        (
            f"error at {n:,} labels",
            f"{in_words(found.error)} of {found.rows:,} rows of {found.split}, {found.read}, "
            f"{ours}; the rows themselves, from {n:,} labels, {in_words(found.reference)}",
        ),
        (
            "saved by the model",
            f"{-gap.value:.1%} ({-gap.high:.1%} to {-gap.low:.1%}), over {choices} of the labelled rows",
        ),
        ("classifier of few labels", found.classifier),
    ]
