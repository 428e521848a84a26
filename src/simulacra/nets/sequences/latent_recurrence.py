"""Networks of a recurrent model with a code for each step.

    prior     (mu, log sigma)(h_(t-1), u)               of z_t before x_t is seen
    posterior (mu, log sigma)(phi_x(x_t), h_(t-1), u)   of z_t
    decoder   parameters(phi_z(z_t), h_(t-1), u)        of x_t
    next      h_t = GRU((phi_x(x_t), phi_z(z_t), u), h_(t-1)),   h_0 = 0

with u the condition of the whole sequence, where there is one. All of them act on the last dimension, so that
several codes of a row run side by side.

Reference: Chung et al., A Recurrent Latent Variable Model for Sequential Data, 2015, section 3.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from simulacra.nets.layers import activation
from simulacra.nets.mlp import mlp


class LatentRecurrence(nn.Module):
    """The networks of one step, the same for all steps.

    Args:
        features: number of features of x_t.
        latent: size of the code z_t.
        state: size of the state h_t.
        hidden: sizes of the hidden layers of each network; the last one is that of phi_x and phi_z.
        output: shape of the parameters of x_t.
        condition: number of features of the condition u; 0 without one.
        act: activation of the hidden layers.

    Example:
        >>> net = LatentRecurrence(4, latent=2, state=5, hidden=(3,), output=(1, 4))
        >>> phi_x, phi_z = net.phi_x(torch.zeros(7, 1, 4)), net.phi_z(torch.zeros(7, 9, 2))
        >>> net.next(phi_x, phi_z, net.begin(7, 9)).shape
        torch.Size([7, 9, 5])
    """

    def __init__(
        self,
        features: int,
        latent: int,
        state: int,
        hidden: Sequence[int],
        output: Sequence[int],
        condition: int = 0,
        act: str = "relu",
    ):
        super().__init__()
        self.state, self.output = state, tuple(output)
        given, width = state + condition, hidden[-1]
        self.phi_x = nn.Sequential(mlp([features, *hidden], act), activation(act))
        self.phi_z = nn.Sequential(mlp([latent, *hidden], act), activation(act))
        self.to_prior = mlp([given, *hidden, 2 * latent], act)
        self.to_posterior = mlp([width + given, *hidden, 2 * latent], act)
        self.to_x = mlp([width + given, *hidden, math.prod(output)], act)
        self.cell = nn.GRUCell(2 * width + condition, state)

    @property
    def output_bias(self) -> nn.Parameter:
        """Bias of the parameters of x_t, shape (prod(output),)."""
        last = self.to_x[-1]
        assert isinstance(last, nn.Linear)
        return last.bias

    def begin(self, n: int, k: int) -> Tensor:
        """Returns h_0 = 0 of k codes of n rows, shape (n, k, state)."""
        return self.cell.weight_hh.new_zeros(n, k, self.state)

    def prior(self, h: Tensor, u: Tensor | None = None) -> Tensor:
        """Returns mean and log standard deviation of p(z_t | h_(t-1)), shape (B, k, 2 latent).

        Args:
            h: states h_(t-1), shape (B, k, state).
            u: condition as features, shape (B, 1, condition), or None.
        """
        return self.to_prior(_beside(h, u))

    def posterior(self, phi_x: Tensor, h: Tensor, u: Tensor | None = None) -> Tensor:
        """Returns mean and log standard deviation of q(z_t | x_t, h_(t-1)), shape (B, k, 2 latent).

        Args:
            phi_x: phi_x(x_t), shape (B, 1, width).
            h: states h_(t-1), shape (B, k, state).
            u: condition as features, shape (B, 1, condition), or None.
        """
        return self.to_posterior(_beside(_beside(h, phi_x), u))

    def decoder(self, phi_z: Tensor, h: Tensor, u: Tensor | None = None) -> Tensor:
        """Returns the parameters of p(x_t | z_t, h_(t-1)), shape (B, k, *output).

        Args:
            phi_z: phi_z(z_t), shape (B, k, width).
            h: states h_(t-1), shape (B, k, state).
            u: condition as features, shape (B, 1, condition), or None.
        """
        return self.to_x(_beside(_beside(h, phi_z), u)).unflatten(-1, self.output)

    def next(self, phi_x: Tensor, phi_z: Tensor, h: Tensor, u: Tensor | None = None) -> Tensor:
        """Returns h_t, shape (B, k, state).

        Args:
            phi_x: phi_x(x_t), shape (B, 1, width).
            phi_z: phi_z(z_t), shape (B, k, width).
            h: states h_(t-1), shape (B, k, state).
            u: condition as features, shape (B, 1, condition), or None.
        """
        inputs = _beside(_beside(phi_z, phi_x), u)
        return self.cell(inputs.flatten(0, 1), h.flatten(0, 1)).view_as(h)


def _beside(h: Tensor, u: Tensor | None) -> Tensor:
    """Returns h with u behind it, or h alone, shape (B, k, *)."""
    return h if u is None else torch.cat([h, u.expand(*h.shape[:-1], -1)], -1)
