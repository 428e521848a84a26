"""The artifacts of `tests/compat`: tiny models as one version of the library wrote them.

    python tests/compat/make.py tests/compat/format-1/NAME

Run it with the code whose files are to be kept, and commit what it writes; a folder that is there is
never written again. It uses only names that every version has. `expected.json` holds for each
artifact the inputs, the scores and the samples of the model that was saved.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

import simulacra
from simulacra import Affine, Preprocessing  # type: ignore[attr-defined]
