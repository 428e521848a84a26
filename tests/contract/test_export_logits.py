"""`logits` as a graph: the numbers of each entry's distribution, which a program elsewhere draws with."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

import simulacra
from contract.cases import named
from contract.graphs import agree, needs_onnx, run
from contract.harness import trained
from contract.use import rows
from simulacra import export_onnx
from simulacra.core.spaces.plain import Binary
from simulacra.core.storage.files import HEADER

pytestmark = needs_onnx


def session_of(path):
    """The graph, ready to be run."""
    import onnxruntime

    return onnxruntime.InferenceSession(str(path))


def distribution_of(path):
    """What the file says of the numbers of `logits`."""
    metadata = session_of(path).get_modelmeta().custom_metadata_map
    return json.loads(metadata[HEADER])["distribution"]


def test_a_program_without_torch_draws_with_the_conditionals_of_the_model(tmp_path):
    """As docs/export.md has it; the product of what it draws by is p(x), so it draws from p(x)."""
    model = trained(named("fvbn/neural"))
    path = export_onnx(model, tmp_path / "m.onnx", "logits")
    said, session = distribution_of(path), session_of(path)
    assert said == {"name": "bernoulli", "numbers": 1, "members": 1, "order": [2, 0, 5, 1, 4, 3]}
    x = np.zeros((50, 6), np.float32)
    u, log_p = np.random.default_rng(8).random(x.shape), np.zeros(50)
    for i in said["order"]:
        (logits,) = session.run(None, {"x": x})
        p = 1 / (1 + np.exp(-logits[:, 0, i].astype(float)))
        x[:, i] = u[:, i] < p
        log_p += np.log(np.where(x[:, i] == 1, p, 1 - p))
    assert len(np.unique(x, axis=0)) > 10
    assert np.abs(log_p - model.log_prob(torch.from_numpy(x)).values.numpy()).max() < 1e-5


def test_the_numbers_of_an_ensemble_are_as_the_documentation_says(tmp_path):
    """MADE with 2 masks over 4 levels: 2 log-weights, then each number of both members."""
    model = trained(named("made/levels"))
    path = export_onnx(model, tmp_path / "m.onnx", "logits")
    said = distribution_of(path)
    assert (said["name"], said["numbers"], said["members"]) == ("logistic", 6, 2)
    x, _ = rows(named("made/levels"), 5)
    numbers = torch.from_numpy(run(path, {"x": x.float()})).double()
    log_w, loc, log_scale = numbers.unflatten(1, (3, 2)).unbind(1)
    loc, scale = loc + 0.5, (log_scale - 2).clamp_min(-7).exp()
    below = lambda edge: torch.where(edge < 3, torch.sigmoid((edge / 3 + 1 / 6 - loc) / scale), 1)
    level = x.double().unsqueeze(1)
    p = below(level) - torch.where(level > 0, below(level - 1), 0)
    by_hand = (log_w.softmax(1) * p).sum(1).log().sum((1, 2, 3))
    assert (by_hand - model.log_prob(x).values).abs().max() < 1e-4


def test_many_entries_are_cut_into_blocks(tmp_path):
    """67 entries: a block and a piece of one."""
    torch.manual_seed(6)
    model = simulacra.NADE(Binary((67,)), hidden=3)
    path = export_onnx(model, tmp_path / "m.onnx", "logits")
    agree(model, path, "logits", 7, (torch.rand(7, 67) < 0.3).to(torch.uint8))


def test_entries_in_any_order_have_no_graph(tmp_path):
    with pytest.raises(ValueError, match=r"EoNADE cannot do logits\(\): .* factorizes into conditionals"):
        export_onnx(trained(named("eonade")), tmp_path / "m.onnx", "logits")
    with pytest.raises(ValueError, match=r"draws entry by entry, .* for each of them: sample in Python"):
        export_onnx(trained(named("eonade")), tmp_path / "m.onnx", "sample")
    with pytest.raises(ValueError, match="draw from its exported 'logits', or sample in Python"):
        export_onnx(trained(named("nade")), tmp_path / "m.onnx", "sample")
