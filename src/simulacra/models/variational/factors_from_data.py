"""Networks of a table's VAE at the start of training: at the factors of the columns of normal scores.

With the standardized features y of these columns, their correlations R = U diag(lambda) U', and q codes,

    y = W z + e,    W = U_q (lambda_q - s^2)^(1/2),    s^2 the mean of the other eigenvalues           (1)
    loc_j = W_j z,    Var(x_j | z) = 1 - W_j W_j'                                                       (2)
    q(z_i | y) = N((lambda_i - s^2)^(1/2) / lambda_i  u_i' y,  s^2 / lambda_i)                          (3)

are probabilistic PCA with its exact posterior. The linear maps beside the two networks begin there, and the
networks learn what departs from it. If there are no other eigenvalues, s^2 is the smallest. Where cells are
missing, R has the greatest likelihood of what is observed (`core.numerics.gaussian_em`).

Reference: Tipping and Bishop 1999.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from simulacra.core.distributions.heads import likelihood_head
from simulacra.core.distributions.marginals import some_rows
from simulacra.core.numerics.gaussian_em import correlations_observed
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.numeric import Scores
from simulacra.core.updates import Source
from simulacra.models.variational.output_bias import bias_from_data
from simulacra.nets.mlp import MLPDecoder, MLPEncoder

LEAST = 0.02  # smallest variance that the codes leave to a score


def factors_from_data(model: Any, source: Source, rng: Rng) -> None:
    """Sets output biases by `bias_from_data`, then linear maps and biases by equations (2) and (3).

    Networks without such a map, and tables with fewer than two columns of normal scores, keep those of
    `bias_from_data`.

    Args:
        model: latent variable model with an `encoder` and a `decoder`.
        source: the training split.
        rng: chooses the rows.
    """
    bias_from_data(model, source, rng)
    encoder, decoder, space = model.encoder, model.decoder, model.space
    if not (isinstance(encoder, MLPEncoder) and isinstance(decoder, MLPDecoder)):
        return
    if encoder.linear is None or decoder.linear is None or not isinstance(space, Table):
        return
    seen, drawn = places(space)
    if len(seen) < 2:
        return
    x, known = some_rows(source, rng)
    f = space.features(space.filled(x, known), torch.float64)[:, seen]
    mean, scale, R = standardized(f.cpu(), space.features_known(known)[:, seen].cpu())
    W, E, log_sigma = factors(R, model.code_size)
    if model.factors is not None:
        model.factors.set(seen, W, noise_of(torch.linalg.eigvalsh(R).flip(0), model.code_size), mean, scale)
    q, sigmas, last = W.shape[1], model.code_size, encoder.body[-1]
    # (2)
    decoder.linear[drawn, :q] = W.to(decoder.linear)
    decoder.output_bias[drawn + 1] = 0.5 * (1 - W.square().sum(1)).clamp_min(LEAST).log().to(decoder.linear)
    # (3)
    encoder.linear[:q, seen] = (E / scale).to(encoder.linear)
    last.bias[:q] = -(E / scale @ mean).to(encoder.linear)  # type: ignore[operator]
    last.bias[sigmas : sigmas + q] = log_sigma.to(encoder.linear)  # type: ignore[operator]


def places(space: Table) -> tuple[Tensor, Tensor]:
    """Returns the places of the columns of normal scores among the features, and among the parameters."""
    seen, drawn, feature, parameter = [], [], 0, 0
    for _, field in space.fields:
        if isinstance(field, Scores) and not field.shape:
            seen.append(feature)
            drawn.append(parameter)
        feature += math.prod(field.features_shape)
        parameter += math.prod(likelihood_head(field).output)
    return torch.tensor(seen, dtype=torch.long), torch.tensor(drawn, dtype=torch.long)


def standardized(f: Tensor, known: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Returns means, standard deviations and correlations of features, shapes (d,), (d,) and (d, d).

    Args:
        f: features, float64, shape (B, d).
        known: True where observed, shape (B, d).
    """
    n = known.sum(0).clamp_min(1)
    mean = (f * known).sum(0) / n
    scale = (((f - mean) * known).square().sum(0) / n).sqrt()
    return mean, torch.where(scale > 0, scale, torch.ones_like(scale)), correlations_observed(f, known)


def factors(R: Tensor, q: int) -> tuple[Tensor, Tensor, Tensor]:
    """Returns W of (1), and of (3) the map of the posterior mean and log sigma: (d, q), (q, d), (q,).

    Args:
        R: correlations, float64, shape (d, d).
        q: largest number of codes; there are no more than columns.

    Example:
        >>> R = torch.tensor([[1.0, 0.8], [0.8, 1.0]], dtype=torch.float64)
        >>> W, E, log_sigma = factors(R, 2)
        >>> round((W @ W.T)[0, 1].item(), 6)
        0.8
    """
    values, U = torch.linalg.eigh(R)
    values, U = values.flip(0), U.flip(1)
    noise = noise_of(values, q)
    values, U = values[:q].clamp_min(noise), U[:, :q]
    gain = (values - noise).sqrt()
    return U * gain, (gain / values).unsqueeze(1) * U.T, 0.5 * (noise / values).log()


def noise_of(values: Tensor, q: int) -> float:
    """Returns s^2 of (1), `LEAST` at least.

    Args:
        values: eigenvalues of the correlations, largest first, shape (d,).
        q: largest number of codes.
    """
    return max(LEAST, float((values[q:] if q < len(values) else values[-1:]).mean()))
