"""Which words of a model can be graphs, from raw units to raw units.

    decode    z            -> the expectation of x
    encode    x            -> z
    step      state        -> the next state of the Markov chain
    sample    (noise only) -> x
    logits    x            -> the numbers of each entry's distribution given the entries before it

What else a word needs is drawn from its `Rng`, so a graph takes it as an input.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from simulacra.core.capabilities import general as can
from simulacra.core.model import Model
from simulacra.core.numerics.precision import lacks_float64
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space


@dataclass(frozen=True)
class Exportable:
    """A word as a graph.

    Args:
        capability: what the model needs.
        run: the word on tensors, (model, input, rng, condition) -> output.
        output: its name.
        input: its name, or "" where the word takes noise alone.
        example: (model, rng) -> an input for each row.
        key: what the word's random numbers are for.
    """

    capability: type[can.Capability]
    run: Callable[[Any, Any, Rng, Tensor | None], Tensor]
    output: str
    input: str = ""
    example: Callable[[Any, Rng], Tensor] | None = None
    key: str = "score"


WORDS = {
    "decode": Exportable(
        can.Decodes,
        lambda model, z, rng, c: model.preprocessing.restore(model.emit(z, c)),
        "x",
        "z",
        lambda model, rng: rng.normal("z", model.code_size, dtype=model.dtype),
    ),
    "encode": Exportable(
        can.Encodes,
        lambda model, x, rng, c: model.infer(_own(model, x, rng), c),
        "z",
        "x",
        lambda model, rng: _raw(model, rng),
    ),
    "step": Exportable(
        can.HasMarkovChain,
        lambda model, state, rng, c: model.step(state, rng),
        "next_state",
        "state",
        lambda model, rng: model.start_chain(rng),
        "step",
    ),
    "sample": Exportable(
        can.Samples,
        lambda model, _, rng, c: model.preprocessing.inverse(model.draw(rng, c)),
        "x",
        key="sample",
    ),
    "logits": Exportable(
        can.HasConditionals,
        lambda model, x, rng, c: model.parameters_of(_own(model, x, rng), c),
        "logits",
        "x",
        lambda model, rng: _raw(model, rng),
    ),
}


def _own(model: Model, x: Tensor, rng: Rng) -> Tensor:
    """Raw x in the model's own units."""
    return model.preprocessing.apply(x, rng).to(model.dtype)


def _raw(model: Model, rng: Rng) -> Tensor:
    """An example of raw x."""
    double = model.preprocessing.double and not lacks_float64(model.device)
    return example(model.preprocessing.raw, rng).to(torch.float64 if double else model.dtype)


def example(space: Space, rng: Rng) -> Tensor:
    """An observation for each row, its entries what the space fills gaps with."""
    zeros = torch.zeros(len(rng.rows), *space.shape, device=rng.device)
    return space.filled(zeros, torch.zeros_like(zeros, dtype=torch.bool))
