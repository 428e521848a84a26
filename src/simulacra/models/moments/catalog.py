"""The models of moment matching in the catalogue; imports no torch."""

from __future__ import annotations

from simulacra.models.entry import Entry

ENTRIES = (
    Entry(
        "gmmn",
        "moments",
        "moments.gmmn",
        "GMMN",
        "Li, Swersky and Zemel 2015; Dziugaite, Roy and Ghahramani 2015",
        ("H1", "H3"),
        "generative moment matching network: samples with the kernel means of the data, without a critic",
    ),
    Entry(
        "gmmn-autoencoder",
        "moments",
        "moments.gmmn_autoencoder",
        "GMMNAutoencoder",
        "Li, Swersky and Zemel 2015",
        ("H2",),
        "moment matching on the codes of an autoencoder, which decodes the samples",
    ),
    Entry(
        "abc",
        "moments",
        "moments.abc",
        "ABC",
        "Beaumont, Zhang and Balding 2002",
        ("H22",),
        "approximate Bayesian computation: rows of a simulator at parameters that give data like these",
    ),
)
