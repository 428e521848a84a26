"""The deterministic autoencoder.

    min |x - g(f(x))|^2 + lambda |f(x)|_1                                      (1)

With dim f(x) < dim x it must compress; over-complete and without penalty it learns the identity.
Its decoder is no generator: nothing says which codes are likely (row D16).

Reference: Rumelhart, Hinton and Williams 1986; Bourlard and Kamp 1988; Deep Learning Book 14.
Rows D3, D4.
"""

from __future__ import annotations

import math
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

from simulacra.core.batch import Batch, Terms
from simulacra.core.capabilities.general import Decodes, Encodes
from simulacra.core.distributions.elementary import sum_events
from simulacra.core.model import Model
from simulacra.core.optimizers import Adam
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary, Levels, Real, Space
from simulacra.core.updates import Update
from simulacra.nets.coders import build_decoder, build_encoder, check_network, default_net

STEEP = 2.0  # slope of the logistic of features with mean 0 and deviation 1: it saturates for few of them


class Autoencoder(Model, Encodes, Decodes):
    """Deterministic autoencoder.

    Args:
        space: what one observation is.
        latent: size of the code.
        hidden: layer sizes of the encoder (channels for `conv`); () is a linear autoencoder.
        net: `mlp`, `conv`, or `auto`: convolutions for images with a side of at least 16.
        activation: `relu`, `tanh`, `silu`, `softplus`, `leaky-relu` or `sigmoid`.
        error: `squared` (on features in [0, 1] for levels) or `cross-entropy` (0/1 and levels).
        sparsity: lambda of equation (1).
        dropout: share of hidden activations dropped in training (`mlp` only).
        encoder: a network of your own from features (B, *) to (B, latent).
        decoder: a network of your own from (B, latent) to (B, 1, *shape).

    Raises:
        ValueError: if the error does not fit the space, or a network not the model.

    Example:
        >>> Autoencoder(Real((5,)), latent=2).encode([[0.0] * 5]).shape
        torch.Size([1, 2])
    """

    def __init__(
        self,
        space: Space,
        latent: int = 16,
        hidden: tuple[int, ...] | None = None,
        net: Literal["auto", "mlp", "conv"] = "auto",
        activation: str = "relu",
        error: Literal["squared", "cross-entropy"] = "squared",
        sparsity: float = 0.0,
        dropout: float = 0.0,
        encoder: nn.Module | None = None,
        decoder: nn.Module | None = None,
        *,
        seed: int = 0,
    ):
        super().__init__(space)
        possible = (Binary, Levels) if error == "cross-entropy" else (Binary, Levels, Real)
        if not isinstance(space, possible):
            raise ValueError(
                f"error={error!r} needs {' or '.join(k.__name__ for k in possible)} data, "
                f"but the space is {space}."
            )
        self.code_size, self.error, self.sparsity = latent, error, sparsity
        kind, sizes = default_net(space, net, hidden)
        self.encoder = encoder or build_encoder(space, latent, kind, sizes, None, activation, dropout)
        output = (1, *space.shape)
        self.decoder = decoder or build_decoder(space, latent, output, kind, sizes, None, activation, dropout)
        check_network("encoder", self.encoder, (space.features_shape,), (latent,))
        check_network("decoder", self.decoder, ((latent,),), output)

    def updates(self) -> list[Update]:
        """One player descends equation (1).

        With a penalty the weights decay too: otherwise f / a and a g would shrink it for nothing.
        """
        decay = 0.01 if self.sparsity else 0.0
        return [Update("autoencoder", ("",), reconstruction_error, optimizer=Adam(weight_decay=decay))]

    def infer(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """f(x), shape (B, latent)."""
        return self.encoder(self.features(x))

    def emit(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """g(z) in the units of x, shape (B, *)."""
        out = self.decoder(z).squeeze(1)
        if self.error == "cross-entropy":
            out = out / STEEP if self._unbounded else out.sigmoid()
        return self.space.from_features(out)

    @property
    def _unbounded(self) -> bool:
        """Returns True if features go beyond [0, 1]: those of levels in their own range."""
        return isinstance(self.space, Levels) and self.space.ranged

    def _share(self, f: Tensor) -> Tensor:
        """Features as shares of a coin in [0, 1]: themselves, or their logistic where they go beyond."""
        return (STEEP * f).sigmoid() if self._unbounded else f


def reconstruction_error(model: Autoencoder, batch: Batch, rng: Rng) -> Terms:
    """Equation (1): summed over entries, per example."""
    target = model.features(batch.x)
    code = model.encoder(target)
    out = model.decoder(code).squeeze(1)
    # (1)
    if model.error == "squared":
        entries = (target - out).square()
    else:
        share = model._share(target)
        entries = F.binary_cross_entropy_with_logits(out, share, reduction="none")
    loss = {"reconstruction": sum_events(entries, entries.dim() - 1)}
    if model.sparsity:
        loss["sparsity"] = model.sparsity * code.abs().sum(1)
    return Terms(loss, {"per entry": loss["reconstruction"].detach() / math.prod(target.shape[1:])})
