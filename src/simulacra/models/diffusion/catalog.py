"""The diffusion models in the catalogue; imports no torch."""

from __future__ import annotations

from simulacra.models.entry import Entry

ENTRIES = (
    Entry(
        "diffusion",
        "diffusion",
        "diffusion.inversion",
        "Diffusion",
        "Sohl-Dickstein et al. 2015",
        ("H20",),
        "a diffusion of reals, levels or bits, with its bound summed exactly over all steps",
    ),
    Entry(
        "ddpm",
        "diffusion",
        "diffusion.ddpm",
        "DDPM",
        "Ho, Jain and Abbeel 2020",
        ("H21",),
        "a diffusion that predicts its noise, with samplers of any number of steps",
    ),
)
