"""Small latent-variable models and their exact evidence by quadrature over a 1-D code."""

from __future__ import annotations

import numpy as np
import scipy
import torch
from oracles import log_evidence, log_normal, normal_grid
from scipy.special import logsumexp

from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Binary, Levels, Real
from simulacra.models.variational import VAE

SPACES = {
    "bernoulli": Binary((5,)),
    "gaussian": Real((3,)),
    "fixed gaussian": Real((3,)),
    "logistic": Levels((3,), 17),
    "logistic-mixture": Levels((2,), 9),
    "categorical": Categorical((2,), 4),
}


def small_model(name: str, build=VAE, gain: float = 1.2, **options):
    """A model of 1-D code with weights large enough that its posterior is not its prior."""
    options.setdefault("hidden", (7,))
    scale = 0.7 if name == "fixed gaussian" else None
    model = build(
        SPACES[name], latent=1, activation="tanh", likelihood=name.removeprefix("fixed "),
        scale=scale, **options,
    )  # fmt: skip
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(gain)
    return model


def observations(name: str, n: int = 3) -> torch.Tensor:
    """n rows of the space of `name`."""
    space, g = SPACES[name], torch.Generator().manual_seed(3)
    if isinstance(space, Real):
        return torch.randn(n, *space.shape, generator=g, dtype=torch.float64)
    top = {"bernoulli": 2, "categorical": 4}.get(name, getattr(space, "levels", 2))
    return torch.randint(0, top, (n, *space.shape), generator=g)


@torch.no_grad()
def log_likelihood(model, name: str, x: torch.Tensor, z: np.ndarray) -> np.ndarray:
    """log p(x|z) from the numbers of the decoder by scipy's laws, shape (grid, B)."""
    p = model.decoder(torch.tensor(z).unsqueeze(1)).numpy()
    v = x.numpy().astype(float)
    name = name.removeprefix("fixed ")
    if name == "bernoulli":
        # log sigmoid of the logit of what was seen: 1 - sigmoid would cancel far out
        return -np.logaddexp(0, np.where(v[None] == 1, -p[:, None, 0], p[:, None, 0])).sum(-1)
    if name == "gaussian":
        scale = np.exp(p[:, None, 1]) if p.shape[1] > 1 else 0.7
        return scipy.stats.norm.logpdf(v[None], p[:, None, 0], scale).sum(-1)
    if name == "categorical":
        log_p = p - logsumexp(p, axis=1, keepdims=True)
        return sum(log_p[:, v[:, i].astype(int), i] for i in range(v.shape[1]))
    top, k = SPACES[name].levels - 1, 1 if name == "logistic" else p.shape[1] // 3
    loc, scale = p[:, None, :k] + 0.5, np.exp(p[:, None, k : 2 * k] - 2)
    v = v[None, :, None]
    upper = np.where(v == top, np.inf, (v + 0.5) / top)
    lower = np.where(v == 0, -np.inf, (v - 0.5) / top)
    # tails from their own side, where nothing cancels
    cdf, sf = scipy.stats.logistic.cdf, scipy.stats.logistic.sf
    right = sf(lower, loc, scale) - sf(upper, loc, scale)
    mass = np.where(v / top > loc, right, cdf(upper, loc, scale) - cdf(lower, loc, scale))
    weights = np.ones_like(loc)
    if k > 1:
        logits = p[:, None, 2 * k :]
        weights = np.exp(logits - logsumexp(logits, axis=2, keepdims=True))
    return np.log((weights * mass).sum(2)).sum(-1)


def log_p(model, name: str, x: torch.Tensor) -> np.ndarray:
    """log p(x) by quadrature, shape (B,)."""
    z, w = normal_grid()
    return log_evidence(log_likelihood(model, name, x, z), w)


@torch.no_grad()
def kl_to_posterior(model, name: str, x: torch.Tensor) -> np.ndarray:
    """KL(q(z|x) || p(z|x)) by quadrature on a grid around q, shape (B,)."""
    mu, log_sigma = model.encoder(model.space.features(x)).numpy().T
    evidence, eps = log_p(model, name, x), np.linspace(-12, 12, 2001)
    kl = []
    for i, (m, s) in enumerate(zip(mu, np.exp(log_sigma))):
        z = m + s * eps
        log_q = log_normal(z, m, s)
        log_post = log_likelihood(model, name, x[i : i + 1], z)[:, 0] + log_normal(z, 0.0, 1.0) - evidence[i]
        kl.append((np.exp(log_q) * (log_q - log_post)).sum() * s * (eps[1] - eps[0]))
    return np.array(kl)
