"""One thread, seeded, and real data only where they are: what all tests share."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: spinning threads starve small machines
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

import random
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import settings

torch.set_num_threads(1)
settings.register_profile("project", deadline=None, derandomize=True)
settings.load_profile("project")


@pytest.fixture
def float64():
    """Double precision as torch's default within a test."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


@pytest.fixture
def seeded():
    """Every global generator at 0, and a torch generator of its own at 0."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    return torch.Generator().manual_seed(0)


@pytest.fixture
def peak_memory():
    """`peak_memory()`: the most bytes that this process has held so far."""
    resource = pytest.importorskip("resource", reason="this system does not count the memory of a process")
    unit = 1 if sys.platform == "darwin" else 1024
    return lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


@pytest.fixture
def links(tmp_path):
    """Symbolic links, which Windows allows to some users only."""
    try:
        (tmp_path / "a link").symlink_to(tmp_path)
    except OSError as error:
        pytest.skip(f"no symbolic links here: {error}")
    (tmp_path / "a link").unlink()


@pytest.fixture
def real_data():
    """`real_data("mnist")`: the path of a data set under SIMULACRA_DATA, or the test is skipped."""

    def path(name: str) -> Path:
        folder = os.environ.get("SIMULACRA_DATA")
        if not folder:
            pytest.skip(f"needs {name}: set SIMULACRA_DATA to the folder that holds it")
        found = Path(folder) / name
        if not found.exists():
            pytest.skip(f"needs {name}, which is not in SIMULACRA_DATA")
        return found

    return path
