"""The memorizer: a decoder without an encoder, which holds one code for each row of the data.

    min over g (and z):   1/N sum_i |x_i - g(z_i)|^2                                                   (1)

    ones       z_i = (1, ..., 1)                one code for all rows: the network is the memory of one row
    one-hot    z_i = e_i, the i-th unit vector  a code is the number of a row
    learned    z_i is trained with g, then moved into the unit ball: z <- z / max(|z|, 1)              (2)

Rows that share a code cannot be told apart: the best g(z) is the mean of the rows of z, so that with S_k the
rows of code k and m_k their mean

    loss >= 1/N sum_k sum_{i in S_k} |x_i - m_k|^2                                                     (3)

New observations are drawn by codes of a distribution that is no part of training: the codes of the rows,
uniformly, or the Gaussian of the learned codes,

    z = e_k, k uniform,   or   z ~ N(m, S),  m and S the mean and covariance of z_1, ..., z_N          (4)

A row that was not in training has no code; `exploration.invert` searches for one.

Reference: Bojanowski, Joulin, Lopez-Paz and Szlam, Optimizing the latent space of generative networks, 2018
(learned codes, the ball, the Gaussian). Rows D17, D18, D19.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from simulacra.core.batch import Batch, Terms
from simulacra.core.capabilities.general import HasPrior, Samples
from simulacra.core.distributions.elementary import sum_events
from simulacra.core.errors.suggestion import Refusal, build_with
from simulacra.core.model import Model
from simulacra.core.numerics.precision import to_float64
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Real, Space
from simulacra.core.spaces.smooth import playable, unbounded
from simulacra.core.updates import Source, Stage, Update
from simulacra.nets.coders import build_decoder, default_net

FLOOR = 1e-10  # smallest variance of a direction of (4), as a share of the mean variance


class Memorizer(Model, Samples, HasPrior):
    """Decoder that holds the training rows, each under a code of its own.

    Args:
        space: space of one observation: `Real`, `Binary` or `Levels`.
        codes: `ones` for a single row, `one-hot` for the number of a row, `learned` for vectors that are
            trained with the decoder.
        rows: number of codes, at least that of the training rows; of `ones` there is one.
        latent: size of the codes `ones` and `learned`; of `one-hot` it is `rows`.
        hidden: sizes of the hidden layers from the last to the first, as in an autoencoder (channels for
            `conv`); () is a linear decoder; None takes the defaults of the network.
        net: `mlp` or `conv`; `auto` takes `conv` for images with a side of at least 16, else `mlp`.
        activation: activation of the hidden layers.
        shared: if True, further rows share the codes: row i has code i modulo `rows`, see equation (3).

    Raises:
        ValueError: if the space has no gradients, or a number is below 1; in training, if there are more rows
            than codes.

    Example:
        >>> model = Memorizer(Real((3,)), rows=5, latent=2, hidden=(8,))
        >>> model.decode(model.codes_of(torch.arange(5))).shape
        torch.Size([5, 3])
    """

    used: Tensor

    def __init__(
        self,
        space: Space,
        codes: Literal["ones", "one-hot", "learned"] = "learned",
        rows: int = 2000,
        latent: int = 16,
        hidden: tuple[int, ...] | None = None,
        net: Literal["auto", "mlp", "conv"] = "auto",
        activation: str = "relu",
        shared: bool = False,
        *,
        seed: int = 0,
    ):
        playable(space, "a memorizer")
        super().__init__(space)
        for name, value in (("rows", rows), ("latent", latent)):
            if value < 1:
                one = build_with(**{name: 1})
                raise Refusal(f"{name} is {value}, but a memorizer has at least one: {one}.", one)
        self.codes, self.shared = codes, shared
        self.rows = 1 if codes == "ones" else rows
        self.code_size = rows if codes == "one-hot" else latent
        kind, sizes = default_net(space, net, hidden)
        self.decoder = build_decoder(space, self.code_size, (1, *space.shape), kind, sizes, None, activation)
        self.z = nn.Parameter(projected(torch.randn(rows, latent) / latent**0.5)) if self.learns else None
        # codes of which rows were seen; before training all count
        self.register_buffer("used", torch.tensor(self.rows))
        if codes == "ones":
            self.remove(Samples, HasPrior)

    @property
    def learns(self) -> bool:
        """True if the codes are trained."""
        return self.codes == "learned"

    @property
    def copies(self) -> bool:
        """True if samples are training rows by intention."""
        return not self.learns

    @property
    def recommended(self) -> Mapping[str, Any]:
        """The fewest steps, since few rows make short epochs."""
        return {"least_steps": 2000}

    def updates(self) -> list[Update]:
        """Returns the only update, which minimizes equation (1)."""
        return [Update("memorizer", ("",), memory_error, after=into_the_ball if self.learns else None)]

    def stage(self, i: int, past: list[dict[str, Any]]) -> Stage | None:
        """Returns the only stage, which counts the rows first.

        Args:
            i: index of the stage, from 0.
            past: not used.
        """
        return Stage("train", self.updates(), self.length, start=count_rows) if i == 0 else None

    def codes_of(self, index: Tensor) -> Tensor:
        """Returns the codes z_i of training rows, shape (B, code_size).

        Args:
            index: numbers of the rows in the training split, shape (B,).
        """
        index = index % self.rows
        if self.z is not None:
            return self.z[index]
        if self.codes == "one-hot":
            return F.one_hot(index, self.rows).to(self.dtype)
        return torch.ones(len(index), self.code_size, dtype=self.dtype, device=index.device)

    def prior(self, rng: Rng, name: str = "z") -> Tensor:
        """Draws codes by equation (4), shape (B, code_size).

        Args:
            rng: generator; its rows are the rows drawn.
            name: name of the draw.
        """
        # (4)
        if self.z is None:
            u = rng.uniform(name, dtype=self.dtype)
            return self.codes_of((u * self.used).long().minimum(self.used - 1))
        m, L = self._gaussian()
        return m + rng.normal(name, self.code_size, dtype=self.dtype) @ L.T

    def _gaussian(self) -> tuple[Tensor, Tensor]:
        """Returns m and the Cholesky factor of S in equation (4), shapes (latent,) and (latent, latent)."""
        assert self.z is not None
        z = to_float64(self.z.detach())
        seen = (torch.arange(self.rows, device=z.device) < self.used).to(z.dtype).unsqueeze(1) / self.used
        m = (seen * z).sum(0)
        S = (seen * (z - m)).T @ (z - m)
        tiny = torch.finfo(z.dtype).tiny
        S = S + (FLOOR * S.diagonal().mean() + tiny) * torch.eye(len(S), dtype=z.dtype, device=z.device)
        return m.to(self.dtype), torch.linalg.cholesky(S).to(self.dtype)

    def generate(self, z: Tensor) -> Tensor:
        """Returns g(z) as features, which lie in [0, 1] where those of the space do, shape (B, *).

        Args:
            z: codes, shape (B, code_size).
        """
        f = self.decoder(z).squeeze(1)
        return f if unbounded(self.space) else f.sigmoid()

    def emit(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns g(z) in the units of x, with levels not rounded, shape (B, *).

        Args:
            z: codes, shape (B, code_size).
            c: not used.
        """
        return self.space.from_features(self.generate(z))

    def draw(self, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Draws x = g(z) of codes by equation (4), with levels rounded, shape (B, *).

        Args:
            rng: generator; its rows are the rows drawn.
            c: not used.
        """
        x = self.emit(self.prior(rng))
        return x if isinstance(self.space, Real) else x.round()


def projected(z: Tensor) -> Tensor:
    """Returns the points of the unit ball nearest to the given ones, equation (2), shape (B, latent).

    Args:
        z: points, shape (B, latent).

    Example:
        >>> projected(torch.tensor([[3.0, 4.0], [0.3, 0.4]])).tolist()
        [[0.6000000238418579, 0.800000011920929], [0.30000001192092896, 0.4000000059604645]]
    """
    return z / z.norm(dim=1, keepdim=True).clamp_min(1.0)


def memory_error(model: Memorizer, batch: Batch, rng: Rng) -> Terms:
    """Computes equation (1) per example, summed over entries, and logs it per entry."""
    assert batch.index is not None
    # (1)
    entries = (model.features(batch.x) - model.generate(model.codes_of(batch.index))).square()
    loss = sum_events(entries, entries.dim() - 1)
    return Terms({"memory": loss}, {"per entry": loss.detach() / entries[0].numel()})


def into_the_ball(model: Memorizer, terms: Mapping[str, Tensor], progress: float) -> None:
    """Moves the learned codes into the unit ball after a step, equation (2)."""
    assert model.z is not None
    # (2)
    model.z.copy_(projected(model.z))


def count_rows(model: Memorizer, source: Source, rng: Rng) -> None:
    """Notes how many codes have a row, and refuses more rows than codes."""
    n = len(source)
    if n > model.rows and not model.shared:
        share = build_with(shared=True)
        more = build_with(codes="one-hot", rows=n) if model.codes == "ones" else build_with(rows=n)
        raise Refusal(
            f"the data have {n:,} training rows, but the memorizer has {_codes(model.rows)}: give {more}, or "
            f"{share} to let rows share a code.",
            *(more, share),
        )
    model.used.fill_(min(n, model.rows))


def _codes(n: int) -> str:
    return "one code" if n == 1 else f"{n:,} codes"
