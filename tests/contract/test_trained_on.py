"""Training that goes on from trained weights begins at them: no start overwrites what was learned."""

from __future__ import annotations

import copy

import pytest
import torch

import simulacra
from contract.cases import CATALOGUED
from contract.choose import where
from contract.harness import trained
from simulacra.core.updates import Initial

# each step of its first stages sets the decoder to the mirrored encoder
MIRRORED = "deep-autoencoder"
STILL = {"lr": 1e-30, "progress": False, "validate": False, "ema": 0}


def begins_at_data(case) -> bool:
    """Whether the first stage sets initial weights from the data."""
    if case.source == MIRRORED:
        return False
    stage = case.build().stage(0, [])
    return stage is not None and isinstance(stage.start, Initial)


@where(begins_at_data, CATALOGUED)
@pytest.mark.fault("outside 2.m2")
def test_a_second_training_begins_where_the_first_ended(case, tmp_path):
    data, model = case.data(), copy.deepcopy(trained(case))
    model.has_history = True  # as a training or loading leaves it
    kept = {name: p.detach().clone() for name, p in model.named_parameters()}
    again = simulacra.fit(model, data, out=tmp_path, steps=1, batch_size=17, **STILL).model
    for name, p in again.named_parameters():
        torch.testing.assert_close(p, kept[name], rtol=1e-5, atol=1e-6, msg=name)
