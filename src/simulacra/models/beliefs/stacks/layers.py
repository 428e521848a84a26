"""The kinds of conditional layers by name: independent units, DARN and NADE."""

from __future__ import annotations

from typing import Literal

from simulacra.models.beliefs.stacks.conditional import Layer
from simulacra.models.beliefs.stacks.darn_layer import DARNLayer
from simulacra.models.beliefs.stacks.independent import SBNLayer
from simulacra.models.beliefs.stacks.nade_layer import NADELayer

Kind = Literal["sbn", "darn", "nade"]

LAYERS: dict[Kind, type[Layer]] = {"sbn": SBNLayer, "darn": DARNLayer, "nade": NADELayer}
