"""Checks of the numbers of a codebook, and the alarm about its use."""

from __future__ import annotations

from simulacra.core.errors.suggestion import Refusal, build_with

FEW = 0.1  # smallest share of the codebook that held-out rows use without an alarm


def check_numbers(
    codebook: int, latent: int, codes: int | None, beta: float, decay: float, restart: float
) -> None:
    """Raises ValueError if a number is out of range.

    Args:
        codebook: number of vectors, 2 at least.
        latent: size of a vector, 1 at least.
        codes: number of codes, 1 at least, or None.
        beta: weight of the commitment, 0 at least.
        decay: weight of the past, in [0, 1).
        restart: share of the mean use, in [0, 1).
    """
    least = {"codebook": (codebook, 2), "latent": (latent, 1), "codes": (codes, 1)}
    for name, (value, smallest) in least.items():
        if value is not None and value < smallest:
            mend = build_with(**{name: smallest})
            raise Refusal(f"{name} is {value}, but a VQ-VAE needs at least {smallest}: take {mend}.", mend)
    if not 0 <= beta < float("inf"):
        usual = build_with(beta=0.25)
        raise Refusal(f"beta is {beta}, but it weighs a squared distance: take {usual}.", usual)
    for name, share, usual_share in (("decay", decay, 0.99), ("restart", restart, 0.05)):
        if not 0 <= share < 1:
            usual = build_with(**{name: usual_share})
            raise Refusal(f"{name} is {share}, but it lies in [0, 1): take {usual}.", usual)


def alarm(diagnostics: dict[str, float], K: int) -> str | None:
    """Returns a warning if held-out rows use only a small part of the codebook, or None.

    Args:
        diagnostics: `perplexity` of the use, and the share `used`.
        K: number of vectors.

    Example:
        >>> alarm({"perplexity": 1.0, "used": 0.01}, 100)[:39]
        'codebook collapse: held-out rows use 1 '
    """
    if diagnostics["used"] >= FEW and diagnostics["perplexity"] >= 1.5:
        return None
    return (
        f"codebook collapse: held-out rows use {round(diagnostics['used'] * K)} of {K} vectors of the "
        f"codebook (perplexity {diagnostics['perplexity']:.3g}): raise restart=, or take a smaller codebook=."
    )
