"""Completions of texts by a model with a code: one of many candidates, each a code with tokens.

    z_j ~ q_j,   x_j ~ prod over unknown t of p(x_t | x_<t, z_j)                          (1)
    w_j = p(z_j) / q_j(z_j) prod over known t of p(x_t | x_<t, z_j)                       (2)

Candidate j is chosen with probability proportional to w_j, which is exact for many candidates, wherever the
gaps are. No end is drawn in a gap that has a known token behind it (`core.distributions.ends`). The first
half of the codes comes from the prior, the second half from q(z|x) of the text that is chosen so far.

Reference: Rubin 1987; Cappe et al. 2004 (proposals that learn from earlier candidates).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from simulacra.core.distributions.elementary import Gaussian
from simulacra.core.distributions.ends import log_open
from simulacra.core.random.keyed import Rng

if TYPE_CHECKING:
    from simulacra.models.variational.texts.sentence_vae import SentenceVAE

CANDIDATES = 64  # for each completion


class Candidate(NamedTuple):
    """A completed text of each row.

    Args:
        x: the texts, shape (B, T).
        log_w: logarithm of the weight (2), in nats, shape (B,).
        chosen: the text that is chosen among this candidate and those before, shape (B, T).
    """

    x: Tensor
    log_w: Tensor
    chosen: Tensor


def candidates(
    model: SentenceVAE, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None, n: int = CANDIDATES
) -> Iterator[Candidate]:
    """Yields n candidates of each row.

    Args:
        model: the model.
        x: texts, shape (B, T); unknown tokens may have any value.
        known: True where known, shape (B, T).
        rng: source of random numbers.
        c: conditions, shape (B, *), or None.
        n: number of candidates.
    """
    chosen, total = None, torch.zeros(())
    for j in range(n):
        here = rng.at("candidate", j)
        z, log_ratio = _code(model, chosen if 2 * j >= n else None, here, c)
        p = model.likelihood(z, c)
        # (1)
        drawn = p.drawn(here, x, known)
        law = p.text(drawn)
        # (2)
        log_w = log_ratio + law.log_prob(drawn, known) + log_open(model.space, law, drawn, known)
        # reservoir: the new candidate replaces the old with probability w / sum of w so far
        total = log_w if chosen is None else torch.logaddexp(total, log_w)
        taken = here.uniform("keep", dtype=log_w.dtype) < (log_w - total).exp()
        chosen = drawn if chosen is None else torch.where(taken.unsqueeze(1), drawn, chosen)
        yield Candidate(drawn, log_w, chosen)


def _code(
    model: SentenceVAE, seen: Tensor | None, rng: Rng, c: Tensor | None
) -> tuple[Tensor, Tensor | float]:
    """Returns codes of the prior, or of q(z|x) of texts, with log p(z) - log q(z)."""
    if seen is None:
        return rng.normal("z", model.code_size, dtype=model.dtype), 0.0
    q = model.posterior(seen, c)
    z = q.sample(rng, "z")
    zero = torch.zeros_like(z)
    return z, Gaussian(zero, zero, 1).log_prob(z) - q.log_prob(z)
