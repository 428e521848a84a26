"""Features that a model learned without labels, judged by what a linear classifier makes of them.

    y^ = argmax_k (w_k' (f - m) / s + b_k)                                                  (1)

a linear support vector machine on features f that are standardized by the training rows' m and s.

Reference: Radford, Metz and Chintala 2015, section 5. Row G8.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor


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
        >>> import torch
        >>> x = torch.tensor([[0.0], [1.0], [4.0], [5.0]])
        >>> print(linear_probe(x, torch.tensor([0, 0, 1, 1]), x + 0.1, torch.tensor([0, 0, 1, 1]), C=1.0))
        100.0% +- 0.0% of 4 rows
    """
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC

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
