"""RealNVP: a chain of coupling layers, whose inverse and determinant cost one run of each network.

    z ~ N(0, I),   x = m + s g_n(... g_1(z))                                                         (1)
    g_l: z_k where the mask of layer l is 1,   z_j exp(s_l(z_k)) + t_l(z_k) elsewhere                (2)
    log p(x) = log N(z; 0, I) - sum_l sum_j s_l(z_k)_j - sum_i log s_i                               (3)

The mean m and the deviation s of each entry are those of the training rows; the networks learn the rest by
maximum likelihood. On images the masks are checkerboards and halves of the channels of the squeezed image,
and the networks convolve. Data of levels are dequantized: the score is then a bound on their probability.

Reference: Dinh, Sohl-Dickstein and Bengio, Density estimation using Real NVP, 2017. Equations 4 to
8 are (2) and (3). Row C9.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import torch
from torch import Tensor, nn

from simulacra.core.batch import Batch, Terms
from simulacra.core.capabilities.general import Encodes, HasDensity, HasPrior, Samples
from simulacra.core.densities.bijections import Bijection, Chain, Coupling, Standard, Transformed
from simulacra.core.distributions.elementary import Gaussian
from simulacra.core.errors.other_data import as_real
from simulacra.core.errors.suggestion import Refusal
from simulacra.core.model import Model
from simulacra.core.numerics import moments
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.composite import is_real
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Initial, Source, Stage, Update
from simulacra.models.flows.masks import image_mask, squeezed, vector_mask
from simulacra.nets.scale_and_shift import ConvScaleAndShift, DenseScaleAndShift


class RealNVP(Model, Samples, HasDensity, Encodes, HasPrior):
    """A flow of affine coupling layers, with exact density, exact codes and samples in one pass.

    Args:
        space: a `Real` space of two entries or more, or a table of real columns.
        couplings: number of coupling layers.
        hidden: sizes of the hidden layers of each network (channels for `conv`).
        net: `mlp` or `conv`; `auto` takes `conv` for images, else `mlp`.
        activation: activation of the hidden layers.

    Raises:
        ValueError: if the space is not real, on which a density would be unbounded, or has one entry, or
            there are fewer than two couplings.

    Example:
        >>> from simulacra.core.spaces.plain import Real
        >>> model = RealNVP(Real((2,)), couplings=4, hidden=(16,))
        >>> x = model.sample(3, seed=0)
        >>> torch.allclose(model.decode(model.encode(x)), x, atol=1e-5)
        True
    """

    location: Tensor
    deviation: Tensor
    masks: Tensor
    exact = True

    def __init__(
        self,
        space: Space,
        couplings: int = 8,
        hidden: tuple[int, ...] = (128, 128),
        net: Literal["auto", "mlp", "conv"] = "auto",
        activation: str = "relu",
        *,
        seed: int = 0,
    ):
        super().__init__(space)
        _check(space, couplings)
        conv = _convolves(space, net)
        self.code_size = space.dims
        self.register_buffer("location", torch.zeros(space.shape))
        self.register_buffer("deviation", torch.ones(space.shape))
        mask = image_mask if conv else vector_mask
        # a function of the arguments: no file holds it
        masks = torch.stack([mask(space.shape, layer) for layer in range(couplings)])
        self.register_buffer("masks", masks, persistent=False)
        self.networks = nn.ModuleList(
            _convolutions(space, hidden, layer, activation)
            if conv
            else DenseScaleAndShift(space.shape, hidden, activation)
            for layer in range(couplings)
        )

    def updates(self) -> list[Update]:
        """Returns the only update, of all parameters, by maximum likelihood."""
        return [Update("flow", ("networks.",), negative_log_likelihood)]

    def stage(self, i: int, past: list) -> Stage | None:
        """Returns the only stage, which takes m and s of equation (1) from the training rows first.

        Args:
            i: index of the stage, from 0.
            past: not used.
        """
        return Stage("train", self.updates(), self.length, start=Initial(standardize)) if i == 0 else None

    @property
    def bijection(self) -> Bijection:
        """The map of equation (1), of observations of shape (B, *)."""
        layers = (Coupling(kept, network) for kept, network in zip(self.masks, self.networks))
        return Chain((*layers, Standard(self.location, self.deviation)))

    @property
    def law(self) -> Transformed:
        """Equation (1) as a distribution of observations."""
        zero = torch.zeros_like(self.location).unsqueeze(0)
        return Transformed(Gaussian(zero, zero, len(self.space.shape)), self.bijection)

    def log_density(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Computes log p(x) of equation (3) in nats, shape (B,).

        Args:
            x: observations, shape (B, *).
            c: not used.
        """
        # rows beyond the range of the networks have no finite density
        return self.law.log_prob(x.to(self.dtype)).nan_to_num(-math.inf, math.inf, -math.inf)

    def infer(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns z of equation (1), shape (B, d).

        Args:
            x: observations, shape (B, *).
            c: not used.
        """
        return self.bijection.inverse(x.to(self.dtype)).flatten(1).nan_to_num()

    def emit(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns x of equation (1), shape (B, *).

        Args:
            z: codes, shape (B, d).
            c: not used.
        """
        return self.bijection.forward(z.unflatten(1, self.space.shape))

    def prior(self, rng: Rng, name: str = "z") -> Tensor:
        """Draws z from N(0, I), shape (B, d).

        Args:
            rng: source of random numbers.
            name: name of the draw.
        """
        return rng.normal(name, self.code_size, dtype=self.dtype)

    def draw(self, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Samples z, and returns x of equation (1), shape (B, *).

        Args:
            rng: source of random numbers, with one row for each sample.
            c: not used.
        """
        return self.emit(self.prior(rng))


def negative_log_likelihood(model: RealNVP, batch: Batch, rng: Rng) -> Terms:
    """Computes -log p(x) of equation (3) in nats, shape (B,)."""
    return Terms({"nll": -model.log_density(batch.x)})


def standardize(model: Any, source: Source, rng: Rng) -> None:
    """Sets m and s of equation (1) to the mean and the deviation of each entry of the training rows.

    Args:
        model: a flow with buffers `location` and `deviation` of the shape of an observation.
        source: the training split.
        rng: random numbers of the preprocessing.
    """
    m, s = moments.location_and_deviation(model, source, rng)
    model.location.copy_(m.reshape(model.space.shape))
    model.deviation.copy_(s.reshape(model.space.shape))


def _convolves(space: Space, net: str) -> bool:
    """Returns True if the networks convolve; raises ValueError if they should and cannot."""
    image = len(space.shape) == 3 and min(space.shape[1:]) >= 2
    if net == "conv" and not image:
        raise ValueError(
            f"net='conv' needs images with sides of 2 or more, but the space is {space}: net='mlp'."
        )
    return image and net != "mlp"


def _convolutions(space: Space, channels: tuple[int, ...], layer: int, act: str) -> ConvScaleAndShift:
    """Returns the network of a layer of an image, on blocks of 2 x 2 pixels where the sides are even."""
    even = space.shape[1] % 2 == 0 and space.shape[2] % 2 == 0
    return ConvScaleAndShift(space.shape, channels, 2 if squeezed(layer) and even else 1, act)


def _check(space: Space, couplings: int) -> None:
    """Raises ValueError unless a RealNVP can be built on this space."""
    if not is_real(space):
        mend = as_real(space)
        raise Refusal(f"RealNVP is a continuous density, but the space is {space}: {mend}.", mend)
    if space.dims < 2:
        raise ValueError(
            f"RealNVP lets some entries shape the others, but {space} has one: take a GaussianModel."
        )
    if couplings < 2:
        raise ValueError(f"couplings is {couplings}, but every entry changes only from 2 coupling layers on.")
