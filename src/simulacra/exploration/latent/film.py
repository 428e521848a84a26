"""Films of walks between codes: decoded images, one after the other, as GIF or WebP.

    frame t = E[x | z_t],   z_t a path, or z with one entry that goes from -r to r                      (1)

Reference: Dumoulin's film of faces that change along the latent dimensions of a convolutional VAE. Row E26.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from simulacra.core.model import Model
from simulacra.core.spaces.plain import Space
from simulacra.core.storage.files import write_atomically
from simulacra.core.storage.nested import make_folder
from simulacra.exploration.drawing.sheet import images_of

FORMATS = {".gif": "GIF", ".webp": "WEBP"}
SIDE = 192  # pixels of the shorter side of a frame, at least


def film(
    model: Model, codes: Tensor, path: str | Path, condition: Any = None, frames_per_second: float = 12.0
) -> Path:
    """Writes the images that a model decodes along a path of codes as one film, which repeats for ever.

    Args:
        model: model of images that decodes.
        codes: z_t, one for each frame, shape (T, latent).
        path: the file, which ends in `.gif` or `.webp`.
        condition: one for all frames, or one for each, where the model takes one.
        frames_per_second: speed.

    Returns:
        The path of the film.

    Raises:
        ValueError: if the file has another ending, the model decodes no images, there are fewer than two
            codes, or the speed is not above 0.

    Example:
        >>> import tempfile
        >>> import simulacra
        >>> model = simulacra.GAN(simulacra.Levels((1, 8, 8), 17), latent=3, network="mlp")
        >>> codes = along(torch.zeros(3), axis=0, steps=5)
        >>> film(model, codes, f"{tempfile.mkdtemp()}/walk.gif").name
        'walk.gif'
    """
    path = _checked(path, frames_per_second)
    if len(codes) < 2:
        raise ValueError(f"there is {len(codes)} code, but a film has two frames or more: give a path.")
    # (1)
    return save_film(model.preprocessing.raw, model.decode(codes, condition), path, frames_per_second)


def save_film(space: Space, frames: Tensor, path: str | Path, frames_per_second: float = 12.0) -> Path:
    """Writes images, such as `rolled_out` returns for one film, as a film, which repeats for ever.

    Args:
        space: space of one image.
        frames: images in raw units, shape (T, C, H, W), at least two.
        path: the file, which ends in `.gif` or `.webp`.
        frames_per_second: speed.

    Returns:
        The path of the film.

    Raises:
        ValueError: if the file has another ending, the space holds no images, there are fewer than two
            frames, or the speed is not above 0.

    Example:
        >>> import tempfile
        >>> import simulacra
        >>> frames = torch.randint(0, 17, (3, 1, 8, 8))
        >>> save_film(simulacra.Levels((1, 8, 8), 17), frames, f"{tempfile.mkdtemp()}/walk.gif").name
        'walk.gif'
    """
    path = _checked(path, frames_per_second)
    if len(frames) < 2:
        raise ValueError(f"there is {len(frames)} frame, but a film has two or more: give more steps.")
    from simulacra.exploration.rendering.tiles import pixels

    _write(pixels(images_of(space, frames)), path, 1000 / frames_per_second)
    return path


def _checked(path: str | Path, frames_per_second: float) -> Path:
    """Returns the path, after checking its ending and the speed."""
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise ValueError(f"{path.name} is no film: its name ends in {' or '.join(FORMATS)}.")
    if not frames_per_second > 0:
        raise ValueError(f"frames_per_second is {frames_per_second:g}, but a speed is above 0: give 12.")
    return path


def along(z: Tensor, axis: int, reach: float = 2.0, steps: int = 24) -> Tensor:
    """Returns codes that equal z but for one entry, which goes from -reach to reach, shape (steps, latent).

    Args:
        z: a code, shape (latent,).
        axis: number of the entry, from 0.
        reach: largest value of the entry, in deviations of the prior N(0, I).
        steps: number of codes, at least 2.

    Raises:
        ValueError: if z has no such entry, or there are fewer than two steps.

    Example:
        >>> along(torch.tensor([5.0, 7.0]), axis=1, reach=1, steps=3).tolist()
        [[5.0, -1.0], [5.0, 0.0], [5.0, 1.0]]
    """
    if not 0 <= axis < len(z):
        raise ValueError(f"axis is {axis}, but the code has the entries 0 to {len(z) - 1}.")
    if steps < 2:
        raise ValueError(f"steps is {steps}, but a walk has at least 2.")
    codes = z.repeat(steps, 1)
    codes[:, axis] = torch.linspace(-reach, reach, steps, dtype=z.dtype)
    return codes


def _write(seen: Any, path: Path, milliseconds: float) -> None:
    """Writes frames of shape (T, H, W, 3), each pixel enlarged to a square."""
    from PIL import Image

    larger = max(1, -(-SIDE // min(seen.shape[1:3])))
    first, *others = (Image.fromarray(frame.repeat(larger, 0).repeat(larger, 1)) for frame in seen)
    how = {"save_all": True, "append_images": others, "duration": round(milliseconds), "loop": 0}
    make_folder(path.parent)
    kind = FORMATS[path.suffix.lower()]
    write_atomically(path, lambda aside: first.save(aside, format=kind, **how))
