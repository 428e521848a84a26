"""Features that a model learned without labels, judged by what a linear classifier makes of them.

    y^ = argmax_k (w_k' (f - m) / s + b_k)                                                  (1)

a linear support vector machine on features f that are standardised by the training rows' m and s.

Reference: Radford, Metz and Chintala 2015, section 5. Row G8.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, cast

import torch
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from torch import Tensor

from simulacra.core import capabilities as can
from simulacra.core.model import Model
from simulacra.core.random import Rng
from simulacra.core.words import evaluating


@dataclass(frozen=True)
class Probe:
    """How well a linear classifier reads labels from features.

    Args:
        accuracy: share of test rows whose class it names.
        standard_error: of the accuracy, over draws of test rows.
        n: test rows.
    """

    accuracy: float
    standard_error: float
    n: int

    def __str__(self) -> str:
        return f"{self.accuracy:.1%} +- {self.standard_error:.1%} of {self.n:,} rows"


def features_of(model: Model, x: Any, condition: Any = None, seed: int = 0) -> Tensor:
    """The model's features of raw observations, on the CPU, shape (B, width).

    Args:
        x: raw observations, shape (B, *).
        condition: one for all, or one for each x, where the model takes one; a label that is given is in
            the features, so that a probe for it says nothing.
        seed: of the preprocessing, where that is random.

    Raises:
        ValueError: if the model has no features.

    Example:
        >>> from simulacra.core.space import Real
        >>> from simulacra.models.adversarial.gan import GAN
        >>> features_of(GAN(Real((3,)), hidden=(7, 5)), torch.zeros(2, 3)).shape
        torch.Size([2, 12])
    """
    if not model.supports(can.HasFeatures):
        raise can.MissingCapability(f"{type(model).__name__} has no features of its own to represent x by.")
    with evaluating(model):
        parts = [
            cast(can.HasFeatures, model).represent(rows.y, rows.c).cpu()
            for rows in model._chunks(x, condition, Rng(seed, "score", device=model.device), None)
        ]
    return torch.cat(parts)


def linear_probe(
    features: Tensor, labels: Tensor, test_features: Tensor, test_labels: Tensor, C: float = 0.01
) -> Probe:
    """Fit (1) on some rows and count what it gets right of others.

    Args:
        features: of the rows that it learns from, shape (N, width); pixels will do, flattened.
        labels: class numbers, shape (N,).
        test_features: of other rows, shape (M, width).
        test_labels: shape (M,).
        C: inverse of the weight of |w|^2.

    Raises:
        ValueError: if numbers of rows differ, or there is a single class.

    Example:
        >>> x = torch.tensor([[0.0], [1.0], [4.0], [5.0]])
        >>> print(linear_probe(x, torch.tensor([0, 0, 1, 1]), x + 0.1, torch.tensor([0, 0, 1, 1]), C=1.0))
        100.0% +- 0.0% of 4 rows
    """
    for name, rows, classes in (("train", features, labels), ("test", test_features, test_labels)):
        if len(rows) != len(classes):
            raise ValueError(f"the probe has {len(rows)} {name} rows, but {len(classes)} labels of them.")
    if len(labels.unique()) < 2:
        raise ValueError("the probe needs rows of at least two classes to learn from.")
    flat = lambda t: t.detach().cpu().flatten(1).double().numpy()
    classifier = make_pipeline(StandardScaler(), LinearSVC(C=C, dual="auto", random_state=0, max_iter=5000))
    classifier.fit(flat(features), labels.cpu().numpy())
    n = len(test_labels)
    accuracy = float((classifier.predict(flat(test_features)) == test_labels.cpu().numpy()).mean())
    return Probe(accuracy, math.sqrt(accuracy * (1 - accuracy) / n), n)
