"""Diagnostics of adversarial training on held-out rows: accuracy of D, gradient at G, diversity of samples.

    accuracy    share of held-out rows and fresh samples that D classifies correctly: 1/2 at equilibrium
    gradient    |d l(s(G(z))) / dG(z)|, the mean over samples: the signal that reaches the generator
    diversity   mean distance between samples / mean distance between rows: near 0 after mode collapse

Reference: Goodfellow 2016, NIPS tutorial; Salimans et al. 2016. Rows F8, F9, F11.
"""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import Tensor

from simulacra.core.numerics.precision import to_float64
from simulacra.core.random.keyed import Rng
from simulacra.models.adversarial.game.objectives import by_row, share_right

COLLAPSED = 0.25  # a diversity below this counts as mode collapse
AGAINST_COLLAPSE = ("minibatch_kernels=8", "feature_matching=true", "gradient_penalty=10")
AGAINST_VANISHING = ("noise=0.1", "smoothing=0.9", "objective=wasserstein with gradient_penalty=10")
BEATEN, VANISHED = 0.95, 1e-3  # accuracy above and gradient below which the generator stops learning


def diagnostics(model: Any, x: Tensor, rng: Rng, c: Tensor | None = None) -> dict[str, float]:
    """Computes accuracy, gradient norm and diversity of a game.

    Args:
        model: a `Game`.
        x: held-out rows in the model's space, shape (B, *).
        rng: random numbers of the samples.
        c: conditions of the rows, or None.

    Returns:
        `accuracy`, the mean norm of the `gradient`, and, of two rows or more, `diversity`.
    """
    c = model.given(c)
    with torch.no_grad():
        real = model.seen(x)
        fake = model.generate(model.prior(rng), c)
        of_real = model.judge(real, c).score
    slope, of_fake = spy(model, fake, c, of_real)
    found = {
        "accuracy": float(share_right(model.objective, of_real, of_fake).mean()),
        "gradient": float(slope.flatten(1).norm(dim=1).mean()),
    }
    if len(x) > 1:
        found["diversity"] = float(spread(fake) / spread(real).clamp_min(1e-12))
    return found


def alarm(found: dict[str, float], takes: frozenset[str] | None = None) -> str | None:
    """Returns one sentence about mode collapse or a vanishing gradient, or None if there is neither.

    Args:
        found: the result of `diagnostics`.
        takes: options that the model takes; the sentence names no other; None: all.

    Example:
        >>> alarm({"accuracy": 0.7, "gradient": 0.1, "diversity": 0.9}) is None
        True
        >>> alarm({"accuracy": 0.7, "gradient": 0.1, "diversity": 0.1}, frozenset({"feature_matching"}))
        'mode collapse: samples are 10% as far apart as held-out rows; try feature_matching=true.'
    """
    if found.get("diversity", 1.0) < COLLAPSED:
        return (
            f"mode collapse: samples are {found['diversity']:.0%} as far apart as held-out rows"
            f"{_try(AGAINST_COLLAPSE, takes)}."
        )
    if found["accuracy"] > BEATEN and found["gradient"] < VANISHED:
        return (
            f"vanishing gradient: the discriminator is right on {found['accuracy']:.0%} of held-out rows and "
            f"samples, and a gradient of {found['gradient']:.1g} reaches the generator"
            f"{_try(AGAINST_VANISHING, takes)}."
        )
    return None


def _try(ways: tuple[str, ...], takes: frozenset[str] | None) -> str:
    """Returns the end of a sentence with the ways out whose options the model takes; empty without any."""
    known = [way for way in ways if takes is None or takes.issuperset(re.findall(r"(\w+)=", way))]
    before, last = ", ".join(known[:-1]), "".join(known[-1:])
    return f"; try {before}{' or ' if before else ''}{last}" if known else ""


def spy(
    model: Any, fake: Tensor, c: Tensor | None = None, real: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Computes the gradient of the generator's loss with respect to each sample.

    By the chain rule this gradient is the only signal that the generator receives.

    Args:
        model: a `Game`.
        fake: samples as D sees them, shape (B, *features_shape).
        c: features of the condition, or None.
        real: scores of the rows of data that are paired with the samples; only losses of pairs need them.

    Returns:
        The gradient, in the shape of `fake`, and the scores of the samples, shape (B,) or (B, *).
    """
    with torch.enable_grad():
        h = fake.detach().requires_grad_()
        score = model.judge(h, c).score
        (slope,) = torch.autograd.grad(by_row(model.objective.fooled(score, real)).sum(), h)
    return slope, score.detach()


def spread(h: Tensor) -> Tensor:
    """Returns the mean Euclidean distance between different rows, shape ()."""
    rows = to_float64(h.flatten(1))
    n = len(rows)
    return torch.cdist(rows, rows).sum() / max(1, n * (n - 1))
