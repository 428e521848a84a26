"""The deterministic autoencoder, which may learn to undo a corruption.

    min |x - g(f(x~))|^2 + lambda |f(x~)|_1                                    (1)

Without corruption x~ is x. With dim f(x) < dim x it must compress; over-complete and without penalty it
learns the identity, unless it is trained to rebuild x from a corrupted x~ ~ C(x~ | x). Its decoder is no
generative model: the codes have no prior to sample from (row D16).

The denoising autoencoder r = g f of least error is E[x | x~]. For Gaussian noise of standard deviation s,
with p_s the density of x~,

    grad log p_s(x~) = (r(x~) - x~) / s^2                                      (2)

Reference: Rumelhart, Hinton and Williams 1986; Bourlard and Kamp 1988; Deep Learning Book 14; Vincent et al.
2008, 2010 (corruption); Vincent 2011, Alain and Bengio 2014 (equation 2). Rows D3, D4, D6, D10.
"""

from __future__ import annotations

import math
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

from simulacra.core.batch import Batch, Terms
from simulacra.core.capabilities.general import Decodes, Denoises, Encodes, HasScore
from simulacra.core.corruption.noise import GaussianNoise
from simulacra.core.corruption.parse import parse
from simulacra.core.distributions.elementary import sum_events
from simulacra.core.model import Model
from simulacra.core.optimizers import Adam
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary, Levels, Real, Space
from simulacra.core.updates import Update
from simulacra.nets.coders import build_decoder, build_encoder, check_network, default_net

STEEP = 2.0  # slope of the logistic function of standardized features: it saturates for few of them


class Autoencoder(Model, Encodes, Decodes, Denoises, HasScore):
    """Deterministic autoencoder; with a corruption, a denoising autoencoder.

    Args:
        space: space of one observation.
        latent: size of the code.
        hidden: sizes of the encoder's hidden layers (channels for `conv`), which the decoder mirrors; () is a
            linear autoencoder; None takes the defaults of the network.
        net: `mlp` or `conv`; `auto` takes `conv` for images with a side of at least 16, else `mlp`.
        activation: `relu`, `tanh`, `silu`, `softplus`, `leaky-relu` or `sigmoid`.
        error: `squared` (on features in [0, 1] for levels) or `cross-entropy` (0/1 and levels).
        sparsity: weight lambda of the L1 penalty in equation (1); 0 disables it.
        dropout: dropout rate of the hidden layers (`mlp` only).
        encoder: custom network from features (B, *) to (B, latent); None builds one.
        decoder: custom network from (B, latent) to (B, 1, *shape); None builds one.
        corruption: noise that training adds to the input, such as `mask:0.3`, `gaussian:0.1` or `salt:0.2`,
            also `downscale:4`, `blur:1.5` and `edges` for images and `mix:FOLDER:10` for recordings (noise of
            a folder at 10 dB); the model then denoises.

    Raises:
        ValueError: if the error or the corruption does not fit the space, or a custom network has the wrong
            output shape.

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
        corruption: str = "none",
        *,
        seed: int = 0,
    ):
        super().__init__(space)
        self._corrupt(corruption)
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

    def _corrupt(self, corruption: str) -> None:
        """Sets the corruption, and removes the capabilities that it does not give."""
        self.corruption = parse(corruption)
        if self.corruption is None:
            self.remove(Denoises)
        else:
            self.corruption.space(self.space)
        if not (isinstance(self.corruption, GaussianNoise) and isinstance(self.space, Real)):
            self.remove(HasScore)

    def updates(self) -> list[Update]:
        """Returns the only update, which minimizes equation (1).

        With a sparsity penalty it also has weight decay. Otherwise f / a and a g, with the same
        reconstruction,
        would shrink the penalty to 0 for large a.
        """
        decay = 0.01 if self.sparsity else 0.0
        return [Update("autoencoder", ("",), reconstruction_error, optimizer=Adam(weight_decay=decay))]

    def infer(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns the code f(x), shape (B, latent).

        Args:
            x: observations, shape (B, *).
            c: not used.
        """
        return self.encoder(self.features(x))

    def emit(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns the reconstruction g(z) in the units of x, shape (B, *).

        Args:
            z: codes, shape (B, latent).
            c: not used.
        """
        out = self.decoder(z).squeeze(1)
        if self.error == "cross-entropy":
            out = out / STEEP if self._unbounded else out.sigmoid()
        return self.space.from_features(out)

    def clean(self, x: Tensor, rng: Rng, c: Tensor | None = None, level: float | None = None) -> Tensor:
        """Returns g(f(x~)), or less of it for noise of a smaller level (`Corruption.cleaned`), shape (B, *).

        Args:
            x: corrupted observations x~, shape (B, *).
            rng: not used.
            c: not used.
            level: amount of the corruption; None: that of training.
        """
        assert self.corruption is not None
        return self.corruption.cleaned(x, self.emit(self.infer(x)), level)

    def slope(self, x: Tensor, c: Tensor | None = None, noise: float | None = None) -> Tensor:
        """Returns the gradient of log p_s by equation (2), shape (B, *).

        Args:
            x: observations, shape (B, *).
            c: not used.
            noise: standard deviation s; None: that of training, the only one that the model knows.

        Raises:
            ValueError: if `noise` is another one than that of training.
        """
        s = self.corruption.level if self.corruption is not None else None
        assert s is not None
        if noise is not None and noise != s:
            raise ValueError(f"noise is {noise:g}, but the model was trained with {s:g}: leave noise= out.")
        # (2)
        return (self.emit(self.infer(x)) - x) / s**2

    @property
    def _unbounded(self) -> bool:
        """True if features exceed [0, 1], as those of levels with a range of their own do."""
        return isinstance(self.space, Levels) and self.space.ranged

    def _share(self, f: Tensor) -> Tensor:
        """Returns features as Bernoulli probabilities; those beyond [0, 1] by their logistic function."""
        return (STEEP * f).sigmoid() if self._unbounded else f


def reconstruction_error(model: Autoencoder, batch: Batch, rng: Rng) -> Terms:
    """Computes equation (1) per example, summed over entries."""
    target, noise = model.features(batch.x), model.corruption
    code = model.encoder(target if noise is None else model.features(noise.apply(batch.x, rng, model.space)))
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
