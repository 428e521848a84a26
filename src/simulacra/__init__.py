"""Simulacra: every family of deep generative models behind one contract, with scores to trust.

The public names, a table of contents, nothing else; each is imported when it is first used.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

from simulacra.version import __version__

# OpenMP threads that spin make steps 4 to 50 times slower on small shared machines
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

_NAMES = {
    # data
    "load_data": "data",
    "Dataset": "data.dataset",
    "from_tensors": "data.sources.tensors",
    # training
    "fit": "api",
    "resume": "api",
    "load": "training.run",
    "load_run": "training.fit",
    "export_onnx": "core.export.onnx",
    "Options": "training.options",
    "SamplePictures": "exploration.live.watch",
    # looking
    "plot": "exploration.plot",
    "as_html": "exploration.notebook",
    # evaluation
    "evaluate": "evaluation.evaluate",
    "compare": "evaluation.compare.comparison",
    # models
    "PCA": "models.autoencoders.pca",
    "PPCA": "models.autoencoders.ppca",
    "Autoencoder": "models.autoencoders.autoencoder",
    "StackedAutoencoder": "models.autoencoders.stacked",
    "VAE": "models.variational.vae",
    "IWAE": "models.variational.iwae",
    "HierarchicalVAE": "models.variational.hierarchical",
    "FVBN": "models.autoregressive.vectors.fvbn",
    "MADE": "models.autoregressive.vectors.made",
    "PixelCNN": "models.autoregressive.images.pixelcnn",
    "GatedPixelCNN": "models.autoregressive.images.pixelcnn",
    "PixelRNN": "models.autoregressive.images.pixelrnn",
    "WaveNet": "models.autoregressive.wavenet",
    "NADE": "models.autoregressive.vectors.nade",
    "RNADE": "models.autoregressive.vectors.rnade",
    "Tabular": "models.autoregressive.tables.tabular",
    "GaussianCopula": "models.autoencoders.gaussian_copula",
    "EoNADE": "models.autoregressive.vectors.eonade",
    "NADEK": "models.autoregressive.vectors.nade_k",
    "BEGAN": "models.adversarial.began",
    "DCGAN": "models.adversarial.dcgan",
    "GAN": "models.adversarial.gan",
    "LSGAN": "models.adversarial.lsgan",
    "NoiseAwareGAN": "models.adversarial.noise_aware",
    "SemiSupervisedGAN": "models.adversarial.semi_supervised",
    "ThreeWayGAN": "models.adversarial.three_way",
    "WGAN": "models.adversarial.wgan",
    "WGANGP": "models.adversarial.wgan",
    "RBM": "models.boltzmann.restricted.rbm",
    "GaussianRBM": "models.boltzmann.restricted.gaussian_rbm",
    "DBN": "models.boltzmann.deep.dbn",
    "DBM": "models.boltzmann.deep.dbm",
    "MultiPredictionDBM": "models.boltzmann.deep.mp_dbm",
    "ConvRBM": "models.boltzmann.convolutional.conv_rbm",
    "ConvDBM": "models.boltzmann.convolutional.conv_dbm",
    "RTRBM": "models.boltzmann.recurrent.rtrbm",
    "RNNRBM": "models.boltzmann.recurrent.rnn_rbm",
    "RNNNADE": "models.boltzmann.recurrent.rnn_nade",
    "BoltzmannMachine": "models.boltzmann.pairwise.boltzmann_machine",
    "HigherOrderBM": "models.boltzmann.pairwise.higher_order",
    "MixtureRBM": "models.boltzmann.restricted.mixture_rbm",
    "DiscriminativeRBM": "models.boltzmann.restricted.discriminative_rbm",
    "GroupedRBM": "models.boltzmann.restricted.grouped_rbm",
    "GatedBM": "models.boltzmann.pairwise.gated_bm",
    "BoostedField": "models.boltzmann.pairwise.boosting",
    "UnrolledMRF": "models.boltzmann.pairwise.unrolled",
    # contract
    "Model": "core.model",
    "Update": "core.updates",
    "Stage": "core.updates",
    "Steps": "core.updates",
    "Epochs": "core.updates",
    "Batch": "core.batch",
    "Terms": "core.batch",
    "Rng": "core.random.keyed",
    "Estimate": "core.scores.estimate",
    "Binary": "core.spaces.plain",
    "Levels": "core.spaces.plain",
    "Real": "core.spaces.plain",
    "Audio": "core.spaces.audio",
    "Categorical": "core.spaces.classes",
    "Positive": "core.spaces.plain",
    "Count": "core.spaces.plain",
    "Numeric": "core.spaces.numeric",
    "Scores": "core.spaces.numeric",
    "Ordinal": "core.spaces.classes",
    "Sequence": "core.spaces.composite",
    "Table": "core.spaces.composite",
    "Preprocessing": "core.preprocessing.chain",
}

__all__ = [*_NAMES, "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _NAMES and not name.startswith("_"):
        from simulacra.core.renamed import NAMES, present

        name = present([NAMES], name)
    if name not in _NAMES:
        raise AttributeError(f"module 'simulacra' has no attribute {name!r}")
    return getattr(importlib.import_module(f"simulacra.{_NAMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
