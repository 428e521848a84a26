"""Name -> class, lazily: the one list that command line, docs, tests and studio read.

This file imports no torch, so that listing models is quick.
"""

from __future__ import annotations

import difflib

from simulacra.core.renamed import MODELS, NAMES, present
from simulacra.models.adversarial.catalog import GAMES
from simulacra.models.boltzmann.catalog import ENERGIES
from simulacra.models.entry import Entry

_ENTRIES = (
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
        "Rumelhart, Hinton and Williams 1986; Bourlard and Kamp 1988",
        ("D3", "D4"),
        "deterministic autoencoder, under- or over-complete, optionally regularized",
    ),
    Entry(
        "stacked-autoencoder",
        "autoencoders",
        "autoencoders.stacked",
        "StackedAutoencoder",
        "Bengio et al. 2007",
        ("D3",),
        "autoencoder trained greedily layer by layer, then fine-tuned",
    ),
    Entry(
        "vae",
        "variational",
        "variational.vae",
        "VAE",
        "Kingma and Welling 2013; Rezende et al. 2014",
        ("E1", "E2", "E3", "E4", "E5", "E14", "E17"),
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
        "fvbn",
        "autoregressive",
        "autoregressive.vectors.fvbn",
        "FVBN",
        "Neal 1992; Frey 1998; Bengio and Bengio 2000",
        ("H6", "H7", "H8", "C10"),
        "fully visible belief net, logistic or neural: exact log p(x), the baseline of its family",
    ),
    Entry(
        "made",
        "autoregressive",
        "autoregressive.vectors.made",
        "MADE",
        "Germain et al. 2015",
        ("H14",),
        "masked autoencoder: all conditionals in one pass of a deep network",
    ),
    Entry(
        "tabular",
        "autoregressive",
        "autoregressive.tables.tabular",
        "Tabular",
        "Uria, Murray and Larochelle 2014",
        ("H6", "H12"),
        "one small network a column: exact log p of mixed rows, completion of any gaps; for tables",
    ),
    Entry(
        "pixelcnn",
        "autoregressive",
        "autoregressive.images.pixelcnn",
        "PixelCNN",
        "van den Oord, Kalchbrenner and Kavukcuoglu 2016",
        ("H17", "H19"),
        "masked convolutions in raster scan, with their blind spot",
    ),
    Entry(
        "gated-pixelcnn",
        "autoregressive",
        "autoregressive.images.pixelcnn",
        "GatedPixelCNN",
        "van den Oord et al. 2016",
        ("H17", "H19"),
        "gated PixelCNN: two stacks without a blind spot, optionally class-conditional",
    ),
    Entry(
        "pixelrnn",
        "autoregressive",
        "autoregressive.images.pixelrnn",
        "PixelRNN",
        "van den Oord, Kalchbrenner and Kavukcuoglu 2016",
        ("H16", "H19"),
        "Row LSTM or Diagonal BiLSTM over the pixels in raster scan",
    ),
    Entry(
        "wavenet",
        "autoregressive",
        "autoregressive.wavenet",
        "WaveNet",
        "van den Oord et al. 2016",
        ("H18", "H19"),
        "dilated causal convolutions over series such as sound, globally or locally conditional",
    ),
    Entry(
        "nade",
        "autoregressive",
        "autoregressive.vectors.nade",
        "NADE",
        "Larochelle and Murray 2011",
        ("H9", "C10"),
        "neural autoregressive distribution estimator: exact log p(x) with shared weights",
    ),
    Entry(
        "rnade",
        "autoregressive",
        "autoregressive.vectors.rnade",
        "RNADE",
        "Uria, Murray and Larochelle 2013",
        ("H11",),
        "NADE of real data: conditionals are mixtures of Gaussians or Laplacians",
    ),
    Entry(
        "eonade",
        "autoregressive",
        "autoregressive.vectors.eonade",
        "EoNADE",
        "Uria, Murray and Larochelle 2014",
        ("H12", "H13", "H19"),
        "NADE for all orders at once, deep where asked: exact scores of an ensemble, any completion",
    ),
    Entry(
        "nade-k",
        "autoregressive",
        "autoregressive.vectors.nade_k",
        "NADEK",
        "Raiko et al. 2014",
        ("H10", "H19"),
        "orderless NADE that improves what is missing in k steps of the same network",
    ),
)

CATALOG: dict[str, Entry] = {entry.name: entry for entry in (*_ENTRIES, *GAMES, *ENERGIES)}


def find(name: str, quiet: bool = False) -> Entry:
    """The entry of a model by command-line or class name.

    Args:
        quiet: do not warn of an old name: it stands in a saved file.

    Raises:
        ValueError: if there is none, with the nearest names.

    Example:
        >>> find("VAE").name
        'vae'
    """
    name = present([MODELS, NAMES], name, quiet)
    by_class = {entry.cls.lower(): entry for entry in CATALOG.values()}
    found = CATALOG.get(name.lower()) or by_class.get(name.lower())
    if found is None:
        near = difflib.get_close_matches(name.lower(), [*CATALOG, *by_class], 1, 0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(CATALOG)}."
        raise ValueError(f"model {name!r} is unknown; {hint}")
    return found
