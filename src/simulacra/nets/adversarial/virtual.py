"""Virtual batch normalization: statistics from a fixed reference batch and the row itself.

    mu_i = (n mu_ref + mu(x_i)) / (n + 1)                                      (1)
    s_i  = (n s_ref  + s(x_i))  / (n + 1),   s of squares                      (2)
    y_i  = gamma (x_i - mu_i) / sqrt(s_i - mu_i^2 + eps) + beta                (3)

Unlike with batch normalization, the output for a row does not depend on other rows of its batch. The cost is
that the reference batch runs through the network with every batch.

Reference: Salimans et al., Improved Techniques for Training GANs, 2016, section 3.5. Row F14.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class VirtualNorm(nn.Module):
    """Normalizes by equations (1) to (3), inside a network whose input begins with the reference batch.

    `Virtual` puts the reference batch in front. Rows of the reference are normalized by the reference alone.

    Args:
        channels: C of inputs (n + B, C), (n + B, C, T) or (n + B, C, H, W); statistics of a channel run
            over its positions.
        reference: n, size of the reference batch in front.
        eps: constant added to the variance.

    Raises:
        ValueError: if `reference` is below 1.
    """

    def __init__(self, channels: int, reference: int, eps: float = 1e-5):
        super().__init__()
        if reference < 1:
            raise ValueError(
                f"reference is {reference}, but virtual batch normalization needs a reference batch: give it "
                "at least 1 row, or take normalization 'batch'."
            )
        self.n, self.eps = reference, eps
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Returns equation (3), in the shape of x."""
        places = tuple(range(2, x.dim()))
        n, one = self.n, (-1,) + (1,) * len(places)
        # relative to mu_ref, so that large means cancel before anything is squared
        d = x - x[:n].mean((0, *places), keepdim=True)
        squares = d[:n].square().mean((0, *places), keepdim=True)
        own = d[n:].mean(places, keepdim=True) if places else d[n:]
        own_squares = d[n:].square().mean(places, keepdim=True) if places else d[n:].square()
        # (1), (2)
        mu, s = own / (n + 1), (n * squares + own_squares) / (n + 1)
        # (3)
        rows = (d[n:] - mu) / (s - mu.square() + self.eps).sqrt()
        y = torch.cat([d[:n] / (squares + self.eps).sqrt(), rows])
        return self.weight.view(one) * y + self.bias.view(one)


class Virtual(nn.Module):
    """Wraps a network with `VirtualNorm` layers and runs its reference batch with every batch.

    The reference is standard normal until `set_reference`. That fits a generator's noise; a critic needs rows
    of
    data.

    Args:
        net: network of inputs (B, *in_shape), and a condition (B, condition) if there is one.
        n: size of the reference batch, the same as in its layers.
        in_shape: shape of one input.
        condition: number of entries of the flattened condition, or the shape of its maps; 0 without one.

    Example:
        >>> Virtual(VirtualNorm(3, reference=5), n=5, in_shape=(3,))(torch.zeros(2, 3)).shape
        torch.Size([2, 3])
    """

    reference: Tensor
    reference_c: Tensor | None

    def __init__(self, net: nn.Module, n: int, in_shape: Sequence[int], condition: int | Sequence[int] = 0):
        super().__init__()
        self.net = net
        self.register_buffer("reference", torch.randn(n, *in_shape))
        of_c = [condition] if isinstance(condition, int) else condition
        self.register_buffer("reference_c", torch.zeros(n, *of_c) if condition else None)

    @property
    def width(self) -> int:
        """Number of features of the wrapped critic."""
        assert isinstance(self.net.width, int)
        return self.net.width

    def set_reference(self, x: Tensor, c: Tensor | None = None) -> None:
        """Sets the reference batch.

        Args:
            x: inputs of the network, shape (n, *in_shape).
            c: their conditions, shape (n, *), or None.
        """
        self.reference.copy_(x)
        if self.reference_c is not None and c is not None:
            self.reference_c.copy_(c.reshape(self.reference_c.shape))

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Applies the network with the reference batch in front, and returns the outputs of x only.

        Args:
            x: inputs, shape (B, *in_shape).
            c: conditions, shape (B, *), or None.
        """
        n, both = len(self.reference), torch.cat([self.reference, x])
        if self.reference_c is None or c is None:
            return self.net(both)[n:]
        c = c.flatten(1) if self.reference_c.dim() == 2 else c
        return self.net(both, torch.cat([self.reference_c, c]))[n:]
