"""Virtual batch normalization: statistics from a fixed reference batch and the row itself.

    mu_i = (n mu_ref + mu(x_i)) / (n + 1)                                      (1)
    s_i  = (n s_ref  + s(x_i))  / (n + 1),   s of squares                      (2)
    y_i  = gamma (x_i - mu_i) / sqrt(s_i - mu_i^2 + eps) + beta                (3)

What comes out for a row depends on no other row of its batch, unlike batch normalization. The price is that
the reference runs through the network beside every batch.

Reference: Salimans et al., Improved Techniques for Training GANs, 2016, section 3.5. Row F14.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class VirtualNorm(nn.Module):
    """The layer, inside a network that is fed the reference and then the rows, as `Virtual` does.

    Rows of the reference are normalized by the reference alone.

    Args:
        channels: C of inputs (n + B, C) or (n + B, C, H, W); statistics of a channel run over its places.
        reference: n, rows in front that are the reference.
        eps: added to the variance.

    Raises:
        ValueError: if there is no reference.
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
        """Equation (3), shape as x."""
        places = tuple(range(2, x.dim()))
        n, one = self.n, (-1,) + (1,) * len(places)
        # from mu_ref, which both x_i and mu_i are near: large means cancel before anything is squared
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
    """A network with `VirtualNorm` layers and the reference batch that runs beside every batch.

    The reference is standard normal until `set_reference`: right for the noise of a generator; that of a
    critic comes from the data.

    Args:
        net: takes (B, *in_shape), and a condition (B, condition) if there is one.
        n: rows of the reference, as its layers know it.
        in_shape: shape of one input.
        condition: size of the flattened condition, 0 for none.

    Example:
        >>> Virtual(VirtualNorm(3, reference=5), n=5, in_shape=(3,))(torch.zeros(2, 3)).shape
        torch.Size([2, 3])
    """

    reference: Tensor
    reference_c: Tensor | None

    def __init__(self, net: nn.Module, n: int, in_shape: Sequence[int], condition: int = 0):
        super().__init__()
        self.net = net
        self.register_buffer("reference", torch.randn(n, *in_shape))
        self.register_buffer("reference_c", torch.zeros(n, condition) if condition else None)

    @property
    def width(self) -> int:
        """Features of the critic inside."""
        assert isinstance(self.net.width, int)
        return self.net.width

    def set_reference(self, x: Tensor, c: Tensor | None = None) -> None:
        """Copy the reference from x, shape (n, *in_shape), and c, shape (n, *)."""
        self.reference.copy_(x)
        if self.reference_c is not None and c is not None:
            self.reference_c.copy_(c.flatten(1))

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """What the network makes of x, each row by itself."""
        n, both = len(self.reference), torch.cat([self.reference, x])
        if self.reference_c is None or c is None:
            return self.net(both)[n:]
        return self.net(both, torch.cat([self.reference_c, c.flatten(1)]))[n:]
