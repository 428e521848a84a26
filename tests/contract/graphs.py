"""An exported graph, run by onnxruntime, beside the word that it says."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest
import torch

from simulacra.core.export.exportable import WORDS
from simulacra.core.export.onnx import CONDITION, graph_inputs
from simulacra.core.random.keyed import Rng

SEED = 11
NEEDED = ("onnx", "onnxscript", "onnxruntime")
needs_onnx = pytest.mark.skipif(not all(map(find_spec, NEEDED)), reason="needs simulacra[export]")


def answer(model, what, inputs, n, raw=None):
    """What the word itself says to the inputs of its graph.

    Args:
        raw: observations as users give them, where the word takes x.
    """
    c = inputs.get(CONDITION)
    if what == "sample":
        return model.sample(n, c, seed=SEED)
    if what == "step":
        with torch.no_grad():
            return model.step(inputs["state"], Rng(SEED, "step", rows=range(n)), c)
    if what == "logits":
        with torch.no_grad():
            own = model.preprocessing.apply(raw, Rng(SEED, "score", rows=range(n)))
            return model.parameters_of(own, c)
    return model.encode(raw, c, seed=SEED) if what == "encode" else model.decode(inputs["z"], c)


def run(path, inputs):
    """The graph's output, by onnxruntime."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path))
    assert {i.name for i in session.get_inputs()} == set(inputs)
    return session.run(None, {name: t.numpy() for name, t in inputs.items()})[0]


def agree(model, path, what, n, x=None, c=None):
    """Assert that graph and word give the same for n rows; x and c are raw."""
    # observations enter graphs as numbers of the model, whatever a user stores them in
    given = {} if c is None else {CONDITION: c.to(model.dtype) if c.dtype == torch.uint8 else c}
    given |= {"x": x.to(model.dtype)} if WORDS[what].input == "x" else {}
    inputs, _ = graph_inputs(model, what, n, SEED, given)
    expected = answer(model, what, inputs, n, x).numpy()
    found = run(path, inputs)
    assert found.dtype == expected.dtype and found.shape == expected.shape and len(found) == n
    scale = max(1.0, np.abs(expected.astype(float)).max())
    assert np.abs(found.astype(float) - expected.astype(float)).max() < 1e-5 * scale
    return found
