"""The chains in the catalogue; imports no torch."""

from __future__ import annotations

from simulacra.models.entry import Entry

ENTRIES = (
    Entry(
        "neural-ebm",
        "chains",
        "chains.neural_ebm",
        "NeuralEBM",
        "Vincent 2011; Gutmann and Hyvaerinen 2012; Xie et al. 2016; Du and Mordatch 2019",
        ("D10",),
        "an energy by any network: score matching, noise-contrastive estimation or Langevin chains",
    ),
    Entry(
        "gsn",
        "chains",
        "chains.gsn",
        "GSN",
        "Bengio, Yao, Alain and Vincent 2013; Bengio et al. 2014",
        ("D12", "D13", "D14"),
        "generative stochastic network: the Markov chain of a denoising autoencoder, with latent units",
    ),
    Entry(
        "discriminant-gsn",
        "chains",
        "chains.discriminant_gsn",
        "DiscriminantGSN",
        "Zhou and Troyanskaya 2014; Zoehrer and Pernkopf 2014",
        ("D15",),
        "a Markov chain over the label of a row, whose stationary law classifies it",
    ),
)
