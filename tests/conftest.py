"""One thread, one world for each test, and real data only where they are: what all tests share."""

import logging
import os
import random
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import settings

torch.set_num_threads(1)
settings.register_profile("project", deadline=None, derandomize=True, max_examples=200)
settings.register_profile("whole", deadline=None, derandomize=True, max_examples=5000)


def pytest_configure(config):
    """The whole suite tries more examples than the quick one, but for the cost of tests in the quick one."""
    whole = config.getoption("--all") and not config.getoption("--costs")
    settings.load_profile("whole" if whole else "project")


def same_numbers():
    """Every global generator at 0."""
    random.seed(0)
    np.random.seed(0)
    torch.default_generator.manual_seed(0)  # `torch.manual_seed` asks every kind of device


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef):
    """A fixture that several tests share draws the same numbers, whichever of them asks first."""
    if fixturedef.scope != "function":
        same_numbers()
    return (yield)


@pytest.fixture(autouse=True)
def own_world():
    """A test finds every global generator at 0, and what it sets for the process goes when it ends."""
    same_numbers()
    log, folder, environment = logging.getLogger("simulacra"), os.getcwd(), dict(os.environ)
    dtype, threads, gradients = torch.get_default_dtype(), torch.get_num_threads(), torch.is_grad_enabled()
    level, propagate, handlers = log.level, log.propagate, list(log.handlers)
    yield
    torch.set_default_dtype(dtype)
    torch.set_num_threads(threads)
    torch.set_grad_enabled(gradients)
    log.setLevel(level)
    log.propagate, log.handlers = propagate, handlers
    os.chdir(folder)
    if dict(os.environ) != environment:
        os.environ.clear()
        os.environ.update(environment)


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
    same_numbers()
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
