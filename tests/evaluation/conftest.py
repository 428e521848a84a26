"""A VAE whose likelihood, posterior and aggregate posterior are closed forms."""

import pytest
import torch
from torch import nn

import simulacra

SCALE = 0.7


@pytest.fixture
def linear_vae():
    """x = W z + m + 0.7 e with orthogonal columns of W, so that p(z|x) is diagonal.

    `mistake` moves q(z|x) away from it.
    """

    def make(d=4, latent=2, mistake=0.0, seed=0):
        generator = torch.Generator().manual_seed(seed)
        basis, _ = torch.linalg.qr(torch.randn(d, d, generator=generator, dtype=torch.float64))
        W = basis[:, :latent] * torch.linspace(1.5, 0.5, latent, dtype=torch.float64)
        m = torch.randn(d, generator=generator, dtype=torch.float64)
        # p(z|x) = N(V W' (x - m) / s^2, V), V = (I + W'W / s^2)^-1, diagonal
        V = 1 / (1 + W.square().sum(0) / SCALE**2)
        encoder, decoder = nn.Linear(d, 2 * latent).double(), nn.Linear(latent, d).double()
        project = V.unsqueeze(1) * W.T / SCALE**2
        with torch.no_grad():
            encoder.weight.copy_(torch.cat([project, torch.zeros(latent, d)]))
            encoder.bias.copy_(torch.cat([-project @ m + mistake, 0.5 * V.log()]))
            decoder.weight.copy_(W)
            decoder.bias.copy_(m)
        net = nn.Sequential(decoder, nn.Unflatten(1, (1, d)))
        space = simulacra.Real((d,))
        encoder_net = Double(encoder)
        model = simulacra.VAE(space, latent=latent, scale=SCALE, encoder=encoder_net, decoder=Double(net))
        covariance = W @ W.T + SCALE**2 * torch.eye(d, dtype=torch.float64)
        truth = torch.distributions.MultivariateNormal(m, covariance)
        return model.double(), truth

    return make


class Double(nn.Module):
    """A network in float64, whatever the check of its shapes feeds it."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        """net(x)."""
        return self.net(x.double())
