"""The cases of `tests/contract` are shared: its parent is importable from every folder of tests."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


@pytest.fixture(autouse=True)
def unsynced(monkeypatch):
    """Checkpoints after every step, without waiting for the disk: what a killed process has written
    is in the page cache; only a power cut needs the sync."""
    monkeypatch.setattr(os, "fsync", lambda file: None)
