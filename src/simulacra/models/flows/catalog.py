"""The flows in the catalogue; imports no torch."""

from __future__ import annotations

from simulacra.models.entry import Entry

ENTRIES = (
    Entry(
        "gaussian",
        "flows",
        "flows.gaussian",
        "GaussianModel",
        "Dempster, Laird and Rubin 1977",
        ("C7",),
        "a Gaussian with full covariance, in closed form: the baseline of every density",
        baseline=True,
    ),
)
