# Written by tools/stubs.py: `python tools/stubs.py --write`.

from simulacra.api import fit, resume
from simulacra.core.batch import Batch, Terms
from simulacra.core.capabilities.bounds import (
    HasBound,
    HasImportanceWeights,
    HasJoint,
    HasNoising,
    HasRates,
    TightensBound,
)
from simulacra.core.capabilities.chains import BurnIn, ChainSampler
from simulacra.core.capabilities.energy import (
    HasAnnealingPath,
    HasBoundEnergy,
    HasEnergy,
    HasFilters,
    HasMarkovChain,
    HasPartitionFunctions,
)
from simulacra.core.capabilities.estimates import EstimatesDensity, HasScore
from simulacra.core.capabilities.general import (
    Classifies,
    Completes,
    Continues,
    Decodes,
    Encodes,
    HasConditionals,
    HasCritic,
    HasDensity,
    HasDiagnostics,
    HasFeatures,
    HasPosterior,
    HasPrior,
    Samples,
    TakesCondition,
    TakesLengths,
    TakesMissing,
)
from simulacra.core.capabilities.mappings import Denoises, Predicts, PredictsFromCode, Translates
from simulacra.core.capabilities.marker import Capability
from simulacra.core.capabilities.sampling import Sampling
from simulacra.core.export.onnx import export_onnx
from simulacra.core.model import Model
from simulacra.core.preprocessing.chain import Preprocessing
from simulacra.core.random.keyed import Rng
from simulacra.core.scores.estimate import Estimate
from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.classes import Categorical, Ordinal
from simulacra.core.spaces.composite import Sequence, Table
from simulacra.core.spaces.numeric import Numeric, Scores
from simulacra.core.spaces.plain import Binary, Count, Levels, Positive, Real
from simulacra.core.spaces.tokens import Tokens
from simulacra.core.texts.validity import register_validity
from simulacra.core.updates import Epochs, Stage, Steps, Update
from simulacra.data import load_data
from simulacra.data.dataset import Dataset
from simulacra.data.sources.tensors import from_tensors
from simulacra.evaluation.compare.comparison import compare
from simulacra.evaluation.evaluate import evaluate
from simulacra.exploration.live.watch import SamplePictures
from simulacra.exploration.notebook import as_html
from simulacra.exploration.plot import plot
from simulacra.models.adversarial.began import BEGAN
from simulacra.models.adversarial.captions.gan_cls import GANCLS
from simulacra.models.adversarial.captions.stackgan import StackGAN
from simulacra.models.adversarial.dcgan import DCGAN
from simulacra.models.adversarial.frames.next_frame import NextFrameGAN
from simulacra.models.adversarial.frames.voxel_gan import VoxelGAN
from simulacra.models.adversarial.gan import GAN
from simulacra.models.adversarial.growing.lapgan import LAPGAN
from simulacra.models.adversarial.growing.progressive import ProgressiveGAN
from simulacra.models.adversarial.lsgan import LSGAN
from simulacra.models.adversarial.noise_aware import NoiseAwareGAN
from simulacra.models.adversarial.paired.clean_gan import CleanGAN
from simulacra.models.adversarial.paired.pix2pix import Pix2Pix
from simulacra.models.adversarial.paired.post_filter import PostFilter
from simulacra.models.adversarial.paired.segan import SEGAN
from simulacra.models.adversarial.paired.srgan import SRGAN
from simulacra.models.adversarial.r3gan import R3GAN
from simulacra.models.adversarial.rotation_aware import RotationAwareGAN
from simulacra.models.adversarial.semi_supervised import SemiSupervisedGAN
from simulacra.models.adversarial.three_way import ThreeWayGAN
from simulacra.models.adversarial.unpaired.cycle_gan import CycleGAN
from simulacra.models.adversarial.wgan import WGAN, WGANGP
from simulacra.models.autoencoders.autoencoder import Autoencoder
from simulacra.models.autoencoders.contractive import ContractiveAutoencoder
from simulacra.models.autoencoders.conv_generator import ConvGenerator
from simulacra.models.autoencoders.gaussian_copula import GaussianCopula
from simulacra.models.autoencoders.memorizer import Memorizer
from simulacra.models.autoencoders.pca import PCA
from simulacra.models.autoencoders.ppca import PPCA
from simulacra.models.autoencoders.stacked import StackedAutoencoder
from simulacra.models.autoregressive.images.pixelcnn import GatedPixelCNN, PixelCNN
from simulacra.models.autoregressive.images.pixelrnn import PixelRNN
from simulacra.models.autoregressive.tables.tabular import Tabular
from simulacra.models.autoregressive.transformer import Transformer
from simulacra.models.autoregressive.vectors.eonade import EoNADE
from simulacra.models.autoregressive.vectors.fvbn import FVBN
from simulacra.models.autoregressive.vectors.made import MADE
from simulacra.models.autoregressive.vectors.nade import NADE
from simulacra.models.autoregressive.vectors.nade_k import NADEK
from simulacra.models.autoregressive.vectors.rnade import RNADE
from simulacra.models.autoregressive.wavenet import WaveNet
from simulacra.models.beliefs.belief_net import BeliefNet
from simulacra.models.beliefs.bidirectional import BiHM
from simulacra.models.beliefs.darn import DARN
from simulacra.models.beliefs.mean_field import MeanFieldSBN
from simulacra.models.boltzmann.convolutional.conv_dbm import ConvDBM
from simulacra.models.boltzmann.convolutional.conv_rbm import ConvRBM
from simulacra.models.boltzmann.deep.dbm import DBM
from simulacra.models.boltzmann.deep.dbn import DBN
from simulacra.models.boltzmann.deep.deep_autoencoder import DeepAutoencoder
from simulacra.models.boltzmann.deep.mp_dbm import MultiPredictionDBM
from simulacra.models.boltzmann.pairwise.boltzmann_machine import BoltzmannMachine
from simulacra.models.boltzmann.pairwise.boosting import BoostedField
from simulacra.models.boltzmann.pairwise.gated_bm import GatedBM
from simulacra.models.boltzmann.pairwise.higher_order import HigherOrderBM
from simulacra.models.boltzmann.pairwise.unrolled import UnrolledMRF
from simulacra.models.boltzmann.recurrent.crbm import CRBM
from simulacra.models.boltzmann.recurrent.factored_crbm import FactoredCRBM
from simulacra.models.boltzmann.recurrent.rnn_nade import RNNNADE
from simulacra.models.boltzmann.recurrent.rnn_rbm import RNNRBM
from simulacra.models.boltzmann.recurrent.rtrbm import RTRBM
from simulacra.models.boltzmann.restricted.discriminative_rbm import DiscriminativeRBM
from simulacra.models.boltzmann.restricted.gaussian_rbm import GaussianRBM
from simulacra.models.boltzmann.restricted.grouped_rbm import GroupedRBM
from simulacra.models.boltzmann.restricted.mixture_rbm import MixtureRBM
from simulacra.models.boltzmann.restricted.rbm import RBM
from simulacra.models.boltzmann.restricted.structured_crbm import StructuredCRBM
from simulacra.models.chains.discriminant_gsn import DiscriminantGSN
from simulacra.models.chains.gsn import GSN
from simulacra.models.chains.neural_ebm import NeuralEBM
from simulacra.models.diffusion.consistency import Consistency
from simulacra.models.diffusion.ddpm import DDPM
from simulacra.models.diffusion.flow_matching import FlowMatching
from simulacra.models.diffusion.inversion import Diffusion
from simulacra.models.diffusion.masked.model import MaskedDiffusion
from simulacra.models.flows.flow import Flow
from simulacra.models.flows.gaussian import GaussianModel
from simulacra.models.flows.real_nvp import RealNVP
from simulacra.models.moments.abc import ABC
from simulacra.models.moments.gmmn import GMMN
from simulacra.models.moments.gmmn_autoencoder import GMMNAutoencoder
from simulacra.models.variational.hierarchical import HierarchicalVAE
from simulacra.models.variational.iwae import IWAE
from simulacra.models.variational.quantized.vq_vae import VQVAE
from simulacra.models.variational.sequences.vrnn import VRNN
from simulacra.models.variational.texts.chemical_vae import ChemicalVAE
from simulacra.models.variational.texts.sentence_vae import SentenceVAE
from simulacra.models.variational.vae import VAE
from simulacra.training.fit import load_run
from simulacra.training.options import Options
from simulacra.training.run import load

__version__: str
__all__ = [
    "ABC",
    "BEGAN",
    "CRBM",
    "DARN",
    "DBM",
    "DBN",
    "DCGAN",
    "DDPM",
    "FVBN",
    "GAN",
    "GANCLS",
    "GMMN",
    "GSN",
    "IWAE",
    "LAPGAN",
    "LSGAN",
    "MADE",
    "NADE",
    "NADEK",
    "PCA",
    "PPCA",
    "R3GAN",
    "RBM",
    "RNADE",
    "RNNNADE",
    "RNNRBM",
    "RTRBM",
    "SEGAN",
    "SRGAN",
    "VAE",
    "VQVAE",
    "VRNN",
    "WGAN",
    "WGANGP",
    "Audio",
    "Autoencoder",
    "Batch",
    "BeliefNet",
    "BiHM",
    "Binary",
    "BoltzmannMachine",
    "BoostedField",
    "BurnIn",
    "Capability",
    "Categorical",
    "ChainSampler",
    "ChemicalVAE",
    "Classifies",
    "CleanGAN",
    "Completes",
    "Consistency",
    "Continues",
    "ContractiveAutoencoder",
    "ConvDBM",
    "ConvGenerator",
    "ConvRBM",
    "Count",
    "CycleGAN",
    "Dataset",
    "Decodes",
    "DeepAutoencoder",
    "Denoises",
    "Diffusion",
    "DiscriminantGSN",
    "DiscriminativeRBM",
    "Encodes",
    "EoNADE",
    "Epochs",
    "Estimate",
    "EstimatesDensity",
    "FactoredCRBM",
    "Flow",
    "FlowMatching",
    "GMMNAutoencoder",
    "GatedBM",
    "GatedPixelCNN",
    "GaussianCopula",
    "GaussianModel",
    "GaussianRBM",
    "GroupedRBM",
    "HasAnnealingPath",
    "HasBound",
    "HasBoundEnergy",
    "HasConditionals",
    "HasCritic",
    "HasDensity",
    "HasDiagnostics",
    "HasEnergy",
    "HasFeatures",
    "HasFilters",
    "HasImportanceWeights",
    "HasJoint",
    "HasMarkovChain",
    "HasNoising",
    "HasPartitionFunctions",
    "HasPosterior",
    "HasPrior",
    "HasRates",
    "HasScore",
    "HierarchicalVAE",
    "HigherOrderBM",
    "Levels",
    "MaskedDiffusion",
    "MeanFieldSBN",
    "Memorizer",
    "MixtureRBM",
    "Model",
    "MultiPredictionDBM",
    "NeuralEBM",
    "NextFrameGAN",
    "NoiseAwareGAN",
    "Numeric",
    "Options",
    "Ordinal",
    "Pix2Pix",
    "PixelCNN",
    "PixelRNN",
    "Positive",
    "PostFilter",
    "Predicts",
    "PredictsFromCode",
    "Preprocessing",
    "ProgressiveGAN",
    "Real",
    "RealNVP",
    "Rng",
    "RotationAwareGAN",
    "SamplePictures",
    "Samples",
    "Sampling",
    "Scores",
    "SemiSupervisedGAN",
    "SentenceVAE",
    "Sequence",
    "StackGAN",
    "StackedAutoencoder",
    "Stage",
    "Steps",
    "StructuredCRBM",
    "Table",
    "Tabular",
    "TakesCondition",
    "TakesLengths",
    "TakesMissing",
    "Terms",
    "ThreeWayGAN",
    "TightensBound",
    "Tokens",
    "Transformer",
    "Translates",
    "UnrolledMRF",
    "Update",
    "VoxelGAN",
    "WaveNet",
    "__version__",
    "as_html",
    "compare",
    "evaluate",
    "export_onnx",
    "fit",
    "from_tensors",
    "load",
    "load_data",
    "load_run",
    "plot",
    "register_validity",
    "resume",
]
