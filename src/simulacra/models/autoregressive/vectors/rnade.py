"""RNADE: NADE for real entries, each conditional a mixture of Gaussians or of Laplacians.

    p(x) = prod_t p(x_o(t) | x_o(<t))                                          (1)
    h_t = f(rho_t (c + W_o(<t) x_o(<t))),   f = relu                           (2)
    p(x_o(t) | x_o(<t)) = sum_k alpha_tk N(x_o(t); mu_tk, sigma_tk^2)          (3)
    alpha_t = softmax(b^a_t + V^a_t h_t),  mu_t = b^m_t + V^m_t h_t,  sigma_t = exp(b^s_t + V^s_t h_t)
    pseudo-gradient of mu = sigma d/dmu                                        (4)

Narrow components have steep gradients with respect to their means; (4) rescales them. rho_t keeps the
activations in range as the sum in (2) grows.

Reference: Uria, Murray and Larochelle, RNADE: The real-valued neural autoregressive density-estimator,
2013 (equations 4 to 10). Row H11.
"""

from __future__ import annotations

from functools import partial
from typing import Literal

import torch
from torch import Tensor

from simulacra.core.batch import Batch, Terms
from simulacra.core.densities.location_scale import Laplace
from simulacra.core.distributions.elementary import Distribution, Gaussian, Mixture
from simulacra.core.distributions.heads import MIN_LOG_SCALE, LikelihoodHead
from simulacra.core.errors.other_data import as_real
from simulacra.core.errors.suggestion import Refusal
from simulacra.core.numerics import moments
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.composite import Sequence, Table
from simulacra.core.spaces.plain import Levels, Real, Space
from simulacra.core.updates import Initial, Source, Stage, Update
from simulacra.models.autoregressive.ordered import Ordered
from simulacra.nets.autoregressive.recursion import Activation
from simulacra.nets.autoregressive.shared_hidden import SharedWeights

COMPONENTS: dict[str, type[Gaussian] | type[Laplace]] = {"gaussian": Gaussian, "laplace": Laplace}


class RNADE(Ordered):
    """Real-valued neural autoregressive density estimator, for standardized data.

    Args:
        space: a `Real` space.
        hidden: number of hidden units.
        mixtures: number K of components of each conditional.
        component: distribution of a component of (3): `gaussian`, or `laplace` for peaked data such as audio.
        activation: f of equation (2): `relu` or `sigmoid`.
        rescaled: if True, rho of equation (2) is learned; otherwise it is 1.
        scaled_gradient: if True, training replaces the gradient of the means by equation (4).
        order: indices of the flattened entries in sampling order; None is 0, 1, ..., d - 1.

    Raises:
        ValueError: if the space is not real, an option is unknown, or the order is no permutation.

    Example:
        >>> RNADE(Real((3,)), hidden=4, mixtures=2).sample(5, seed=0).shape
        torch.Size([5, 3])
    """

    def __init__(
        self,
        space: Space,
        hidden: int = 50,
        mixtures: int = 10,
        component: Literal["gaussian", "laplace"] = "gaussian",
        activation: Activation = "relu",
        rescaled: bool = True,
        scaled_gradient: bool = True,
        order: tuple[int, ...] | None = None,
        *,
        seed: int = 0,
    ):
        super().__init__(space, order=order)
        _check(space, hidden, mixtures, component, activation)
        self.head = _mixture_head(component, mixtures, space.shape)
        self.entry_head = _mixture_head(component, mixtures, ())
        self.per_entry, self.mixtures, self.scaled_gradient = 3 * mixtures, mixtures, scaled_gradient
        self.net = SharedWeights(space.dims, 1, hidden, 3 * mixtures, activation, rescaled)
        with torch.no_grad():
            self.net.b[:, mixtures : 2 * mixtures] = _spread(mixtures)

    def updates(self) -> list[Update]:
        """Returns the only update: all parameters minimize the negative log-likelihood, the means by (4)."""
        return [Update("likelihood", ("",), negative_log_likelihood)]

    def stage(self, i: int, past: list) -> Stage | None:
        """Returns the only stage, which initializes the components from the data.

        Args:
            i: index of the stage, from 0.
            past: not used.
        """
        return (
            Stage("train", self.updates(), self.length, start=Initial(biases_from_data)) if i == 0 else None
        )

    def parameters_of(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns the logits of alpha, mu and log sigma of each entry, shape (B, 3 K, *).

        Args:
            x: observations, shape (B, *).
            c: not used.
        """
        f = self.features(x).reshape(x.shape[0], 1, self.space.dims)
        # (2), (3)
        return self.net(f, self.order).reshape(x.shape[0], self.per_entry, *self.space.shape)

    def begin(self, n: int, c: Tensor | None = None) -> Tensor:
        """Returns the sum of (2) before the first entry: c, shape (n, hidden).

        Args:
            n: number of rows.
            c: not used.
        """
        return self.net.start(n)

    def next_parameters(self, state: Tensor, t: int) -> Tensor:
        """Returns the logits of alpha, mu and log sigma of entry o(t), shape (B, 3 K).

        Args:
            state: state before the entry.
            t: position of the entry in the order, from 0.
        """
        return self.net.read(state, t)

    def advance(self, state: Tensor, t: int, value: Tensor) -> Tensor:
        """Returns the sum of (2) after entry o(t) took `value`, shape (B, hidden).

        Args:
            state: state before the entry.
            t: position of the entry in the order, from 0.
            value: values of the entry, shape (B,).
        """
        return self.net.add(state, t, value.to(self.dtype).unsqueeze(1))


def negative_log_likelihood(model: RNADE, batch: Batch, rng: Rng) -> Terms:
    """Computes -log p(x) by equation (1) in nats, shape (B,); the gradient of mu is that of equation (4)."""
    parameters = model.parameters_of(batch.x)
    if model.scaled_gradient:
        logits, mu, log_sigma = parameters.split(model.mixtures, 1)
        # (4)
        sigma = log_sigma.detach().clamp_min(MIN_LOG_SCALE).exp()
        parameters = torch.cat([logits, scale_gradient(mu, sigma), log_sigma], 1)
    return Terms({"nll": -model.head.build(parameters).log_prob(batch.x)})


def scale_gradient(t: Tensor, scale: Tensor) -> Tensor:
    """Returns t unchanged, with its gradient multiplied by `scale`.

    Args:
        t: any tensor.
        scale: factor of the gradient, in a shape that broadcasts to that of t.
    """
    fixed = t.detach()
    return fixed + scale * (t - fixed)


def biases_from_data(model: RNADE, source: Source, rng: Rng) -> None:
    """Initializes mu at quantiles of each entry in the data, and sigma at its standard deviation.

    Args:
        model: the model.
        source: the training split.
        rng: random numbers of the preprocessing.
    """
    mean, variance = moments.mean_and_variance(model, source, rng)
    # a constant entry gets a minimal width, so that its components can move
    scale = variance.sqrt().clamp_min(1e-2)
    order, k = model.order.to(mean.device), model.mixtures
    spread = mean[order, None] + scale[order, None] * _spread(k).to(mean)
    model.net.b[:, k : 2 * k] = spread.to(model.net.b)
    model.net.b[:, 2 * k :] = scale[order, None].log().to(model.net.b)


def _spread(k: int) -> Tensor:
    """Returns the quantiles of N(0, 1) at the midpoints of k equal parts, shape (k,)."""
    return torch.special.ndtri((torch.arange(k, dtype=torch.float64) + 0.5) / k)


def _mixture_head(component: str, k: int, shape: tuple[int, ...]) -> LikelihoodHead:
    build = partial(_mixture, component=COMPONENTS[component], k=k, events=len(shape))
    return LikelihoodHead(f"{component}-mixture", (3 * k, *shape), build)


def _mixture(p: Tensor, component: type[Gaussian] | type[Laplace], k: int, events: int) -> Distribution:
    """Returns the mixture of equation (3) from logits, mu and log sigma."""
    logits, mu, log_sigma = p.split(k, p.dim() - events - 1)
    return Mixture(logits, component(mu, log_sigma.clamp_min(MIN_LOG_SCALE), events), events)


def _check(space: Space, hidden: int, mixtures: int, component: str, activation: str) -> None:
    """Raises ValueError unless RNADE can be built from these options."""
    if not isinstance(space, Real):
        mend = as_real(space) if isinstance(space, (Levels, Table, Sequence)) else "take a NADE"
        raise Refusal(f"RNADE needs real entries, but the space is {space}: {mend}.", mend)
    for name, value in (("hidden", hidden), ("mixtures", mixtures)):
        if value < 1:
            raise ValueError(f"{name} is {value}, but it must be at least 1.")
    if component not in COMPONENTS:
        raise ValueError(f"component is {component!r}: {' or '.join(map(repr, COMPONENTS))}.")
    if activation not in ("relu", "sigmoid"):
        raise ValueError(f"activation is {activation!r}: 'relu' or 'sigmoid'.")
