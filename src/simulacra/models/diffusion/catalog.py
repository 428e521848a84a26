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
    Entry(
        "flow-matching",
        "diffusion",
        "diffusion.flow_matching",
        "FlowMatching",
        "Lipman et al. 2023",
        ("H21",),
        "a velocity from noise to data along straight lines, drawn by solving its equation in few steps",
    ),
    Entry(
        "consistency",
        "diffusion",
        "diffusion.consistency",
        "Consistency",
        "Song et al. 2023",
        ("H21",),
        "samples in one pass, distilled from a trained diffusion or flow",
    ),
    Entry(
        "masked-diffusion",
        "diffusion",
        "diffusion.masked.model",
        "MaskedDiffusion",
        "Austin et al. 2021; Sahoo et al. 2024",
        ("H20",),
        "masks in place of tokens, classes or bits, predicted by a transformer in any order; fills any gaps",
        made_for="Tokens",
    ),
)
