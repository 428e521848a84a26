"""Two generators, one on the other: a draft at a part of the side, and the whole picture from the draft.

    c^ = mu(e) + sigma(e) eps,   eps ~ N(0, I)         conditioning augmentation              (1)
    x_0 = G_0(z, c^_0)                                 the draft                              (2)
    x = G(x_0, c^_1)                                   the picture                            (3)

(1) makes a neighbourhood of each caption's vector, so that few captions cover the space of conditions; the
KL divergence of N(mu, sigma^2) from N(0, I) keeps it from shrinking to a point. (3) has no noise but that of
c^_1: its maps are those of x_0 beside c^_1 at every place, residual blocks, and doublings of the side.

Reference: Zhang, Xu, Li, Zhang, Wang, Huang and Metaxas, StackGAN, 2016. Row G17.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from simulacra.core.distributions.elementary import Gaussian
from simulacra.nets.adversarial.dcgan import DCGANGenerator, beside
from simulacra.nets.adversarial.normal import needs_bias, norm
from simulacra.nets.captions.players import widths_of


class Augmentation(nn.Module):
    """Equation (1).

    Args:
        size: entries of e.
        short: entries of c^.
    """

    def __init__(self, size: int, short: int):
        super().__init__()
        self.heads = nn.Linear(size, 2 * short)

    def law(self, e: Tensor) -> Gaussian:
        """Returns N(mu(e), sigma(e)^2), with entries independent, for vectors e (B, size)."""
        mu, log_sigma = self.heads(e).chunk(2, 1)
        return Gaussian(mu, log_sigma, 1)

    def forward(self, e: Tensor, eps: Tensor) -> Tensor:
        """Returns c^, shape (B, short), for vectors e (B, size) and standard normal eps (B, short)."""
        law = self.law(e)
        # (1)
        return law.loc + law.log_scale.exp() * eps


class Drafter(nn.Module):
    """Equation (2), before the last activation.

    Args:
        latent: size of the noise z.
        shape: (C, h, w) of the draft, with sides that halve down to 3 to 7.
        size: entries of e.
        short: entries of c^.
        channels: channels next to the image, doubled at each halving.
        normalization: "batch", "layer" or "none".

    Example:
        >>> e, eps = torch.zeros(2, 5), torch.zeros(2, 3)
        >>> Drafter(4, (1, 8, 8), 5, 3, 2)(torch.zeros(2, 4), eps, e).shape
        torch.Size([2, 1, 8, 8])
    """

    def __init__(
        self,
        latent: int,
        shape: Sequence[int],
        size: int,
        short: int,
        channels: int,
        normalization: str = "batch",
    ):
        super().__init__()
        self.augment = Augmentation(size, short)
        self.net = DCGANGenerator(latent, shape, widths_of(shape, channels)[::-1], short, normalization)

    def forward(self, z: Tensor, eps: Tensor, e: Tensor) -> Tensor:
        """Returns x_0 for noise z (B, latent) and eps (B, short), and vectors e (B, size) of captions."""
        x: Tensor = self.net(z, self.augment(e, eps))
        return x


class Refiner(nn.Module):
    """Equation (3), before the last activation.

    Args:
        shape: (C, h, w) of the draft.
        doublings: how often the side is doubled.
        size: entries of e.
        short: entries of c^.
        channels: channels next to the image, doubled at each lower resolution.
        blocks: residual blocks at the resolution of the draft.
        normalization: "batch", "layer" or "none".

    Example:
        >>> x, eps, e = torch.zeros(2, 1, 4, 4), torch.zeros(2, 3), torch.zeros(2, 5)
        >>> Refiner((1, 4, 4), 2, 5, 3, 2)(x, eps, e).shape
        torch.Size([2, 1, 16, 16])
    """

    def __init__(
        self,
        shape: Sequence[int],
        doublings: int,
        size: int,
        short: int,
        channels: int,
        blocks: int = 2,
        normalization: str = "batch",
    ):
        super().__init__()
        wide = channels * 2**doublings
        self.augment = Augmentation(size, short)
        self.look = nn.Sequential(nn.Conv2d(shape[0], wide, 3, padding=1), nn.ReLU())
        self.join = nn.Sequential(*convolution(wide + short, wide, normalization), nn.ReLU())
        self.blocks = nn.Sequential(*(Residual(wide, normalization) for _ in range(blocks)))
        ups: list[nn.Module] = []
        for i in range(doublings, 0, -1):
            a, b = channels * 2**i, channels * 2 ** (i - 1)
            ups += [nn.Upsample(scale_factor=2), *convolution(a, b, normalization), nn.ReLU()]
        self.up = nn.Sequential(*ups, nn.Conv2d(channels, shape[0], 3, padding=1))

    def forward(self, x: Tensor, eps: Tensor, e: Tensor) -> Tensor:
        """Returns pictures of drafts x (B, C, h, w), eps (B, short) and captions' vectors e (B, size)."""
        h = self.join(beside(self.look(x), self.augment(e, eps)))
        picture: Tensor = self.up(self.blocks(h))
        return picture


class Stack(nn.Module):
    """The generators of both stages.

    Args:
        draft: generator of equation (2).
        whole: generator of equation (3).
    """

    def __init__(self, draft: Drafter, whole: Refiner):
        super().__init__()
        self.draft, self.whole = draft, whole


class Residual(nn.Module):
    """r(x + norm(conv(r(norm(conv(x)))))), r the rectifier.

    Args:
        channels: channels of x.
        normalization: "batch", "layer" or "none".
    """

    def __init__(self, channels: int, normalization: str):
        super().__init__()
        first, second = (convolution(channels, channels, normalization) for _ in range(2))
        self.body = nn.Sequential(*first, nn.ReLU(), *second)

    def forward(self, x: Tensor) -> Tensor:
        """Returns maps of the shape of x, (B, C, H, W)."""
        return torch.relu(x + self.body(x))


def convolution(a: int, b: int, normalization: str) -> list[nn.Module]:
    """Returns a 3 x 3 convolution from a to b channels that keeps the side, and its normalization."""
    return [nn.Conv2d(a, b, 3, padding=1, bias=needs_bias(normalization)), norm(normalization, b)]
