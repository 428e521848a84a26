"""The convolutional generator: a decoder trained alone, from known parameters to the image they give.

    p(x | c) = prod_i p(x_i | g_i(c))                                                                 (1)
    c = (type, view angle, colour, ...),   an angle a enters as (cos a, sin a)                        (2)
    loss = -log p(x | c)                                                                              (3)

g is a network of up-convolutions (`nets.upconv`): un-pooling and convolution, or transposed convolutions
(H5). The entries of x are independent given c, so that (1) is exact; with a Gaussian of fixed scale, (3) is
the squared error of the paper. There is no code: what c does not tell of x is noise of the entries, and g(c)
is the mean of all images with these parameters. Between angles of the data the network interpolates.

The paper also predicts the silhouette of an object and weighs its error; here x has the image alone.

Reference: Dosovitskiy, Springenberg and Brox, Learning to Generate Chairs with Convolutional Neural Networks,
2015; Goodfellow et al. 2014 for the transposed stack as a generator. Rows H4, H5.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from simulacra.core.batch import Batch, Terms
from simulacra.core.capabilities.general import HasDensity, Samples, TakesCondition
from simulacra.core.capabilities.sampling import Sampling
from simulacra.core.distributions.elementary import Distribution
from simulacra.core.distributions.heads import likelihood_head, mean_image
from simulacra.core.errors.suggestion import Refusal, build_with, load_with
from simulacra.core.model import Model
from simulacra.core.preprocessing.chain import Preprocessing
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.paired import observed
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Initial, Source, Stage, Update
from simulacra.models.autoencoders.circles import Circles
from simulacra.nets.upconv import UpConvolutional, Upsampling


@dataclass(frozen=True)
class Rendering(Sampling):
    """Options of drawing from a convolutional generator.

    Args:
        mean: give the mean image g(c) of the condition, in place of a draw with the noise of its entries.
    """

    mean: bool = False


class ConvGenerator(Model, Samples, HasDensity, TakesCondition):
    """Generator of images from a class and numbers, such as the type and the angle of an object.

    Args:
        space: space of one image, series or recording.
        condition: space of the condition c: a class, numbers, or a table of both.
        circular: columns of c that are angles, each with its period where it is not 360, as in `hour:24`;
            the numbers of a vector are called `0`, `1` and so on.
        hidden: units of the two layers of each column of c, and of the two joint layers.
        channels: channels after each halving of the side, as in an encoder, which are used in reverse.
        upsampling: `unpool` for un-pooling and a convolution of 5, `transposed` for a transposed convolution.
        likelihood: distribution of x given c; `auto` takes the default of the space.
        scale: fixed standard deviation of a `gaussian` likelihood, in units of x; None learns it.
        mixtures: number of components of a `logistic-mixture`.

    Raises:
        ValueError: if there is no condition or it is an image, the space has no sides, or an option does not
            fit.

    Example:
        >>> from simulacra import Levels, Real, Table
        >>> given = Table(angle=Real(), width=Real())
        >>> model = ConvGenerator(Levels((1, 9, 8), 256), given, ("angle",), hidden=(4, 8), channels=(4, 3))
        >>> model.sample(2, {"angle": [0.0, 90.0], "width": [1.0, 2.0]}, seed=0).shape
        torch.Size([2, 1, 9, 8])
    """

    drawing = Rendering
    places: Tensor

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        circular: tuple[str, ...] = (),
        hidden: tuple[int, int] = (64, 256),
        channels: tuple[int, ...] = (16, 32, 64),
        upsampling: Upsampling = "unpool",
        likelihood: str = "auto",
        scale: float | None = None,
        mixtures: int = 5,
        *,
        seed: int = 0,
    ):
        super().__init__(space, condition)
        _check(space, condition, hidden, channels)
        assert condition is not None
        self.circles = Circles(condition, circular)
        self.head = likelihood_head(space, likelihood, scale, mixtures)
        self.register_buffer("places", self.circles.places(Preprocessing(condition)).to(torch.empty(0)))
        P, *shape = self.head.output
        sides = shape if len(shape) > 1 else (1, *shape)
        self.net = UpConvolutional(self.circles.sizes, (P, *sides), hidden, channels, upsampling)

    def updates(self) -> list[Update]:
        """Returns the only update, which minimizes equation (3)."""
        return [Update("generator", ("net.",), negative_log_likelihood)]

    @property
    def recommended(self) -> Mapping[str, Any]:
        """Recommended: at least 2,000 steps, at a rate that falls."""
        return {"least_steps": 2000, "schedule": "cosine"}

    def stage(self, i: int, past: list[dict[str, Any]]) -> Stage | None:
        """Returns the only stage, which first reads how the angles of the condition were standardized.

        Args:
            i: index of the stage, from 0.
            past: not used.
        """
        return Stage("train", self.updates(), self.length, start=Initial(place_angles)) if i == 0 else None

    def given(self, c: Tensor | None) -> Distribution:
        """Returns p(x | c) of equation (1).

        Args:
            c: conditions, shape (B, *).
        """
        assert c is not None
        parameters: Tensor = self.net(self.circles.features(c, self.places))
        return self.head.build(parameters.reshape(-1, *self.head.output))

    def log_density(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Computes log p(x | c) in nats, shape (B,).

        Args:
            x: observations, shape (B, *).
            c: conditions, shape (B, *).
        """
        return self.given(c).log_prob(x)

    def draw(self, rng: Rng, c: Tensor | None = None, how: Sampling | None = None) -> Tensor:
        """Draws x ~ p(x | c), or returns its mean, with levels rounded, shape (B, *).

        Args:
            rng: generator; its rows are the rows drawn.
            c: conditions, shape (B, *).
            how: options of drawing; None: the model's own.
        """
        law = self.given(c)
        if not (isinstance(how, Rendering) and how.mean):
            return law.sample(rng)
        x = mean_image(law, self.space)
        return x.round() if self.space.discrete else x


def negative_log_likelihood(model: ConvGenerator, batch: Batch, rng: Rng) -> Terms:
    """Computes equation (3), shape (B,).

    Args:
        model: the model.
        batch: rows.
        rng: not used.
    """
    # (3)
    return Terms({"image": -model.log_density(batch.x, batch.c)})


def place_angles(model: ConvGenerator, source: Source, rng: Rng) -> None:
    """Notes how the preprocessing of the condition has moved and scaled the angles.

    Args:
        model: the model.
        source: not used.
        rng: not used.
    """
    assert model.conditioning is not None
    model.places.copy_(model.circles.places(model.conditioning))


def _check(
    space: Space,
    condition: Space | None,
    hidden: tuple[int, int],
    channels: tuple[int, ...],
) -> None:
    """Raises ValueError unless a generator can be built from these options."""
    if condition is None:
        given = load_with(condition="label")
        raise Refusal(
            "ConvGenerator draws images from parameters that are known, but there is no condition: load the "
            f"data with {given}.",
            given,
        )
    if observed(condition):
        raise ValueError(
            f"ConvGenerator draws images from classes and numbers, but the condition is {condition}: a "
            "Pix2Pix or a DDPM takes images and recordings."
        )
    if not (2 <= len(space.shape) <= 4 or isinstance(space, Audio)):
        raise ValueError(
            f"ConvGenerator draws images (C, H, W) and recordings, but the space is {space}: a VAE takes it."
        )
    if not channels or min(*channels, *hidden, 1) < 1:
        some = build_with(channels=(16, 32), hidden=(64, 256))
        raise Refusal(
            f"hidden is {hidden} and channels is {channels}, but every size is from 1 on: take {some}.", some
        )
