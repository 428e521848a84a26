"""Refusals of flows, flow matching and consistency models: file, words, and what is refused."""

import tempfile

import simulacra
from simulacra import Categorical, Real

CLASS = Categorical((), 3)


def distilled(**more):
    """A consistency model whose teacher always saw its condition."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/teacher.safetensors"
        simulacra.FlowMatching(Real((2,)), CLASS, hidden=(3,), drop=0.0).save(path)
        return simulacra.Consistency(Real((2,)), CLASS, teacher=path, **more).teacher()


FLOWS = (
    (
        "models/diffusion/flow_matching.py",
        "a draw takes at least one: take {}",
        lambda **o: simulacra.FlowMatching(Real((3,)), **{"steps": 0, **o}),
    ),
    (
        "models/diffusion/consistency.py",
        "a way has at least two steps: take {}",
        lambda **o: simulacra.Consistency(Real((3,)), **{"levels": 1, **o}),
    ),
    (
        "models/diffusion/consistency.py",
        "but there is no condition: give {}",
        lambda **o: simulacra.Consistency(Real((3,)), **{"guidance": 2.0, **o}),
    ),
    (
        "models/diffusion/consistency.py",
        "the teacher always saw its condition: give {}",
        lambda **o: distilled(**{"guidance": 2.0, **o}),
    ),
    (
        "models/flows/flow.py",
        "but a flow has at least one: take {}",
        lambda **o: simulacra.Flow(Real((3,)), **{"layers": 0, **o}),
    ),
    (
        "models/flows/flow.py",
        "a layer has at least one unit: take {}",
        lambda **o: simulacra.Flow(Real((3,)), **{"hidden": (0,), **o}),
    ),
    (
        "models/flows/flow.py",
        "has one: take {}",
        lambda **o: simulacra.Flow(Real((1,)), **{"kind": "nice", **o}),
    ),
    (
        "models/flows/flow.py",
        "only from 2 couplings on: take {}",
        lambda **o: simulacra.Flow(Real((3,)), **{"kind": "nice", "layers": 1, **o}),
    ),
)
