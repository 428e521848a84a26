"""Linear probe: the accuracy of a linear classifier on features that a model learned without labels.

    y^ = argmax_k (w_k' (f - m) / s + b_k)                                                  (1)

is a linear support vector machine on features f, standardized by mean m and deviation s of the training rows.

Reference: Radford, Metz and Chintala 2015, section 5. Row G8.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from simulacra.core.scores.chance import share_error


@dataclass(frozen=True)
class Probe:
    """Test accuracy of a linear classifier on features.

    Args:
        accuracy: share of test rows that are classified correctly, from 0 to 1.
        standard_error: of the accuracy, from the sampling of test rows.
        n: number of test rows.
    """

    accuracy: float
    standard_error: float
    n: int

    def __str__(self) -> str:
        error = "" if math.isnan(self.standard_error) else f" +- {self.standard_error:.1%}"
        return f"{self.accuracy:.1%}{error} of {self.n:,} rows"


def linear_probe(
    features: Tensor, labels: Tensor, test_features: Tensor, test_labels: Tensor, C: float = 0.01
) -> Probe:
    """Fit the classifier (1) on training rows and return its accuracy on test rows.

    Args:
        features: of the training rows, shape (N, *); they are flattened.
        labels: class numbers, shape (N,).
        test_features: of the test rows, shape (M, *).
        test_labels: class numbers, shape (M,).
        C: inverse of the weight of |w|^2; small values regularize strongly.

    Raises:
        ValueError: if numbers of rows differ, or there is a single class.

    Example:
        >>> import torch
        >>> x = torch.tensor([[0.0], [1.0], [4.0], [5.0]])
        >>> print(linear_probe(x, torch.tensor([0, 0, 1, 1]), x + 0.1, torch.tensor([0, 0, 1, 1]), C=1.0))
        100.0% +- 18.6% of 4 rows
    """
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC

    for name, rows, classes in (("train", features, labels), ("test", test_features, test_labels)):
        if len(rows) != len(classes):
            raise ValueError(
                f"the probe has {len(rows)} {name} rows, but {len(classes)} labels: give one label for each."
            )
    if len(labels.unique()) < 2:
        raise ValueError("labels hold a single class, but the probe needs training rows of at least two.")
    flat = lambda t: t.detach().cpu().flatten(1).double().numpy()
    classifier = make_pipeline(StandardScaler(), LinearSVC(C=C, dual="auto", random_state=0, max_iter=5000))
    classifier.fit(flat(features), labels.cpu().numpy())
    n = len(test_labels)
    accuracy = float((classifier.predict(flat(test_features)) == test_labels.cpu().numpy()).mean())
    return Probe(accuracy, share_error(round(accuracy * n), n), n)
