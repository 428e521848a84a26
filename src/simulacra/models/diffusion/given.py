"""Inputs of a network beside the noisy observation: features of a condition, and 1 where it is given.

Reference: Ho and Salimans 2022, on conditions that are dropped in training.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from simulacra.core.errors.suggestion import Refusal, build_with
from simulacra.core.spaces.plain import Space

# of models in files that were written when every condition was one vector
BEFORE_MAPS: Mapping[str, Any] = {"maps": False}


def size_given(condition: Space | None) -> int:
    """Returns the number of entries that `features_given` returns; 0 without a condition.

    Args:
        condition: space of the condition, or None.
    """
    return 0 if condition is None else math.prod(condition.features_shape) + 1


def features_given(
    condition: Space | None, h: Tensor, c: Tensor | None, kept: Tensor | None
) -> Tensor | None:
    """Returns the features of conditions, and 1 where they are given, shape (B, n); None without a condition.

    Args:
        condition: space of the condition, or None.
        h: what the network sees, shape (B, d).
        c: conditions, shape (B, *); None: given nowhere.
        kept: True where the condition is given, shape (B, 1); None: everywhere.
    """
    if condition is None:
        return None
    if c is None:
        return torch.zeros_like(h[:, :1]).expand(-1, size_given(condition))
    one = torch.ones_like(h[:, :1]) if kept is None else kept.to(h.dtype)
    return torch.cat([condition.vectors(c, h.dtype) * one, one], 1)


def check_drop(drop: float) -> None:
    """Raises ValueError if the share of rows without their condition is not in [0, 1).

    Args:
        drop: the share.
    """
    if not 0 <= drop < 1:
        some = build_with(drop=0.1)
        raise Refusal(f"drop is {drop}, but a share of rows lies in [0, 1): take {some}.", some)


def check_guidance(guidance: float | None, name: str, condition: Space | None, drop: float) -> None:
    """Raises ValueError if guidance is asked for that the model cannot give.

    Args:
        guidance: how far a draw follows its condition; None: 1.
        name: class of the model.
        condition: space of the condition, or None.
        drop: share of the rows whose condition was dropped in training.
    """
    if guidance not in (None, 1.0) and (condition is None or not drop):
        lacks = "no condition" if condition is None else "drop=0"
        raise ValueError(f"guidance is {guidance}, but this {name} has {lacks}: give a guidance of 1.")
