"""Several processes through the public door: `fit(devices=2)`, and its errors as sentences."""

from __future__ import annotations

import sys
import time
from functools import partial

import pytest
import torch

import simulacra
from simulacra.core.spaces.plain import Binary
from simulacra.data.sources.tensors import from_tensors
from simulacra.training.hardware import launch
from simulacra.training.steps.optimizer_steps import TrainingFailed


def fitted(folder, devices: int, **settings) -> simulacra.Model:
    """A VAE of a pattern of bits, trained by so many processes."""
    data = from_tensors((torch.arange(303 * 7).reshape(303, 7) % 5 < 2).to(torch.uint8), Binary((7,)))
    torch.manual_seed(3)
    model = simulacra.VAE(data.space, latent=3, hidden=(11,))
    return simulacra.fit(
        model, data, out=folder, devices=devices, device="cpu", batch_size=50, progress=False, **settings
    ).model


@pytest.mark.slow
def test_two_processes_give_the_weights_of_one(tmp_path):
    one, two = (fitted(tmp_path / str(n), n, epochs=2).state_dict() for n in (1, 2))
    assert max(float((one[name] - two[name]).abs().max()) for name in one) < 1e-6


@pytest.mark.thorough
@pytest.mark.slow
def test_a_failure_in_a_child_arrives_as_its_sentence(tmp_path):
    with pytest.raises(TrainingFailed, match="is not finite"):
        fitted(tmp_path / "run", 2, epochs=50, lr=1e30)


def lost_and_failed(loop, ended):
    """The first process loses its connections, and says only then what went wrong."""
    if loop.backend.rank == 0:
        torch.distributed.destroy_process_group()
        time.sleep(1)
        raise ValueError("the disk is full.")


@pytest.mark.fault("doors 1.1")
@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="needs os.fork")
def test_the_cause_is_told_not_the_connection_that_another_process_lost(tmp_path, monkeypatch):
    monkeypatch.setattr(launch, "make_fabric", partial(launch.make_fabric, start_method="fork"))
    with pytest.raises(ValueError, match=r"^the disk is full\.$"):
        fitted(tmp_path / "run", 2, epochs=2, callbacks=(lost_and_failed,))
