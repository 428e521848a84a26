"""Models from the command line on two processes: the weights are those of one.

The rows, the noise and the totals are the same; sums over rows are taken in another order. What couples the
rows of a batch is refused by name.
"""

import sys

import pytest
import torch
from small_runs import train, write_data

from simulacra.core.storage.files import read_tensors
from simulacra.models.catalog import CATALOG

pytestmark = [
    pytest.mark.fault("doors 1.1"),
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="two processes take minutes to start there"),
]

TOLERANCE = 1e-6
REPRESENTED = ("vae", "nade", "gan", "rbm")


# one of each shape of update; the rest of the catalogue is trained so in `reliability/test_processes.py`
@pytest.mark.parametrize("name", REPRESENTED)
def test_two_processes_train_as_one(name, cli, tmp_path):
    write_data(tmp_path)
    train(cli, CATALOG[name], ("--seed", 3))
    (tmp_path / "run").rename(tmp_path / "one")
    torch.set_num_threads(1)
    more = ("--seed", 3, "--devices", 2)
    try:
        train(cli, CATALOG[name], more)
    except pytest.fail.Exception as failed:
        assert "cannot run on 2 processes" in str(failed)
        return
    one, two = (read_tensors(tmp_path / run / "model.safetensors")[0] for run in ("one", "run"))
    assert one.keys() == two.keys()
    far = {key: _distance(one[key], two[key]) for key in one if one[key].numel()}
    assert max(far.values()) <= TOLERANCE, {key: d for key, d in far.items() if d > TOLERANCE}


def _distance(a, b):
    """Largest difference, relative to the size of the tensor where that exceeds 1."""
    return float((a.double() - b.double()).abs().max() / a.double().abs().max().clamp_min(1))
