"""Films that a model continues: each drawn frame becomes the last of the frames before the next one.

x^_t ~ p(x_t | x^_{t-n}, ..., x^_{t-1}),   t = 1 ... T,   with the given frames up to t = 0       (1)
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from simulacra.core.capabilities.paired import draws_pairs
from simulacra.core.errors.suggestion import Refusal, load_with
from simulacra.core.model import Model
from simulacra.core.spaces.plain import Space


def rolled_out(model: Model, frames: Any, steps: int = 8, seed: int = 0) -> Tensor:
    """Continues films by equation (1), in raw units, shape (B, steps, C, *).

    Args:
        model: a model of the next frame given those before it, stacked on channels.
        frames: the last n frames of each film in raw units, shape (B, n C, *).
        steps: number T of new frames.
        seed: seed of the draws; frame t uses seed + t.

    Raises:
        ValueError: if the model's condition holds no frames like x, or `steps` is below 1.

    Example:
        >>> from simulacra import Levels, NextFrameGAN
        >>> model = NextFrameGAN(Levels((1, 8, 8), 17), Levels((4, 8, 8), 17), channels=2, blocks=1)
        >>> rolled_out(model, torch.zeros(2, 4, 8, 8), steps=3).shape
        torch.Size([2, 3, 1, 8, 8])
    """
    raw = model.preprocessing.raw
    given = None if model.conditioning is None else model.conditioning.raw
    if not draws_pairs(model) or not stacks(given, raw):
        before = load_with(condition="past:4")
        raise Refusal(
            f"a film is continued by a model of p(frame | frames before), but {type(model).__name__} draws "
            f"{raw} given {given or 'nothing'}: load the data with {before}, and train one.",
            before,
        )
    if steps < 1:
        raise ValueError(f"steps is {steps}, but a film is continued by at least 1 frame: give 8.")
    c, made = torch.as_tensor(frames).cpu(), []
    for t in range(steps):
        # (1)
        x = model.sample(len(c), condition=c, seed=seed + t).cpu()
        made.append(x)
        c = torch.cat([c[:, x.shape[1] :], x.to(c.dtype)], 1)
    return torch.stack(made, 1)


def stacks(condition: Space | None, space: Space) -> bool:
    """Returns True if a condition may hold frames like x, stacked on channels.

    Args:
        condition: raw space of the condition, or None.
        space: raw space of x.

    Example:
        >>> from simulacra import Levels
        >>> stacks(Levels((4, 8, 8), 17), Levels((1, 8, 8), 17))
        True
    """
    if type(condition) is not type(space) or not space.shape or len(condition.shape) != len(space.shape):
        return False
    (k, *rest), (channels, *sides) = condition.shape, space.shape
    alike = getattr(condition, "levels", 0) == getattr(space, "levels", 0)
    return alike and rest == sides and k % channels == 0
