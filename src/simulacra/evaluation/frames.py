"""Likelihoods of recurrent machines: a partition function for each frame, by annealing all of them at once.

    log p(v_1, ..., v_L) = sum_t -F_t(v_t) - log Z_t                             (1)

F_t and Z_t belong to the machine with the biases of frame t. Forward annealed importance sampling puts the
estimate of each log Z_t in expectation at most at its value, and so (1) at least: the score looks better than
it is, by the less the more temperatures and chains. This is how the likelihoods of the RTRBM and the RNN-RBM
were published.

Reference: Boulanger-Lewandowski, Bengio and Vincent 2012, section 5; Salakhutdinov and Murray 2008. Rows A7,
A21, A22.
"""

from __future__ import annotations

import math
from typing import Any, cast

import torch
from torch import Tensor

from simulacra.core.estimate import Estimate
from simulacra.core.precision import precise
from simulacra.core.random import Rng
from simulacra.core.words import evaluating
from simulacra.data.dataset import Dataset
from simulacra.evaluation.annealing import Annealing, annealed, schedule
from simulacra.evaluation.likelihood import fits, protocol_of
from simulacra.evaluation.rows import Block, blocks
from simulacra.models.boltzmann.frames import RecurrentRBM

CHAINS = 2**14  # that are annealed at once


def annealed_likelihood(
    model: RecurrentRBM,
    data: Dataset,
    split: str = "test",
    temperatures: int = 200,
    chains: int = 20,
    seed: int = 0,
    limit: int | None = None,
) -> Estimate:
    """log p of the sequences of `split` by equation (1), in nats, in expectation from above.

    Args:
        temperatures: steps of the path of each frame.
        chains: of each frame.
        seed: same seed, same numbers.
        limit: score only the first rows; the protocol then says so.

    Raises:
        ValueError: if the model was built for other data, or temperatures or chains are too few.

    Example:
        >>> from simulacra.core.composite import Sequence
        >>> from simulacra.core.space import Binary
        >>> from simulacra.data.dataset import in_memory
        >>> from simulacra.models.boltzmann.rtrbm import RTRBM
        >>> data = in_memory(torch.zeros(20, 3, 4), Sequence((3,), of=Binary((4,))))
        >>> annealed_likelihood(RTRBM(data.space, hidden=2), data, temperatures=5, chains=3).kind
        'upper'
    """
    asked = Annealing(temperatures, chains)
    fits(model, data)
    rng, values, entries, first = Rng(seed, "frames", device=model.device), [], 0, 0
    with evaluating(model):
        for block in blocks(model, data[split], seed, limit):
            valid = _valid(model, block)
            values.append(_rows(model, block.x, valid, asked, rng, first).cpu())
            first += int(valid.sum())
    entries, rows = first * model.visible, sum(map(len, values))
    details: dict[str, Any] = {"seed": seed, "temperatures": temperatures, "chains": chains}
    how = f"forward AIS of each frame, {temperatures:,} temperatures, {chains} chains"
    return Estimate(
        torch.cat(values), "upper", entries / rows, how, details, protocol_of(data, split, limit), False
    )


def _valid(model: RecurrentRBM, block: Block) -> Tensor:
    """True in the frames of each row, shape (B, T)."""
    whole = torch.ones_like(block.x, dtype=torch.bool) if block.known is None else block.known
    return whole[..., 0]


def _rows(model: RecurrentRBM, x: Tensor, valid: Tensor, asked: Annealing, rng: Rng, first: int) -> Tensor:
    """Equation (1) of each row, shape (B,); `first` is the number of the first frame."""
    v, c = model.features(x)[valid], model.joined_biases(x)[valid]
    size = max(1, CHAINS // asked.chains)
    log_z = torch.cat(
        [_log_z(model, part, asked, rng, first + i * size) for i, part in enumerate(c.split(size))]
    )
    # (1)
    frames = -precise(model.frames.marginal({"v": v}, c)).cpu() - log_z
    each = torch.zeros(valid.shape, dtype=frames.dtype).masked_scatter(valid.cpu(), frames)
    return each.sum(1)


def _log_z(model: RecurrentRBM, c: Tensor, asked: Annealing, rng: Rng, first: int) -> Tensor:
    """The estimate of log Z_t for each row of biases, float64, shape (N,)."""
    n = asked.chains
    machine, given = model.frames, c.repeat_interleave(n, 0)
    keyed = rng.on(range(first * n, first * n + len(given)))
    path = schedule(asked.temperatures)
    log_w, _ = annealed(cast(Any, machine), machine.start_chain(keyed.at("start")), path, keyed, given)
    return log_w.view(-1, n).logsumexp(1) - math.log(n) + machine.base_log_z().cpu()
