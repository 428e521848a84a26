"""The methods of a model that can be exported as graphs, from raw units to raw units.

    decode    z            -> the expectation of x
    encode    x            -> z
    step      state        -> the next state of the Markov chain
    sample    (noise only) -> x
    logits    x            -> the parameters of each entry's distribution given the entries before it

Random numbers that a method draws from its `Rng` become further inputs of the graph.
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
    """A method of a model as a graph.

    Args:
        capability: capability that the model needs.
        run: the method on tensors, (model, input, rng, condition) -> output.
        output: name of the output.
        input: name of the input; "": noise is the only input.
        example: (model, rng, condition) -> an example of the input with one row for each row of rng.
        key: purpose of the random numbers in their key, as in `Rng(seed, key)`.
    """

    capability: type[can.Capability]
    run: Callable[[Any, Any, Rng, Tensor | None], Tensor]
    output: str
    input: str = ""
    example: Callable[[Any, Rng, Tensor | None], Tensor] | None = None
    key: str = "score"


WORDS = {
    "decode": Exportable(
        can.Decodes,
        lambda model, z, rng, c: model.preprocessing.restore(model.emit(z, c)),
        "x",
        "z",
        lambda model, rng, c: rng.normal("z", model.code_size, dtype=model.dtype),
    ),
    "encode": Exportable(
        can.Encodes,
        lambda model, x, rng, c: model.infer(_preprocessed(model, x, rng), c),
        "z",
        "x",
        lambda model, rng, c: _raw_example(model, rng),
    ),
    "step": Exportable(
        can.HasMarkovChain,
        lambda model, state, rng, c: model.step(state, rng, c),
        "next_state",
        "state",
        lambda model, rng, c: model.start_chain(rng, c),
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
        lambda model, x, rng, c: model.parameters_of(_preprocessed(model, x, rng), c),
        "logits",
        "x",
        lambda model, rng, c: _raw_example(model, rng),
    ),
}


def _preprocessed(model: Model, x: Tensor, rng: Rng) -> Tensor:
    """Returns raw x in the model's space and type."""
    return model.preprocessing.apply(x, rng).to(model.dtype)


def _raw_example(model: Model, rng: Rng) -> Tensor:
    """Returns an example of raw x."""
    double = model.preprocessing.double and not lacks_float64(model.device)
    return example(model.preprocessing.raw, rng).to(torch.float64 if double else model.dtype)


def example(space: Space, rng: Rng) -> Tensor:
    """Returns placeholder observations, one for each row of rng.

    Args:
        space: space of the observations.
        rng: generator whose rows and device are used; nothing is drawn.
    """
    zeros = torch.zeros(len(rng.rows), *space.shape, device=rng.device)
    return space.filled(zeros, torch.zeros_like(zeros, dtype=torch.bool))
