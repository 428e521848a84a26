"""Layers that mix the rows of a batch give on two processes the numbers and gradients of one, in float64."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from contract.harness import in_child
from simulacra.core.numerics.exchange import all_rows, exchanging, row_count, row_mean
from simulacra.core.storage.files import read_tensors, write_tensors
from simulacra.nets.adversarial.minibatch import MinibatchDiscrimination
from simulacra.nets.adversarial.normal import norm
from simulacra.training.hardware.backend import Backend, FabricBackend, make_fabric
from simulacra.training.options import Options
from simulacra.training.steps.order import share_of

pytestmark = pytest.mark.fault("doors 1.1")
ROWS = 7  # 3 and 4


class Matched(nn.Module):
    """The squared distance of the mean row to its parameter, once for each row."""

    def __init__(self):
        super().__init__()
        self.goal = nn.Parameter(torch.arange(5.0))

    def forward(self, x):
        """Shape (B, 5)."""
        return (row_mean(x) - self.goal).square().expand(len(x), -1)


LAYERS = {
    "features": lambda: norm("batch", 5, 2),
    "maps": lambda: norm("batch", 5, 4),
    "minibatch": lambda: MinibatchDiscrimination(5, 3, 2),
    "mean": Matched,
}


def results(name: str, backend: Backend) -> dict[str, torch.Tensor]:
    """Output, first and second derivatives and state of a layer, of the rows that this process holds."""
    torch.manual_seed(0)
    layer, shape = LAYERS[name](), (ROWS, 5, 3, 2) if name == "maps" else (ROWS, 5)
    x, weights = torch.randn(shape) * 3 + 10, torch.randn(ROWS)
    rows = share_of(ROWS, backend.rank, backend.world)
    mine = slice(rows.start, rows.stop)
    x = x[mine].requires_grad_()
    with exchanging(backend):
        y = layer(x)
        loss = (y.flatten(1).sin().sum(1) * weights[mine]).sum()
        (slope,) = torch.autograd.grad(loss, x, create_graph=True)
        slope.square().sum().backward()
    of_layer = {
        f"gradient {n}": backend.sum(p.grad) for n, p in layer.named_parameters() if p.grad is not None
    }
    return {"y": y.detach(), "slope": slope.detach(), "curvature": x.grad, **of_layer, **layer.state_dict()}


def work(fabric, folder) -> None:
    """One of two processes."""
    torch.set_default_dtype(torch.float64)
    backend = FabricBackend(fabric)
    for name in LAYERS:
        write_tensors(folder / f"{name}-{backend.rank}.safetensors", results(name, backend), {})
    few = torch.arange(3.0) if backend.rank else torch.zeros(0)
    with exchanging(backend):
        assert (row_count(few), float(row_mean(few))) == (3, 1.0)
        assert all_rows(few).tolist() == [0, 1, 2]


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """The folder in which two processes left what they computed."""
    folder = tmp_path_factory.mktemp("pair")
    options = Options(devices=2, device="cpu")
    assert in_child(lambda: make_fabric(options, start_method="fork").launch(work, folder)) == 0
    return folder


@pytest.mark.parametrize("name", LAYERS)
def test_two_processes_see_the_rows_of_one(name, pair, float64):
    alone = results(name, Backend(torch.device("cpu")))
    first, second = (read_tensors(pair / f"{name}-{rank}.safetensors")[0] for rank in (0, 1))
    for key, value in alone.items():
        rows = key in ("y", "slope", "curvature")
        found = torch.cat([first[key], second[key]]) if rows else first[key]
        torch.testing.assert_close(found, value, rtol=1e-11, atol=1e-11)
        assert rows or torch.equal(first[key], second[key])


def test_a_batch_of_one_row_on_two_processes_has_no_variance(monkeypatch):
    class Two(Backend):
        """A second process that holds nothing."""

        world = 2

    layer = norm("batch", 5, 2)
    with exchanging(Two(torch.device("cpu"))), pytest.raises(ValueError, match=r"batch of 2 rows or more\.$"):
        layer(torch.ones(1, 5))
