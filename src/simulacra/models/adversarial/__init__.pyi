# Written by tools/stubs.py: `python tools/stubs.py --write`.

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

__all__ = [
    "BEGAN",
    "DCGAN",
    "GAN",
    "GANCLS",
    "LAPGAN",
    "LSGAN",
    "R3GAN",
    "SEGAN",
    "SRGAN",
    "WGAN",
    "WGANGP",
    "CleanGAN",
    "CycleGAN",
    "NextFrameGAN",
    "NoiseAwareGAN",
    "Pix2Pix",
    "PostFilter",
    "ProgressiveGAN",
    "RotationAwareGAN",
    "SemiSupervisedGAN",
    "StackGAN",
    "ThreeWayGAN",
    "VoxelGAN",
]
