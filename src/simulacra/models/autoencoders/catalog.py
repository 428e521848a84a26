"""The autoencoders in the catalogue; imports no torch."""

from __future__ import annotations

from simulacra.models.entry import Entry

ENTRIES = (
    Entry(
        "pca",
        "autoencoders",
        "autoencoders.pca",
        "PCA",
        "Pearson 1901; Hotelling 1933",
        ("D1",),
        "principal components: the best linear autoencoder, in closed form",
    ),
    Entry(
        "gaussian-copula",
        "autoencoders",
        "autoencoders.gaussian_copula",
        "GaussianCopula",
        "Nelsen 2006",
        ("D2",),
        "columns with marginals of their own, tied by a normal vector, in closed form; for tables",
    ),
    Entry(
        "ppca",
        "autoencoders",
        "autoencoders.ppca",
        "PPCA",
        "Tipping and Bishop 1999",
        ("D2",),
        "probabilistic PCA: a linear Gaussian factor model with exact likelihood",
    ),
    Entry(
        "autoencoder",
        "autoencoders",
        "autoencoders.autoencoder",
        "Autoencoder",
        "Rumelhart, Hinton and Williams 1986; Bourlard and Kamp 1988; Vincent et al. 2008",
        ("D3", "D4", "D6", "D8", "D10"),
        "deterministic autoencoder, under- or over-complete, optionally regularized or denoising",
    ),
    Entry(
        "stacked-autoencoder",
        "autoencoders",
        "autoencoders.stacked",
        "StackedAutoencoder",
        "Bengio et al. 2007; Vincent et al. 2010",
        ("D3", "D7"),
        "autoencoder trained greedily layer by layer, then fine-tuned, optionally denoising",
    ),
    Entry(
        "contractive-autoencoder",
        "autoencoders",
        "autoencoders.contractive",
        "ContractiveAutoencoder",
        "Rifai, Vincent, Muller, Glorot and Bengio 2011; Rifai et al. 2012",
        ("D9", "D11"),
        "autoencoder of one layer whose code changes little where x does; samples by a walk along the data",
    ),
    Entry(
        "memorizer",
        "autoencoders",
        "autoencoders.memorizer",
        "Memorizer",
        "Bojanowski, Joulin, Lopez-Paz and Szlam 2018",
        ("D17", "D18", "D19"),
        "decoder that holds each training row under a code of its own: ones, one-hot or learned",
    ),
    Entry(
        "conv-generator",
        "autoencoders",
        "autoencoders.conv_generator",
        "ConvGenerator",
        "Dosovitskiy, Springenberg and Brox 2015",
        ("H4", "H5"),
        "decoder of images from a class and numbers, such as the type and the angle of an object",
    ),
)
