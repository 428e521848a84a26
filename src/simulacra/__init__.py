"""Simulacra: every family of deep generative models behind one contract, with scores to trust.

The public names, a table of contents, nothing else; each is imported when it is first used.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

# OpenMP threads that spin make steps 4 to 50 times slower on small shared machines
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = "0.1.0"

_NAMES = {
    # data
    "load_data": "data",
    "Dataset": "data.dataset",
    "in_memory": "data.tensors",
    # training
    "fit": "evaluation.examined",
    "resume": "evaluation.examined",
    "load": "training.run",
    "open_run": "training.fit",
    "export_onnx": "core.export",
    "Options": "training.options",
    "SamplePictures": "exploration.watch",
    # looking
    "plot": "exploration.plot",
    "as_html": "exploration.notebook",
    # evaluation
    "evaluate": "evaluation.scoring",
    "compare": "evaluation.compare",
    # models
    "PCA": "models.autoencoders.pca",
    "PPCA": "models.autoencoders.ppca",
    "Autoencoder": "models.autoencoders.autoencoder",
    "StackedAutoencoder": "models.autoencoders.stacked",
    "VAE": "models.variational.vae",
    "IWAE": "models.variational.iwae",
    "HierarchicalVAE": "models.variational.hierarchical",
    "FVBN": "models.autoregressive.fvbn",
    "MADE": "models.autoregressive.made",
    "PixelCNN": "models.autoregressive.pixelcnn",
    "GatedPixelCNN": "models.autoregressive.pixelcnn",
    "PixelRNN": "models.autoregressive.pixelrnn",
    "WaveNet": "models.autoregressive.wavenet",
    "NADE": "models.autoregressive.nade",
    "RNADE": "models.autoregressive.rnade",
    "Tabular": "models.autoregressive.tabular",
    "GaussianCopula": "models.autoencoders.gaussian_copula",
    "EoNADE": "models.autoregressive.eonade",
    "NADEK": "models.autoregressive.nade_k",
    "BEGAN": "models.adversarial.began",
    "DCGAN": "models.adversarial.dcgan",
    "GAN": "models.adversarial.gan",
    "LSGAN": "models.adversarial.lsgan",
    "NoiseAwareGAN": "models.adversarial.noise_aware",
    "SemiSupervisedGAN": "models.adversarial.semi_supervised",
    "ThreeWayGAN": "models.adversarial.three_way",
    "WGAN": "models.adversarial.wgan",
    "WGANGP": "models.adversarial.wgan",
    "RBM": "models.boltzmann.rbm",
    "GaussianRBM": "models.boltzmann.gaussian_rbm",
    "DBN": "models.boltzmann.dbn",
    "DBM": "models.boltzmann.dbm",
    "MultiPredictionDBM": "models.boltzmann.mp_dbm",
    "ConvRBM": "models.boltzmann.conv_rbm",
    "ConvDBM": "models.boltzmann.conv_dbm",
    "RTRBM": "models.boltzmann.rtrbm",
    "RNNRBM": "models.boltzmann.rnn_rbm",
    "RNNNADE": "models.boltzmann.rnn_nade",
    "BoltzmannMachine": "models.boltzmann.boltzmann_machine",
    "HigherOrderBM": "models.boltzmann.higher_order",
    "MixtureRBM": "models.boltzmann.mixture_rbm",
    "DiscriminativeRBM": "models.boltzmann.discriminative_rbm",
    "GroupedRBM": "models.boltzmann.grouped_rbm",
    "GatedBM": "models.boltzmann.gated_bm",
    "BoostedField": "models.boltzmann.boosting",
    "UnrolledMRF": "models.boltzmann.unrolled",
    # contract
    "Model": "core.model",
    "Update": "core.training",
    "Stage": "core.training",
    "Steps": "core.training",
    "Epochs": "core.training",
    "Batch": "core.batch",
    "Terms": "core.batch",
    "Rng": "core.random",
    "Estimate": "core.estimate",
    "Binary": "core.space",
    "Levels": "core.space",
    "Real": "core.space",
    "Wave": "core.waves",
    "Categorical": "core.classes",
    "Positive": "core.space",
    "Count": "core.space",
    "Numeric": "core.numeric",
    "Scores": "core.numeric",
    "Ordinal": "core.classes",
    "Sequence": "core.composite",
    "Fields": "core.composite",
    "Preprocessing": "core.preprocessing",
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
