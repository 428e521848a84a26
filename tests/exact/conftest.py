"""Exact tests: double precision from a fixed seed."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture
def float64(float64):
    """Double precision as the default, with torch's own generator seeded."""
    torch.manual_seed(0)
