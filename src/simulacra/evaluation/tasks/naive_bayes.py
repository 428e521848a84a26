"""Naive Bayes with linear boundaries, for comparison with logistic regression, and the limits of both.

    naive Bayes           p(x|y) = prod_d N(x_d; m_yd, s_d^2), fitted to p(x, y)
    logistic regression   the same family of boundaries, fitted to p(y|x)

For two classes N(-m, S) and N(m, S) with equal shares, a linear boundary w has error probability

    Phi(-w'm / sqrt(w'S w))                                                                     (1)

The smallest error is that of w = S^-1 m, the limit of logistic regression for many rows. Naive Bayes uses
only the diagonal of S and converges to w = diag(S)^-1 m, with a larger error unless the entries are
independent, but needs fewer rows to converge.

Reference: Ng and Jordan 2002. Row I15.
"""

from __future__ import annotations

import math

import numpy as np
from sklearn.naive_bayes import GaussianNB


def naive_bayes(x: np.ndarray, y: np.ndarray, smoothing: float = 1e-9) -> GaussianNB:
    """Fits Gaussian naive Bayes with one variance per entry, shared by all classes.

    Args:
        x: rows, shape (N, d).
        y: their classes, shape (N,).
        smoothing: added to the variances, as a fraction of the largest.

    Example:
        >>> x, y = np.array([[0.0], [2.0], [4.0], [6.0]]), np.array([0, 0, 1, 1])
        >>> naive_bayes(x, y).predict([[2.9], [3.1]]).tolist()
        [0, 1]
    """
    fitted = GaussianNB(var_smoothing=smoothing).fit(x, y)
    fitted.var_[:] = fitted.class_prior_ @ fitted.var_
    return fitted


def line_error(w: np.ndarray, m: np.ndarray, S: np.ndarray) -> float:
    """Returns equation (1), the error of a linear boundary through the middle of two Gaussians.

    Args:
        w: normal of the boundary, shape (d,).
        m: mean of one class, shape (d,); that of the other is -m.
        S: covariance of both, shape (d, d).

    Example:
        >>> round(line_error(np.array([1.0]), np.array([1.0]), np.eye(1)), 4)
        0.1587
    """
    return 0.5 * math.erfc(float(w @ m) / math.sqrt(2 * float(w @ S @ w)))


def ends(m: np.ndarray, S: np.ndarray) -> tuple[float, float]:
    """Returns the limits of the errors for many rows: of logistic regression, and of naive Bayes.

    Args:
        m: mean of one class, shape (d,); that of the other is -m.
        S: covariance of both, shape (d, d).

    Example:
        >>> one, other = ends(np.ones(3), np.eye(3))
        >>> one == other
        True
    """
    return line_error(np.linalg.solve(S, m), m, S), line_error(m / np.diag(S), m, S)
