"""Models of sequences whose parameters all matter, and their equations summed in numpy."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from oracles import states

from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.composite import Sequence
from simulacra.core.spaces.plain import Binary
from simulacra.data.sources.tensors import from_tensors
from simulacra.models.boltzmann.recurrent.rnn_nade import RNNNADE
from simulacra.models.boltzmann.recurrent.rnn_rbm import RNNRBM
from simulacra.models.boltzmann.recurrent.rtrbm import RTRBM

D, T = 4, 3
KINDS = {
    "rtrbm": partial(RTRBM, hidden=5, burn_in=30),
    "rnn-rbm": partial(RNNRBM, hidden=8, state=3, burn_in=30),
    "rnn-nade": partial(RNNNADE, hidden=5, state=3),
}
every = pytest.mark.parametrize("name", KINDS)


def space(steps: int = T) -> Sequence:
    return Sequence((steps,), of=Binary((D,)))


def shaken(name: str, steps: int = T, seed: int = 5, **options):
    """A model whose parameters all matter."""
    torch.manual_seed(seed)
    model = KINDS[name](space(steps), **options)
    with torch.no_grad():
        for p in model.parameters():
            p.normal_(0, 0.7)
    return model.eval()


def weights(model) -> dict[str, np.ndarray]:
    return {name.split(".")[-1]: p.detach().numpy() for name, p in model.named_parameters()}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def of_machine(p, v, b, c) -> float:
    """log p(v) of an RBM by summing over all v and h."""
    every_v, every_h = states(D), states(len(c))
    minus_e = (every_v @ b)[:, None] + (every_h @ c)[None] + every_v @ p["W"] @ every_h.T
    one = v @ b + every_h @ c + v @ p["W"] @ every_h.T
    return np.logaddexp.reduce(one) - np.logaddexp.reduce(minus_e.ravel())


def of_nade(p, v, b, c) -> float:
    total = 0.0
    for i in range(D):
        on = sigmoid(b[i] + p["V"][i] @ sigmoid(c + v[:i] @ p["W"][:i]))
        total += np.log(on if v[i] else 1 - on)
    return total


def log_p(name: str, p: dict[str, np.ndarray], frames: np.ndarray, net: dict[str, np.ndarray]) -> float:
    """log p of one sequence from the equations at the top of the models' files."""
    total = 0.0
    if name == "rtrbm":
        r = np.zeros(len(p["c"]))
        for v in frames:
            c = p["c"] + r @ p["recurrent"]
            total += of_machine(p, v, p["b"], c)
            r = sigmoid(v @ p["W"] + c)
        return total
    u, law = np.zeros(len(net["a"])), of_machine if name == "rnn-rbm" else of_nade
    for v in frames:
        total += law(p, v, p["b"] + u @ net["U"], p["c"] + u @ net["V"])
        u = np.tanh(net["a"] + u @ net["A"] + v @ net["B"])
    return total


def oracle(name: str, model, frames: np.ndarray) -> float:
    net = weights(model.net) if name != "rtrbm" else {}
    own = {n: p.detach().numpy() for n, p in model.named_parameters() if not n.startswith("net.")}
    return log_p(name, {n.split(".")[-1]: p for n, p in own.items()}, frames, net)


def sequences(steps: int) -> torch.Tensor:
    return torch.from_numpy(states(D * steps)).view(-1, steps, D)


def ragged(n: int = 53, steps: int = 7):
    """Scales that go up and start over, cut at random."""
    rng = Rng(3, "scales", rows=range(n))
    first = (rng.uniform("first", 1) * D).long()
    notes = (first + torch.arange(steps)) % D
    x = torch.nn.functional.one_hot(notes, D).to(torch.uint8)
    lengths = 1 + (rng.uniform("length", 1).squeeze(1) * steps).long()
    kept = torch.arange(steps).unsqueeze(1) < lengths.view(-1, 1, 1)
    return from_tensors(x * kept, space(steps), "scales", lengths=lengths)
