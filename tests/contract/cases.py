"""A small instance and a tiny data set for every model of the catalogue and every toy.

Rows (103 to 257), entries (2, 3, 50), latent sizes and batches are no multiples of 16: what depends
on a block of 16 or on an even split would show.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

from contract import toys
from contract.sets import (
    binary,
    bits,
    classes,
    frames,
    gaps,
    images,
    labelled,
    measured,
    mixed,
    motion,
    real,
    scored,
    sequences,
    series,
    squares,
    texts,
    waves,
)
from contract.sizes import (
    CHAIN,
    CHAIN_NETS,
    CURES,
    FEW,
    GAME,
    MOVES,
    PLAIN,
    QUANTIZED,
    READER,
    RECURRENT,
    RESIDUAL,
    SMALL,
    TEACHER,
    TWO,
    VIRTUAL,
)
from contract.world import untouched
from simulacra.core.model import Model
from simulacra.data.dataset import Dataset
from simulacra.models.catalog import CATALOG, find

BATCH = 17


@dataclass(frozen=True)
class Case:
    """A model small enough to be trained in a test.

    Args:
        name: shown by pytest; a catalogue name, with what follows a slash naming a variant.
        source: the class, or the catalogue's name of it: no model is imported before a test asks.
        data: makes the data set.
        arguments: of the constructor, besides space and condition.
        options: of training.
        coupled: its loss couples the rows of a batch.
    """

    name: str
    source: str | Callable[..., Model]
    data: Callable[[], Dataset]
    arguments: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    coupled: bool = False

    @property
    def kind(self) -> Callable[..., Model]:
        """The class."""
        return find(self.source).load() if isinstance(self.source, str) else self.source

    @property
    def catalogued(self) -> str:
        """The catalogue name, or an empty string for a toy."""
        stem = self.name.split("/")[0]
        return stem if stem in CATALOG else ""

    def build(self, seed: int = 0) -> Model:
        """An untrained model, initialized by `seed`."""
        data = self.data()
        more = {"condition": data.condition} if data.condition is not None else {}
        with untouched():
            torch.manual_seed(seed)
            # a function that makes a toy model takes no seed
            more |= {"seed": seed} if isinstance(self.kind, type) else {}
            model = self.kind(data.space, **more, **self.arguments)
        model.preprocessing = data.preprocessing
        return model

    def __str__(self) -> str:
        return self.name

    def __hash__(self) -> int:
        return hash(self.name)


# ---- models


def _catalogued(
    name: str, data: Callable[[], Dataset], epochs: float = 3, coupled: bool = False, **arguments: Any
) -> Case:
    return Case(name, name.split("/")[0], data, arguments, {"epochs": epochs}, coupled)


CATALOGUED = [
    _catalogued("pca", lambda: real(3), latent=2),
    _catalogued("pca/levels", images, latent=3),
    _catalogued("ppca", lambda: real(3), latent=2),
    _catalogued("ppca/em", lambda: real(50, 257), latent=3, solver="em", iterations=20),
    _catalogued("pca/gaps", lambda: gaps(5), latent=2, iterations=15),
    _catalogued("pca/fields", mixed, latent=2),
    _catalogued("ppca/gaps", lambda: gaps(5), latent=2, iterations=15),
    _catalogued("autoencoder", lambda: binary(50), **SMALL, dropout=0.3, error="cross-entropy"),
    _catalogued("autoencoder/conv", images, hidden=(5, 7), latent=3, net="conv"),
    _catalogued("autoencoder/denoising", lambda: real(3), **SMALL, corruption="gaussian:0.3"),
    _catalogued("memorizer", lambda: real(3), **SMALL, rows=200),
    _catalogued("memorizer/one-hot", lambda: binary(6), codes="one-hot", hidden=(5,), rows=150),
    _catalogued("contractive-autoencoder", lambda: real(3), latent=3, burn_in=5),
    _catalogued("stacked-autoencoder", lambda: real(50), layers=(11, 3)),
    _catalogued("vae", lambda: binary(50), **SMALL, kl_warmup=0.5, dropout=0.1),
    _catalogued("vae/real", lambda: real(2), **SMALL, kl="monte-carlo"),
    _catalogued("vae/conditional", lambda: classes(3), **SMALL),
    _catalogued("vae/levels", images, hidden=(5, 7), latent=3, net="conv"),
    _catalogued("vae/fields", lambda: mixed(missing=True), **SMALL, dropout=0.1),
    _catalogued("vae/scores", lambda: scored(missing=True), **SMALL),
    _catalogued("iwae/fields", lambda: mixed(missing=True), **SMALL, k=3),
    _catalogued("iwae", lambda: binary(50), **SMALL, k=3),
    _catalogued("iwae/dropout", lambda: real(2), **SMALL, k=3, dropout=0.2),
    _catalogued("vq-vae", lambda: binary(50), **QUANTIZED, hidden=(13,), codes=3),
    _catalogued("vq-vae/conditional", squares, **QUANTIZED, hidden=(5,), net="conv"),
    _catalogued("vq-vae/fields", lambda: mixed(missing=True), **QUANTIZED, hidden=(7,), codes=2),
    _catalogued("hierarchical-vae", lambda: binary(50), **CHAIN),
    _catalogued("hierarchical-vae/three", lambda: real(3), latents=(3, 5, 2), **CHAIN_NETS, k=3, dropout=0.2),
    _catalogued("hierarchical-vae/conditional", lambda: classes(3), **CHAIN, k=2),
    _catalogued("vrnn", sequences, latent=3, state=5, hidden=(7,), lr=0.03),
    _catalogued("vrnn/conditional", lambda: motion(styles=3), latent=3, state=5, hidden=(7,)),
    _catalogued("hierarchical-vae/fields", lambda: mixed(missing=True), **CHAIN, k=3),
    _catalogued("sentence-vae", texts, **READER),
    _catalogued("chemical-vae", measured, **READER, property_hidden=(7,), property_loss="gaussian"),
    _catalogued("sentence-vae/conditional", lambda: texts(labelled=True), **READER, free_bits=0.1),
    _catalogued("eonade", lambda: binary(6), hidden=(13,), ensemble=3),
    _catalogued("eonade/deep", lambda: classes(3), hidden=(13, 7), ensemble=2),
    _catalogued("eonade/levels", images, hidden=(13,), ensemble=2),
    _catalogued("nade-k", lambda: binary(6), k=3, hidden=(13,), ensemble=2),
    _catalogued("nade", lambda: binary(6), hidden=5),
    _catalogued("nade/levels", images, hidden=5),
    _catalogued("nade/texts", texts, hidden=5),
    _catalogued("rnade", lambda: real(3), hidden=5, mixtures=2),
    _catalogued("fvbn", lambda: binary(50)),
    _catalogued("fvbn/neural", lambda: binary(6), hidden=2, order=(2, 0, 5, 1, 4, 3)),
    _catalogued("fvbn/conditional", lambda: classes(3), hidden=2),
    _catalogued("made", lambda: binary(50), hidden=(13, 11)),
    _catalogued("made/levels", images, hidden=(13,), masks=2, activation="tanh"),
    _catalogued("made/conditional", lambda: classes(3), hidden=(13, 7), masks=2, direct=False),
    _catalogued("made/texts", texts, hidden=(13, 7)),
    _catalogued("tabular", scored, hidden=(7, 5), mixtures=3, orders=1),
    _catalogued("tabular/gaps", lambda: scored(missing=True), hidden=(7,), mixtures=2, dropout=0.0, orders=1),
    _catalogued("tabular/fields", lambda: mixed(missing=True), hidden=(7,), mixtures=2, orders=3),
    _catalogued("tabular/real", lambda: real(3), hidden=(7,), mixtures=2, order=("2", "0")),
    _catalogued("tabular/conditional", lambda: classes(3), hidden=(7,), dropout=0.2, orders=1),
    _catalogued("gaussian-copula", scored),
    _catalogued("gaussian-copula/gaps", lambda: scored(missing=True)),
    _catalogued("pixelcnn", images, layers=2, channels=5),
    _catalogued("gated-pixelcnn", images, layers=2, channels=5),
    _catalogued("pixelrnn", images, recurrence="row", layers=1, channels=5),
    _catalogued("pixelrnn/diagonal", images, layers=1, channels=5),
    _catalogued("wavenet", series, blocks=2, layers=2, channels=5, skip_channels=6),
    _catalogued("wavenet/conditional", lambda: classes(11), blocks=1, layers=3, channels=4, skip_channels=5),
    _catalogued("wavenet/texts", texts, blocks=1, layers=3, channels=4, skip_channels=5),
    _catalogued("wavenet/real", lambda: real(8), blocks=1, layers=2, channels=4, skip_channels=5),
    _catalogued("transformer", texts, layers=2, heads=2, width=6),
    _catalogued("transformer/levels", images, layers=1, heads=1, width=4),
    _catalogued("transformer/conditional", lambda: classes(5), layers=1, heads=2, width=4),
    _catalogued("nade-k/one", lambda: classes(3), k=1, hidden=(7,)),
    _catalogued("gan", lambda: real(2), **GAME),
    _catalogued("gan/levels", images, **GAME, discriminator_steps=2),
    _catalogued("gan/projection", lambda: classes(3), **GAME, conditioning="projection", prior="sphere"),
    _catalogued("gan/auxiliary", lambda: classes(3), **GAME, conditioning="auxiliary", prior="uniform"),
    _catalogued("gan/embedding", lambda: classes(3), **GAME, conditioning="embedding"),
    _catalogued("gan/minibatch", lambda: real(2), **GAME, minibatch_kernels=3, coupled=True),
    _catalogued("gan/virtual", lambda: real(3), **TWO, **VIRTUAL),
    _catalogued(
        "gan/stabilizers",
        lambda: real(3),
        **TWO,
        **CURES,
        normalization="none",
        critic_normalization="layer",
        dropout=0.1,
    ),
    _catalogued("gan/matching", lambda: real(3), **GAME, feature_matching=True, coupled=True),
    _catalogued("gan/residual", squares, **RESIDUAL, conditioning="projection", coupled=True),
    _catalogued(
        "gan/recurrent", waves, **RECURRENT, **CURES, hidden=(7,), conditioning="projection", frame_size=8
    ),
    _catalogued(
        "wgan-gp/recurrent", frames, **RECURRENT, hidden=(5, 6), normalization="layer", critic_steps=2
    ),
    _catalogued("dcgan", squares, channels=3, latent=3, coupled=True),
    _catalogued("lsgan", lambda: real(2), **SMALL, **PLAIN),
    _catalogued("wgan", lambda: real(2), **SMALL, **PLAIN, critic_steps=2),
    _catalogued("wgan-gp", lambda: real(3), **SMALL, **PLAIN, critic_steps=2),
    _catalogued("began", lambda: real(3), **SMALL, network="mlp"),
    _catalogued("semi-supervised-gan", lambda: classes(3), **FEW, coupled=True),
    _catalogued("three-way-gan", bits, **SMALL, network="mlp", coupled=True),
    _catalogued("noise-aware-gan", lambda: real(3), **SMALL, network="mlp", coupled=True),
    _catalogued("rbm", lambda: binary(6), hidden=5, chains=7, burn_in=30, gibbs_steps=2),
    _catalogued("rbm/energy", lambda: binary(50), hidden=21, chains=19, burn_in=10),
    _catalogued("rbm/conditional", labelled, hidden=5, burn_in=10),
    _catalogued("rbm/tempering", lambda: binary(6), hidden=5, chains=7, burn_in=10, estimator="tempering"),
    _catalogued("dbn", lambda: binary(6), hidden=(3, 5), chains=7, burn_in=5),
    _catalogued("deep-autoencoder", lambda: real(3), layers=(5, 2)),
    _catalogued("deep-autoencoder/levels", images, layers=(7, 3), pretrain=1, error="cross-entropy"),
    _catalogued("dbm", lambda: binary(6), hidden=(3, 2), chains=7, burn_in=5, gibbs_steps=2, centred=False),
    _catalogued("multi-prediction-dbm", labelled, hidden=(3, 2), mean_field_steps=3, burn_in=5),
    _catalogued("conv-rbm", bits, filters=3, kernel=2, pool=2, chains=7, burn_in=9),
    _catalogued("conv-dbm", bits, filters=(2, 2), kernels=(2, 1), pools=(2, 1), chains=7, burn_in=9),
    _catalogued("crbm", motion, hidden=5, order=2, burn_in=7),
    _catalogued("crbm/binary", sequences, hidden=13, order=3, burn_in=7),
    _catalogued(
        "factored-crbm", lambda: motion(styles=3), hidden=5, order=2, factors=3, features=2, burn_in=7
    ),
    _catalogued("rtrbm", sequences, hidden=5, burn_in=7),
    _catalogued("rtrbm/exact", sequences, hidden=5, burn_in=7, estimator="exact"),
    _catalogued("rnn-rbm", sequences, hidden=13, state=5, burn_in=7),
    _catalogued("rnn-nade", sequences, hidden=5, state=7, lr=0.03),
    _catalogued("boltzmann-machine", lambda: binary(6), hidden=3, chains=7, burn_in=9, hidden_steps=2),
    _catalogued("higher-order-bm", lambda: binary(6), hidden=2, chains=7, burn_in=9, hidden_steps=2),
    _catalogued("mixture-rbm", lambda: binary(6), components=3, hidden=2, chains=7, burn_in=9),
    _catalogued("discriminative-rbm", labelled, hidden=5, burn_in=9, generative=0.1),
    _catalogued("discriminative-rbm/label", lambda: classes(3), hidden=5, objective="discriminative"),
    _catalogued("grouped-rbm", labelled, hidden=3, irrelevant=2, burn_in=9),
    _catalogued("gated-bm", lambda: binary(6), components=2, hidden=3, chains=7, burn_in=9, switch_steps=3),
    _catalogued("boosted-field", lambda: binary(6), epochs=2, features=2, chains=19, burn_in=9),
    _catalogued("unrolled-mrf", bits, steps=3, burn_in=9),
    _catalogued("gaussian", lambda: real(3)),
    _catalogued("gaussian/gaps", lambda: gaps(5), iterations=15),
    _catalogued("real-nvp", lambda: real(3), couplings=3, hidden=(7,)),
    _catalogued("flow", lambda: real(3), layers=2, hidden=(7,)),
    _catalogued("flow/coupling", lambda: classes(3), kind="nice", layers=2, hidden=(7,)),
    _catalogued("flow/continuous", lambda: real(2), kind="cnf", hidden=(7,)),
    _catalogued("gmmn", lambda: real(2), latent=3, hidden=(7,), coupled=True),
    _catalogued(
        "gmmn-autoencoder", images, code=3, coder=(7,), latent=2, hidden=(7,), activation="tanh", coupled=True
    ),
    _catalogued("abc", lambda: real(2), simulations=300, share=0.05, rows=20, corrected=True),
    _catalogued("abc/bits", lambda: binary(3), simulations=200, share=0.1, rows=30, adjust=False),
    _catalogued("gaussian-rbm", lambda: real(3), hidden=5, chains=7, burn_in=10),
    _catalogued("belief-net", lambda: binary(50), hidden=(5, 3), k=3),
    _catalogued("belief-net/wake-sleep", images, hidden=(5,), k=1, estimator="wake-sleep"),
    _catalogued("belief-net/nvil", lambda: mixed(missing=True), hidden=(5, 3), k=2, estimator="nvil"),
    _catalogued("belief-net/score", lambda: classes(3), hidden=(5,), k=2, estimator="score-function"),
    _catalogued("belief-net/others", lambda: real(3), hidden=(5, 3), k=3, estimator="leave-one-out"),
    _catalogued("belief-net/straight", lambda: binary(6), hidden=(5, 3), k=2, estimator="straight-through"),
    _catalogued("darn", lambda: binary(6), hidden=(5, 3), k=3, recognition="nade", visible="darn"),
    _catalogued("bihm", lambda: binary(6), hidden=(5, 3), k=3, proposals=3),
    _catalogued("bihm/conditional", lambda: classes(3), hidden=(5,), k=2, proposals=2),
    _catalogued("diffusion", lambda: binary(6), T=4, hidden=(13,)),
    _catalogued("diffusion/real", lambda: classes(3), T=5, hidden=(13, 7)),
    _catalogued("ddpm", lambda: real(3), T=5, hidden=(13,), predicts="v"),
    _catalogued("ddpm/unet", images, T=3, hidden=(3, 4), net="unet", schedule="cosine"),
    _catalogued("flow-matching", lambda: classes(3), steps=5, hidden=(13,)),
    _catalogued("consistency", lambda: real(3), teacher=TEACHER, levels=3, hidden=(13,)),
    _catalogued("masked-diffusion", texts, layers=2, heads=2, width=6),
    _catalogued("masked-diffusion/levels", images, T=3, layers=1, heads=1, width=4),
    _catalogued("masked-diffusion/conditional", labelled, layers=1, heads=2, width=6),
    _catalogued("mean-field-sbn", lambda: binary(6), hidden=(5, 3), steps=2),
    _catalogued("neural-ebm", lambda: real(3), **MOVES),
    _catalogued("neural-ebm/noise", lambda: real(2), objective="noise-contrastive", noise_draws=3, **MOVES),
    _catalogued("neural-ebm/chains", lambda: real(3), objective="langevin", chains=7, moves=2, **MOVES),
    _catalogued("gsn", images, latent=5, hidden=(7,), walk=2, burn_in=5),
    _catalogued("gsn/label", lambda: classes(3), latent=5, hidden=(7,), walk=2, burn_in=5, units="binary"),
    _catalogued("discriminant-gsn", lambda: classes(3), latent=5, hidden=(7,), walk=2, draws=3),
]


def _toy(name: str, kind: type[Model], data: Callable[[], Dataset], coupled=False, epochs=3, **arguments):
    return Case(name, kind, data, arguments, {"epochs": epochs} if epochs else {}, coupled)


TOYS = [
    _toy("m2", toys.M2, lambda: classes(2, missing=True), epochs=None),
    _toy("coupled", toys.GMMN, lambda: real(2), coupled=True),
    _toy("growing", toys.Growing, lambda: real(8), epochs=None),
    _toy("reweighted-wake-sleep", toys.WakeSleep, lambda: binary(50)),
    _toy("wake-sleep", toys.WakeSleep, lambda: binary(3), epochs=9, k=1),
    _toy("stacked-denoising", toys.StackedDenoising, lambda: real(50), epochs=None),
    _toy("small-diffusion", toys.Diffusion, lambda: real(3)),
    _toy("small-diffusion/conditional", toys.Diffusion, lambda: classes(2), length=5),
]

CASES = CATALOGUED + TOYS


def named(name: str) -> Case:
    """The case called `name`."""
    return next(case for case in CASES if case.name == name)
