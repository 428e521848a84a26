"""The cases of `tests/contract` are shared: its parent is importable from every folder of tests."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
