"""A trained diffusion or flow as a denoiser, whatever its schedule: the teacher of a consistency model.

    y = x_0 + s e,   m(y, s, c) = E[x_0 | y]                                                           (1)
    diffusion       x_t = sqrt(A_t) y,   s = sqrt((1 - A_t) / A_t),   m its prediction                 (2)
    flow matching   h_t = t y,   t = 1 / (1 + s),   m = h_t + (1 - t) v(h_t, t, c)                     (3)
    dy / ds = (y - m(y, s, c)) / s                                                                     (4)

x_0 is in the coordinates of the teacher, where it has about unit variance. (4) is the equation of the same
marginals for both.

Reference: Karras et al. 2022, equation 3 and table 1.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from simulacra.core.artifact.save import open_artifact
from simulacra.core.errors.suggestion import Phrase, Refusal, command
from simulacra.models.diffusion.chain import DiffusionModel
from simulacra.models.diffusion.ddpm import DDPM
from simulacra.models.diffusion.flow_matching import FlowMatching
from simulacra.models.diffusion.gaussian import GaussianKernel
from simulacra.models.diffusion.inversion import Diffusion
from simulacra.models.diffusion.samplers import LARGEST, level_at
from simulacra.models.diffusion.schedules import log_sigma

Teacher = DiffusionModel | FlowMatching
KINDS: dict[str, type[DDPM] | type[Diffusion] | type[FlowMatching]] = {
    kind.__name__: kind for kind in (DDPM, Diffusion, FlowMatching)
}
SMALLEST = 0.002  # smallest s of flow matching, below which y is x_0


def load_teacher(path: str) -> Teacher:
    """Returns the trained model of a run folder or a file, in evaluation mode.

    Args:
        path: the run folder, or a `.safetensors` file.

    Raises:
        ValueError: if there is none, its training has not finished, or it is no diffusion of real entries.
    """
    if not path:
        raise ValueError(
            "a consistency model is distilled from a trained diffusion or flow: give its run as teacher."
        )
    artifact = open_artifact(Path(path))
    name = str(artifact.config["model"])
    kind = KINDS.get(name)
    if kind is None:
        raise ValueError(
            f"{path} holds a {name[:60]}, but a teacher is one of {', '.join(KINDS)}: give the run of one."
        )
    if not artifact.weights.is_file():
        resumed = command("train", "--resume", path)
        go_on = Phrase(f"go on with {resumed}.", resumed)
        raise Refusal(f"the training of the teacher in {path} has not finished: {go_on}", go_on)
    found = artifact.load(kind, {})
    assert isinstance(found, DiffusionModel | FlowMatching)
    if isinstance(found, DiffusionModel) and not isinstance(found.kernel, GaussianKernel):
        raise ValueError(
            f"{path} is a diffusion of bits, whose noise is no Gaussian: give one of reals or levels."
        )
    return found.requires_grad_(False)


def place_of(teacher: Teacher) -> tuple[Tensor, Tensor]:
    """Returns m and s of the teacher's coordinates h = (x - m) / s, shape (*).

    Args:
        teacher: the trained model.
    """
    if isinstance(teacher, FlowMatching):
        return teacher.location, teacher.deviation
    one = torch.ones(teacher.space.shape)
    return teacher.kernel.centre * one, teacher.kernel.spread * one


def noise_of(teacher: Teacher) -> tuple[float, float]:
    """Returns the smallest and the largest s at which the teacher denoises.

    Args:
        teacher: the trained model.
    """
    if isinstance(teacher, FlowMatching):
        return SMALLEST, LARGEST
    table = log_sigma(teacher.kernel.log_kept[1:]).exp()
    return float(table[0]), min(float(table[-1]), LARGEST)


def denoised(teacher: Teacher, y: Tensor, s: Tensor, c: Tensor | None, guidance: float = 1.0) -> Tensor:
    """Returns m of equation (1), shape (B, d).

    Args:
        teacher: the trained model.
        y: x_0 and noise, shape (B, d).
        s: size of the noise, shape (B, 1).
        c: conditions, shape (B, *), or None.
        guidance: how far the prediction follows its condition.
    """
    if isinstance(teacher, FlowMatching):
        t = 1 / (1 + s)
        # (3)
        return t * y + (1 - t) * teacher.guided(t * y, t, c, guidance)
    level = level_at(teacher.kernel, s.log())
    # (2)
    mean: Tensor = teacher.guided(level.a * y, level, level, c, guidance).mean
    return mean


def moved(teacher: Teacher, y: Tensor, s: Tensor, r: Tensor, c: Tensor | None, guidance: float) -> Tensor:
    """Returns y at noise r by one step of Heun's method on equation (4), shape (B, d).

    Args:
        teacher: the trained model.
        y: x_0 and noise s, shape (B, d).
        s: size of the noise, shape (B, 1).
        r: smaller size, above 0, shape (B, 1).
        c: conditions, shape (B, *), or None.
        guidance: how far the prediction follows its condition.
    """
    slope = lambda y, s: (y - denoised(teacher, y, s, c, guidance)) / s
    d = slope(y, s)
    # (4)
    return y + (r - s) * (d + slope(y + (r - s) * d, r)) / 2
