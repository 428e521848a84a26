"""The adversarial family in the catalogue; imports no torch."""

from __future__ import annotations

from simulacra.models.entry import Entry

ENTRIES = (
    Entry(
        "gan",
        "adversarial",
        "adversarial.gan",
        "GAN",
        "Goodfellow et al. 2014; Mirza and Osindero 2014; Salimans et al. 2016",
        ("F1", "F2", "F3", "F12", "F14", "F15", "F16", "F17", "F18", "F23", "G1", "G2"),
        "generative adversarial network: any objective, networks, conditioning and stabilizers",
    ),
    Entry(
        "dcgan",
        "adversarial",
        "adversarial.dcgan",
        "DCGAN",
        "Radford, Metz and Chintala 2015",
        ("F13", "G4"),
        "deep convolutional GAN: strided convolutions and batch normalization",
    ),
    Entry(
        "lsgan",
        "adversarial",
        "adversarial.lsgan",
        "LSGAN",
        "Mao et al. 2017",
        ("G9",),
        "least squares GAN: squared distances of scores to targets",
    ),
    Entry(
        "wgan",
        "adversarial",
        "adversarial.wgan",
        "WGAN",
        "Arjovsky, Chintala and Bottou 2017",
        ("G10",),
        "Wasserstein GAN: a critic with clipped weights",
    ),
    Entry(
        "wgan-gp",
        "adversarial",
        "adversarial.wgan",
        "WGANGP",
        "Gulrajani et al. 2017",
        ("G11",),
        "Wasserstein GAN: a critic whose gradient has norm one",
    ),
    Entry(
        "began",
        "adversarial",
        "adversarial.began",
        "BEGAN",
        "Berthelot, Schumm and Metz 2017",
        ("G12",),
        "boundary equilibrium GAN: the discriminator is an autoencoder",
    ),
    Entry(
        "semi-supervised-gan",
        "adversarial",
        "adversarial.semi_supervised",
        "SemiSupervisedGAN",
        "Salimans et al. 2016; Odena 2016",
        ("G13",),
        "GAN whose discriminator classifies with few labels: K + 1 classes",
    ),
    Entry(
        "three-way-gan",
        "adversarial",
        "adversarial.three_way",
        "ThreeWayGAN",
        "after Goodfellow et al. 2014: a lecture's discussion",
        ("F19",),
        "GAN whose discriminator also knows blurred data",
    ),
    Entry(
        "noise-aware-gan",
        "adversarial",
        "adversarial.noise_aware",
        "NoiseAwareGAN",
        "after Goodfellow et al. 2014: a lecture's discussion",
        ("F20",),
        "GAN whose discriminator also predicts the noise level of its input",
    ),
)
