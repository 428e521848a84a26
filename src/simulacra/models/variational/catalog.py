"""The variational models in the catalogue; imports no torch."""

from __future__ import annotations

from simulacra.models.entry import Entry

ENTRIES = (
    Entry(
        "vae",
        "variational",
        "variational.vae",
        "VAE",
        "Kingma and Welling 2013; Rezende et al. 2014",
        ("E1", "E2", "E3", "E4", "E5", "E14", "E15", "E17", "E18"),
        "variational autoencoder, optionally class-conditional",
    ),
    Entry(
        "iwae",
        "variational",
        "variational.iwae",
        "IWAE",
        "Burda, Grosse and Salakhutdinov 2015",
        ("E9",),
        "the VAE trained on the tighter importance-weighted bound",
    ),
    Entry(
        "hierarchical-vae",
        "variational",
        "variational.hierarchical",
        "HierarchicalVAE",
        "Burda, Grosse and Salakhutdinov 2015; Rezende et al. 2014",
        ("E9",),
        "VAE or IWAE with two stochastic layers or more, each a Gaussian given the one above",
    ),
    Entry(
        "vrnn",
        "variational",
        "variational.sequences.vrnn",
        "VRNN",
        "Chung et al. 2015",
        ("E11",),
        "recurrent network over sequences with a Gaussian code for each step",
    ),
    Entry(
        "sentence-vae",
        "variational",
        "variational.texts.sentence_vae",
        "SentenceVAE",
        "Bowman et al. 2015",
        ("E23",),
        "VAE of texts with recurrent networks, word dropout and homotopies between texts",
    ),
    Entry(
        "chemical-vae",
        "variational",
        "variational.texts.chemical_vae",
        "ChemicalVAE",
        "Gomez-Bombarelli et al. 2018",
        ("E24",),
        "sentence VAE whose code predicts properties, such as those of molecules, and is searched for them",
    ),
    Entry(
        "vq-vae",
        "variational",
        "variational.quantized.vq_vae",
        "VQVAE",
        "van den Oord, Vinyals and Kavukcuoglu 2017",
        ("E14",),
        "autoencoder with codes from a codebook, and a transformer as the prior of these codes",
    ),
)
