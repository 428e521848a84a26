"""Adversarial models: samplers trained by a game."""

from simulacra.models.adversarial.gan import GAN

__all__ = ["GAN"]
